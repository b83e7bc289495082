"""Seeded random faults against two imports at once; what comes of them must be what comes without."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from daemon import control, intake, settings
from daemon.catalog.job import JobStatus
from daemon.control import DaemonError
from daemon.queue import JobQueue
from daemon.settings import Paths
from tests.faults.proxy import Cut
from tests.faults.stage import Result, Stage, messy_file, result, wait_until

ROWS = 100_000
"""Rows of each of the two files: about a second, so that faults hit all parts of an import."""

PATIENCE = 30.0
"""Seconds after the last fault in which every job must have ended."""


@dataclass
class Play:
    """One seed: its faults, and what came of them."""

    stage: Stage
    paths: Paths
    database: str
    chance: random.Random
    history: list[str] = field(default_factory=list)

    def daemon(self) -> psutil.Process | None:
        """The daemon's main process."""
        info = control.running(self.paths)
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(info.pid) if info else None
        return None

    def start_daemon(self) -> None:
        """As a service manager does it: again and again."""
        assert wait_until(self._has_daemon, PATIENCE), "the daemon cannot be started"

    def _has_daemon(self) -> bool:
        try:
            control.start(self.paths)
        except DaemonError:
            return False
        return True

    def backends(self) -> list[int]:
        """Process ids of the server's side of the daemon's connections."""
        with suppress(psycopg.OperationalError), self.stage.direct(self.database) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [self.database],
            )
            return [row[0] for row in rows]
        return []


def kill_daemon(play: Play) -> None:
    """SIGKILL for the main process; its workers notice and end."""
    if daemon := play.daemon():
        daemon.kill()
        psutil.wait_procs([daemon], timeout=10)  # until then it looks as if it ran
    play.start_daemon()


def kill_worker(play: Play) -> None:
    """SIGKILL for a process below the daemon: a worker, what reads ahead for one, the housekeeper."""
    if (daemon := play.daemon()) and (children := daemon.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            play.chance.choice(children).kill()


def stop_daemon(play: Play) -> None:
    """An orderly stop and start."""
    control.stop(play.paths)
    play.start_daemon()


def freeze(play: Play) -> None:
    """SIGSTOP for a process below the daemon, and SIGCONT a little later."""
    if (daemon := play.daemon()) and (children := daemon.children(recursive=True)):
        child = play.chance.choice(children)
        with suppress(psutil.NoSuchProcess):
            child.suspend()
            time.sleep(play.chance.uniform(0.1, 1.5))
            child.resume()


def terminate_backend(play: Play) -> None:
    """The administrator ends a session."""
    if backends := play.backends():
        with play.stage.direct(play.database) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [play.chance.choice(backends)])


def kill_backend(play: Play) -> None:
    """SIGKILL for a session's process: the whole server recovers from a crash."""
    if backends := play.backends():
        with suppress(ProcessLookupError):
            os.kill(play.chance.choice(backends), signal.SIGKILL)


def restart_server(play: Play) -> None:
    """What `pg_ctl restart -m immediate` does: the server ends without tidying up, and starts again."""
    postmaster = play.stage.server._postmaster
    assert postmaster
    with suppress(psutil.NoSuchProcess):
        postmaster.process.send_signal(signal.SIGQUIT)
        psutil.wait_procs([postmaster.process], timeout=10)
    time.sleep(play.chance.uniform(0, 1))
    play.stage.server.ensure_running()


def cut_commit(play: Play) -> None:
    """A COMMIT of one of the next chunks is lost on its way, or its reply is."""
    play.stage.proxy.plan(play.chance.choice(list(Cut)), play.chance.randrange(6))


def cut_network(play: Play) -> None:
    """No connection for a while."""
    play.stage.proxy.drop_all()
    time.sleep(play.chance.uniform(0.1, 1.5))
    play.stage.proxy.open()


def fill_disk(play: Play) -> None:
    """The server's disk is full for a while; it may stop over it."""
    if play.stage.has_small_disk:
        with play.stage.full_disk():
            time.sleep(play.chance.uniform(0.1, 1.0))
        play.stage.server.ensure_running()


FAULTS: tuple[Callable[[Play], None], ...] = (
    kill_daemon,
    kill_worker,
    stop_daemon,
    freeze,
    terminate_backend,
    kill_backend,
    restart_server,
    cut_commit,
    cut_commit,
    cut_network,
    fill_disk,
)


def files(stage: Stage) -> list[Path]:
    """Two messy files without an ISBN in common."""
    return [messy_file(stage.directory / f"messy {number}.csv", number, ROWS) for number in (1, 2)]


def play(stage: Stage, expected: Result, seed: int) -> tuple[list[str], list[str]]:
    """Play one seed; what is wrong afterwards, and what happened."""
    with stage.database() as database, stage.home(database) as paths:
        this = Play(stage, paths, database, random.Random(seed))
        _submit(this)
        this.start_daemon()
        begun = time.monotonic()
        for _ in range(this.chance.randint(1, 4)):
            time.sleep(this.chance.uniform(0.02, 0.7))
            fault = this.chance.choice(FAULTS)
            this.history.append(f"{time.monotonic() - begun:.2f} {fault.__name__}")
            fault(this)
        stage.server.ensure_running()
        stage.proxy.open()
        this.start_daemon()
        last = time.monotonic()
        ended = wait_until(lambda: _all_ended(this), PATIENCE)
        this.history.append(f"ended after {time.monotonic() - last:.2f} s")
        with stage.direct(database) as connection:
            found = result(connection)
    return _differences(expected, found, ended), this.history


def _submit(this: Play) -> None:
    loaded, _ = settings.load()
    queue = JobQueue.of(loaded, this.paths)
    with this.stage.direct(this.database) as connection:
        for file in files(this.stage):
            intake.submit(
                file, settings=loaded, paths=this.paths, connection=connection, queue=queue, source="cli"
            )
    queue.close()


def _all_ended(this: Play) -> bool:
    with suppress(psycopg.OperationalError), this.stage.direct(this.database) as connection:
        rows = connection.execute("SELECT status FROM import_jobs").fetchall()
        return all(JobStatus(row[0]).is_final for row in rows)
    return False


def _differences(expected: Result, found: Result, ended: bool) -> list[str]:
    differences = [] if ended else [f"not every job ended within {PATIENCE:.0f} s"]
    for name, wanted, got in zip(Result._fields, expected, found, strict=True):
        if wanted != got:
            missing, more = set(wanted) - set(got), set(got) - set(wanted)
            differences.append(f"{name}: {len(missing)} missing, {len(more)} too many, {len(got)} in all")
            differences += [f"  missing {item}" for item in list(missing)[:2]]
            differences += [f"  too many {item}" for item in list(more)[:2]]
    return differences
