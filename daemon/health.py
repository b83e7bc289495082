"""Is everything well? One report, the same for both commands.

Nothing is started or changed, and nobody is waited for: each part is looked at in a thread of its own, and
what does not answer in time is not well.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from daemon import control, disk, spool
from daemon.catalog import daemons
from daemon.catalog.database import Database, DatabaseError, newest_version, schema_version
from daemon.catalog.probe import CONNECT_TIMEOUT, probe
from daemon.inbox.ledger import Ledger
from daemon.queue import JobQueue
from daemon.queue_error import QueueError
from daemon.settings import Paths, Settings
from daemon.state import Heartbeat, State

TIME_LIMIT = 1.2
"""Seconds for all parts together; with the start of the program less than two."""

BUSY_PATIENCE = 0.5
"""Seconds to wait for another process's write to a file."""

SINCE = 5
"""The schema's version from which on daemons show themselves."""

Part = dict[str, Any]

NO_WORKERS: Part = {
    "ok": False,
    "message": "nothing is known of them without a daemon",
    "count": None,
    "busy": None,
    "hung": None,
    "last_progress_age": None,
}


ALL_ELSEWHERE: Part = NO_WORKERS | {"ok": True, "message": "none here"}


@dataclass(frozen=True, slots=True)
class Report:
    """What :func:`check` found, part by part; each has ``ok`` and ``message``."""

    database: Part
    server: Part
    daemon: Part
    workers: Part
    machines: Part
    """All daemons that share the queue, where several may."""
    queue: Part
    inbox: Part
    disk: Part

    @property
    def exit_code(self) -> int:
        """0 all is well, 1 something is not, 3 database or queue out of reach."""
        if not self.database["ok"] or not self.queue["ok"]:
            return 3
        return 0 if all(part["ok"] for part in self.parts.values()) else 1

    @property
    def parts(self) -> dict[str, Part]:
        """By name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {"status": "ok" if self.exit_code == 0 else "error", **self.parts}

    def lines(self) -> list[str]:
        """For people, a line per part."""
        return [
            f"{'ok   ' if part['ok'] else 'ERROR'}  {name:<9} {part['message']}"
            for name, part in self.parts.items()
        ]


def check(settings: Settings, paths: Paths) -> Report:
    """Look at all parts, for :data:`TIME_LIMIT` seconds at most."""
    asked = {
        "database": _Asked(_database, settings, paths),
        "daemon": _Asked(_daemon, paths),
        "machines": _Asked(_machines, settings, paths),
        "queue": _Asked(_queue, settings, paths),
        "inbox": _Asked(_inbox, settings, paths),
        "disk": _Asked(_disk, settings, paths),
    }
    deadline = time.monotonic() + TIME_LIMIT
    found = {name: question.answer(deadline) for name, question in asked.items()}
    daemon, workers = found["daemon"], found["daemon"].pop("of_workers", None)
    machines = found["machines"]
    if daemon["pid"] is None and machines.get("at_work"):
        daemon |= {"ok": True, "message": "none here; those of other machines do the work"}
        workers = ALL_ELSEWHERE
    database, server = found["database"], found["database"].pop("of_server", None)
    if server and server["running"] is False and daemon["ok"]:
        # Nobody needs it while nobody works; a daemon does.
        server |= {"ok": False, "message": "the embedded server does not run"}
        database |= {"ok": False, "message": server["message"]}
    return Report(
        database=database,
        server=server or {"ok": database["ok"], "message": "not known", "embedded": None, "running": None},
        daemon=daemon,
        workers=workers or NO_WORKERS,
        machines=machines,
        queue=found["queue"],
        inbox=found["inbox"],
        disk=found["disk"],
    )


class _Asked:
    """A look that is under way."""

    def __init__(self, look: Callable[..., Part], *arguments: Any) -> None:
        self._future: Future[Part] = Future()
        self._look = look
        self._arguments = arguments
        # A thread that is waiting for somebody dead does not keep the program from ending.
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._future.set_result(self._look(*self._arguments))
        except Exception as error:
            self._future.set_exception(error)

    def answer(self, deadline: float) -> Part:
        """What was found until then."""
        try:
            return self._future.result(max(deadline - time.monotonic(), 0))
        except TimeoutError:
            return {"ok": False, "message": f"no answer within {TIME_LIMIT} s"}
        except (DatabaseError, QueueError, sqlite3.Error, OSError) as error:
            return {"ok": False, "message": str(error)}


def _database(settings: Settings, paths: Paths) -> Part:
    started = time.monotonic()
    database = Database(settings, paths)
    kind = "embedded server" if database.is_embedded else "database.url"
    server = {"ok": True, "embedded": database.is_embedded, "running": True, "message": "runs"}
    found: Part = {"ok": True, "embedded": database.is_embedded, "of_server": server}
    if not database.is_embedded:
        server |= {"running": None, "message": "yours (database.url)"}
    try:
        seen = probe(database)
    except DatabaseError as error:
        return {"ok": False, "message": str(error), "seconds": round(time.monotonic() - started, 3)}
    if seen is None:
        message = "the embedded server does not run; it is started when it is needed"
        server |= {"running": False, "message": message}
        return found | {"message": message}
    found |= {
        "latency_ms": round(1000 * seen.latency, 2),
        "server_version": seen.server_version,
        "schema_version": seen.schema_version,
        "jobs": {status.value: count for status, count in seen.jobs.items()},
    }
    message = (
        f"PostgreSQL {seen.server_version} ({kind}), schema {seen.schema_version}, "
        f"answers in {1000 * seen.latency:.1f} ms"
    )
    if seen.schema_version > newest_version():
        newer = f"its schema {seen.schema_version} was made by a newer Bibliflow; update this one"
        return found | {"ok": False, "message": newer}
    return found | {"message": message}


def _daemon(paths: Paths) -> Part:
    info = control.running(paths)
    if info is None:
        return {"ok": False, "message": "not running; `bibliflow-daemon run` starts it", "pid": None}
    found: Part = {"ok": info.ready, "pid": info.pid}
    if not info.ready:
        return found | {"message": f"starting, process {info.pid}"}
    try:
        with State(paths.state_db, patience=BUSY_PATIENCE) as state:
            beat = state.heartbeat()
    except sqlite3.Error as error:
        return found | {"ok": False, "message": f"process {info.pid}; {paths.state_db}: {error}"}
    if beat is None or beat.pid != info.pid or beat.is_stale:
        age = f"{beat.age:.0f} s ago" if beat and beat.pid == info.pid else "never"
        return found | {"ok": False, "message": f"process {info.pid} hangs; its last heartbeat was {age}"}
    return found | {
        "message": f"running, process {info.pid}, {beat.workers} workers",
        "workers": beat.workers,
        "started_at": beat.started_at,
        "heartbeat_age": round(beat.age, 1),
        "of_workers": _workers(beat),
    }


def _workers(beat: Heartbeat) -> Part:
    progress = None
    if beat.progress_at:
        progress = (datetime.now(UTC) - datetime.fromisoformat(beat.progress_at)).total_seconds()
    message = f"{beat.busy} of {beat.workers} busy"
    if progress is not None:
        message += f", last progress {progress:.0f} s ago"
    if beat.hung:
        message = (
            f"{beat.hung} of {beat.workers} hang; `bibliflow-daemon stop` ends them, and imports go on later"
        )
    return {
        "ok": not beat.hung,
        "message": message,
        "count": beat.workers,
        "busy": beat.busy,
        "hung": beat.hung,
        "last_progress_age": None if progress is None else round(progress, 1),
    }


def _inbox(settings: Settings, paths: Paths) -> Part:
    folder = paths.inbox(settings.watch)
    found: Part = {"folder": str(folder), "files": {}}
    if not settings.watch.enabled:
        return found | {"ok": True, "message": "not watched (watch.enabled is false)"}
    if not paths.state_db.exists():
        return found | {"ok": True, "message": f"{folder}, not watched yet"}
    with Ledger(paths.state_db, patience=BUSY_PATIENCE) as ledger:
        state = ledger.folder()
        found["files"] = {name.value: count for name, count in ledger.counts().items()}
    if state and state.problem:
        return found | {"ok": False, "message": state.problem}
    return found | {"ok": True, "message": str(folder)}


def _machines(settings: Settings, paths: Paths) -> Part:
    if not settings.queue.is_shared:
        return {"ok": True, "message": "this one (queue.url is empty)", "daemons": []}
    with Database(settings, paths).peek(CONNECT_TIMEOUT) as connection:
        known = daemons.known(connection) if connection and schema_version(connection) >= SINCE else []
    lines, is_well = [], True
    here = spool.mark_of(paths.spool)
    for one in known:
        line = f"{one.host}: {one.busy} of {one.workers} busy"
        if one.is_away:
            line = f"{one.host}: not seen for {one.age:.0f} s"
        elif one.hung:
            line += f", {one.hung} hang"
        elif not one.spool_mark:
            line += ", its spool is not there"
        elif one.spool_mark != here:
            line += ", its spool is not that of this machine"
        is_well &= not (one.is_away or one.hung) and bool(here) and one.spool_mark == here
        lines.append(line)
    return {
        "ok": is_well,
        "message": "; ".join(lines) or "no daemon works on this queue",
        "at_work": sum(not one.is_away for one in known),
        "daemons": [one.as_dict() | {"same_spool": one.spool_mark == here} for one in known],
    }


def _queue(settings: Settings, paths: Paths) -> Part:
    if not JobQueue.is_there(settings, paths):
        return {"ok": True, "message": "empty", "depth": 0, "oldest_task_age": None}
    queue = JobQueue.of(settings, paths, patience=BUSY_PATIENCE)
    try:
        depth, age = queue.depth(), queue.oldest_age()
    finally:
        queue.close()
    kinds = {"sqlite": "", "postgresql": " (queue.url, on PostgreSQL)", "redis": " (queue.url, on Redis)"}
    message = (f"{depth} waiting" if depth else "empty") + kinds[settings.queue.kind]
    if age is not None:
        message += f", the next one for {age:.0f} s"
    return {
        "ok": True,
        "message": message,
        "depth": depth,
        "oldest_task_age": None if age is None else round(age, 1),
    }


def _disk(settings: Settings, paths: Paths) -> Part:
    rooms = disk.rooms(settings, paths)
    low = [f"{name} ({room.path})" for name, room in rooms.items() if room.is_low]
    free = ", ".join(f"{room.free / 1e9:,.1f} GB free for the {name}" for name, room in rooms.items())
    return {
        "ok": not low,
        "message": f"{free}; too little for the {' and the '.join(low)}" if low else free,
        **{f"{name}_free_bytes": room.free for name, room in rooms.items()},
        "low_below_bytes": disk.LOW,
    }
