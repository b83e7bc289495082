"""Is everything well? One report, the same for both commands and the dashboard."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from daemon import control
from daemon.catalog import job_list
from daemon.catalog.database import Database, is_out_of_reach
from daemon.inbox.ledger import Ledger
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings
from daemon.state import State


@dataclass(frozen=True, slots=True)
class Report:
    """What :func:`check` found."""

    database: dict[str, Any]
    daemon: dict[str, Any]
    queue: dict[str, Any]
    inbox: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0 all is well, 1 something is not, 3 the database is out of reach."""
        if not self.database["ok"]:
            return 3
        return 0 if self.daemon["ok"] and self.queue["ok"] and self.inbox["ok"] else 1

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "status": "ok" if self.exit_code == 0 else "error",
            "database": self.database,
            "daemon": self.daemon,
            "queue": self.queue,
            "inbox": self.inbox,
        }

    def lines(self) -> list[str]:
        """For people, a line per part."""
        parts = [
            ("database", self.database),
            ("daemon", self.daemon),
            ("queue", self.queue),
            ("inbox", self.inbox),
        ]
        return [f"{'ok   ' if part['ok'] else 'ERROR'}  {name:<9} {part['message']}" for name, part in parts]


def check(settings: Settings, paths: Paths) -> Report:
    """Look at all parts; nothing is started but an embedded server that was down."""
    return Report(_database(settings, paths), _daemon(paths), _queue(paths), _inbox(settings, paths))


def _database(settings: Settings, paths: Paths) -> dict[str, Any]:
    started = time.monotonic()
    try:
        with Database(settings, paths) as database:
            version, latency = database.ping()
            with database.connect() as connection:
                counts = job_list.count_by_status(connection)
    except Exception as error:
        if not is_out_of_reach(error):
            raise
        return {"ok": False, "message": str(error), "seconds": round(time.monotonic() - started, 3)}
    kind = "embedded server" if database.is_embedded else "database.url"
    return {
        "ok": True,
        "message": f"PostgreSQL {version} ({kind}), answers in {1000 * latency:.1f} ms",
        "latency_ms": round(1000 * latency, 2),
        "server_version": version,
        "embedded": database.is_embedded,
        "jobs": {status.value: count for status, count in counts.items()},
    }


def _daemon(paths: Paths) -> dict[str, Any]:
    info = control.running(paths)
    if info is None:
        return {"ok": False, "message": "not running; `bibliflow-daemon run` starts it", "pid": None}
    found: dict[str, Any] = {"ok": info.ready, "pid": info.pid}
    if not info.ready:
        return found | {"message": f"starting, process {info.pid}"}
    try:
        with State(paths.state_db) as state:
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
    }


def _inbox(settings: Settings, paths: Paths) -> dict[str, Any]:
    folder = paths.inbox(settings.watch)
    found: dict[str, Any] = {"folder": str(folder), "files": {}}
    if not settings.watch.enabled:
        return found | {"ok": True, "message": "not watched (watch.enabled is false)"}
    if not paths.state_db.exists():
        return found | {"ok": True, "message": f"{folder}, not watched yet"}
    try:
        with Ledger(paths.state_db) as ledger:
            state = ledger.folder()
            found["files"] = {name.value: count for name, count in ledger.counts().items()}
    except sqlite3.Error as error:
        return found | {"ok": False, "message": f"{paths.state_db}: {error}"}
    if state and state.problem:
        return found | {"ok": False, "message": state.problem}
    return found | {"ok": True, "message": str(folder)}


def _queue(paths: Paths) -> dict[str, Any]:
    if not paths.queue_db.exists():
        return {"ok": True, "message": "empty", "depth": 0}
    try:
        queue = JobQueue(paths.queue_db)
        depth = queue.depth()
        queue.close()
    except sqlite3.Error as error:
        return {"ok": False, "message": f"{paths.queue_db}: {error}", "depth": None}
    return {"ok": True, "message": f"{depth} waiting" if depth else "empty", "depth": depth}
