"""What is dropped into the inbox, and what must have become of it."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from daemon import control, settings
from daemon.catalog import books, job_list
from daemon.catalog.database import Connection
from daemon.catalog.job import JobStatus
from tests.files import table_of
from tests.processes import bibliflow, family, kill_all, wait_until


def drop(inbox: Path, count: int, *, first: int = 0, rows: int = 1, folders: int = 1) -> list[str]:
    """Put ``count`` files into the inbox, or folders in it, as fast as that goes; their paths."""
    paths = []
    for number in range(first, first + count):
        path = Path(f"shelf {number % folders}" if folders > 1 else "", f"list {number}.csv")
        (inbox / path).parent.mkdir(parents=True, exist_ok=True)
        (inbox / path).write_text(table_of(range(number * rows, (number + 1) * rows)))
        paths.append(str(path))
    return paths


def wait_for(connection: Connection, count: int, seconds: float) -> None:
    """Until so many jobs are done."""
    wait_until(lambda: _done(connection) >= count, seconds)


def _done(connection: Connection) -> int:
    return job_list.count_by_status(connection).get(JobStatus.SUCCESS, 0)


def assert_all_in(connection: Connection, inbox: Path, paths: list[str], *, rows: int = 1) -> None:
    """Each file is one job, its rows are in, and the file is in its place."""
    found = Counter(job.filename for job in job_list.newest(connection))
    assert found == Counter(paths), (found - Counter(paths), Counter(paths) - found)
    assert job_list.count_by_status(connection) == {JobStatus.SUCCESS: len(paths)}
    assert books.count(connection) == rows * len(paths)
    wait_until(lambda: not list(settings.paths().spool.glob("*.csv")))
    archived = inbox / "imported"
    assert sorted(str(file.relative_to(archived)) for file in archived.rglob("*.csv")) == sorted(paths)
    left = [path for path in inbox.rglob("*") if path.is_file() and archived not in path.parents]
    assert not left
    wait_until(lambda: not [path for path in settings.paths().spool.rglob("*") if path.is_file()])


def processes() -> list[psutil.Process]:
    """Those of the home's daemon, which runs; not the database."""
    info = control.running(settings.paths())
    assert info
    found = []
    for process in family(psutil.Process(info.pid)):
        with suppress(psutil.NoSuchProcess):
            if "postgres" not in process.name():
                found.append(process)
    return found


def kill_daemon() -> None:
    """kill -9 for all of them but the database."""
    kill_all(processes())
    wait_until(lambda: control.running(settings.paths()) is None)


class Stopped:
    """The daemon's processes, held by SIGSTOP meanwhile."""

    def __enter__(self) -> None:
        self._pids = [process.pid for process in processes()]
        for pid in self._pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGCONT)


def ledger() -> list[dict[str, object]]:
    """What ``bibliflow watch --json`` prints."""
    return [json.loads(line) for line in bibliflow("watch", "--json").stdout.splitlines()]


def kill_again_and_again(
    connection: Connection, inbox: Path, kills: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Drop files while the daemon is killed and started ``kills`` times; their paths."""
    chance = random.Random(seed)
    paths: list[str] = []
    for number in range(kills):
        control.start(settings.paths())
        paths += drop(inbox, 4, first=len(paths), folders=3)
        done = _done(connection)
        # At any time from before the claims to behind the last one's end.
        pause = time.monotonic() + chance.uniform(0, 1.2)
        while time.monotonic() < pause and _done(connection) < done + 4:
            time.sleep(0.01)
        kill_daemon()
        say(f"kill {number + 1} of {kills}: {done} done")
    control.start(settings.paths())
    return paths
