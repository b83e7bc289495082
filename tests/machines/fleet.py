"""Machines that share a queue, a database and a spool, and what must have become of the files."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import psutil

from daemon import control, paths
from daemon.catalog import books, job_list
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.spool import NAME
from tests.files import HEADER, book, written
from tests.processes import bibliflow, family, kill_all, wait_until


@dataclass
class Machine:
    """A home that stands for one."""

    name: str
    home: Path
    environment: dict[str, str]
    _started: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def paths(self) -> paths.Paths:
        """Its own; not the spool."""
        return paths.paths_below(self.home)

    @property
    def daemon(self) -> control.DaemonInfo | None:
        """The daemon that runs there."""
        return control.running(self.paths)

    def spawn(self) -> None:
        """Start its daemon."""
        self._started = subprocess.Popen(
            [sys.executable, "-m", "daemon.cli", "run"],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def is_ready(self) -> bool:
        """Whether its daemon is."""
        info = self.daemon
        return info is not None and info.ready

    def start(self) -> None:
        """Start its daemon, and wait until it is ready."""
        self.spawn()
        wait_until(self.is_ready)

    def kill(self) -> None:
        """kill -9 for all processes of its daemon."""
        if info := self.daemon:
            with suppress(psutil.NoSuchProcess):
                kill_all(family(psutil.Process(info.pid)))
            wait_until(lambda: self.daemon is None)
        if self._started is not None:
            self._started.wait()

    def stop(self) -> None:
        """End its daemon."""
        control.stop(self.paths)
        if self._started is not None:
            self._started.wait()

    def bibliflow(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """A command there."""
        with mock.patch.dict(os.environ, self.environment):
            return bibliflow(*arguments)

    @property
    def log(self) -> str:
        """What its daemon has said."""
        return self.paths.daemon_log.read_text() if self.paths.daemon_log.exists() else ""


@dataclass
class Fleet:
    """The machines, and what they share."""

    base: Path
    machines: list[Machine]

    @property
    def spool(self) -> Path:
        return self.base / "share" / "spool"

    @property
    def inbox(self) -> Path:
        return self.base / "share" / "inbox"

    def start(self) -> None:
        """All daemons at once."""
        for machine in self.machines:
            machine.spawn()
        wait_until(lambda: all(machine.is_ready() for machine in self.machines), 60)


@contextmanager
def fleet(database_url: str, queue_url: str, names: str = "ab", **settings: str) -> Iterator[Fleet]:
    """Machines of these names, whose daemons are stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="bibliflow-machines-") as directory:
        found = Fleet(Path(directory), [])
        found.spool.mkdir(parents=True)
        found.inbox.mkdir()
        shared = {
            "BIBLIFLOW_DATABASE__URL": database_url,
            "BIBLIFLOW_QUEUE__URL": queue_url,
            "BIBLIFLOW_DAEMON__SPOOL": str(found.spool),
            "BIBLIFLOW_WATCH__FOLDER": str(found.inbox),
            "BIBLIFLOW_WATCH__SETTLE_SECONDS": "0.2",
            **settings,
        }
        for name in names:
            home = found.base / name
            home.mkdir()
            own = {"BIBLIFLOW_HOME": str(home), "BIBLIFLOW_DAEMON__HOST": f"host-{name}"}
            found.machines.append(Machine(name, home, shared | own))
        try:
            yield found
        finally:
            for machine in found.machines:
                machine.kill()


def written_files(folder: Path, numbers: range, rows: int) -> list[Path]:
    """Files of ``rows`` rows: the last is in the next one too, and the first is wrong."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in numbers:
        first = number * (rows - 2)
        content = [["T", "A", f"wrong {number}", ""], *map(book, range(first, first + rows - 1))]
        path = folder / f"list {number}.csv"
        path.write_text(written([HEADER, *content]))
        paths.append(path)
    return paths


def done(connection: Connection) -> int:
    """How many jobs are imported."""
    return job_list.count_by_status(connection).get(JobStatus.SUCCESS, 0)


def assert_once(connection: Connection, this: Fleet, files: list[Path], rows: int) -> Counter[str]:
    """Each file was imported once, to its last row; how many each machine did."""
    jobs: list[Job] = list(job_list.newest(connection, limit=len(files) + 100))
    names = Counter(job.filename for job in jobs)
    assert names == Counter(path.name for path in files), names - Counter(path.name for path in files)
    assert job_list.count_by_status(connection) == {JobStatus.SUCCESS: len(files)}
    imported, rejected = sum(job.success_count for job in jobs), sum(job.error_count for job in jobs)
    assert imported + rejected == len(files) * rows == sum(job.processed_rows for job in jobs)
    # The wrong one of each, and of each two neighbours the row that both have.
    assert rejected == len(files) + len(files) - 1
    distinct = connection.execute("SELECT count(*), count(DISTINCT isbn) FROM books").fetchone()
    assert distinct == (imported, imported) == (books.count(connection),) * 2
    of_inbox = {f"{job.id}.csv" for job in jobs if job.inbox}
    wait_until(lambda: not of_inbox & {path.name for path in this.spool.iterdir()})
    # A worker that was killed behind its last COMMIT has left the copy there.
    cleaned = this.machines[0].bibliflow("cleanup", "--older-than", "1d", "--yes")
    assert cleaned.returncode == 0, cleaned.stderr
    assert [path.name for path in this.spool.rglob("*") if path.is_file()] == [NAME]
    return Counter((job.worker or "?").partition(",")[0] for job in jobs)


def kill_in_turn(
    this: Fleet, is_over: Callable[[], bool], *, every: float, seed: int, say: Callable[[str], None]
) -> int:
    """Kill one daemon, and start it again, until it ``is_over``; how often."""
    chance = random.Random(seed)
    kills = 0
    while True:
        pause = time.monotonic() + chance.uniform(0.5, 1.5) * every
        while time.monotonic() < pause:
            if is_over():
                return kills
            time.sleep(0.1)
        victim = this.machines[kills % len(this.machines)]
        victim.kill()
        kills += 1
        say(f"kill {kills}: {victim.name}")
        victim.start()
