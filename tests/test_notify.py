"""What the daemon tells a service manager, and when it stops telling it that all is well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from daemon import control, settings
from daemon.board import Board
from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import JobStatus
from daemon.importing.lanes import LANES
from daemon.importing.pipeline import CHUNK_ROWS
from daemon.watchdog import Watchdog
from tests.faults.proxy import Proxy
from tests.managed import Manager, log, managed
from tests.processes import HEADER, bibliflow, finished, processed, submit, wait_until

LIMIT = 2.0
"""Seconds that the manager of these tests waits for a ping."""


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    found = Manager(str(tmp_path / "notify") if request.param == "path" else f"@bibliflow-{os.getpid()}")
    yield found
    found.close()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Long enough to do something while it is imported."""
    path = tmp_path / "long\n\x1b[2Jname.csv"
    path.write_text(HEADER + "".join(f"Book {n},Author,{n:013},2000\n" for n in range(1, 1_000_001)))
    return path


def test_a_daemon_says_what_it_does(home: Path, manager: Manager) -> None:
    started = control.start(settings.paths())  # by hand: the service takes the home over
    with managed(manager, LIMIT) as process:
        manager.hear("READY=1")
        info = control.running(settings.paths())
        assert info
        assert (info.pid, info.ready) == (process.pid, True)
        assert f'"ended the daemon that ran without the service", "pid": {started.pid}' in log()
        manager.hear("WATCHDOG=1")
        manager.hear("STATUS=0 of 2 workers busy; 0 in the queue")
        process.terminate()
        manager.hear("STOPPING=1")
    assert process.returncode == 0
    assert manager.heard.count("READY=1") == 1


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_a_hung_worker_ends_the_pings(
    home: Path, manager: Manager, connection: Connection, large: Path
) -> None:
    with managed(manager, LIMIT, BIBLIFLOW_DAEMON__WORKERS="1") as process:
        manager.hear("READY=1")
        job_id = submit(large)
        wait_until(lambda: processed(connection, job_id) > 0)
        status = manager.hear("STATUS=1 of 1 workers busy")
        assert status.endswith("; at long␊␛[2Jname.csv")
        # The worker is the one that has a process which reads ahead for it.
        (worker,) = (child for child in psutil.Process(process.pid).children() if child.children())
        worker.suspend()
        wait_until(lambda: "a process of the daemon hangs" in log())
        manager.forget()
        with pytest.raises(TimeoutError):
            manager.hear("WATCHDOG=1", LIMIT / 2)
        assert any("worker 1 hangs" in message for message in manager.heard)
        worker.resume()
        manager.hear("WATCHDOG=1")
        assert "a process of the daemon reacts again" in log()
        jobs.cancel(connection, job_id)


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_a_hung_housekeeper_ends_the_pings(home: Path, manager: Manager) -> None:
    with managed(manager, LIMIT, BIBLIFLOW_WATCH__ENABLED="false") as process:
        manager.hear("READY=1")
        housekeeper = psutil.Process(process.pid).children()[0]  # the first that is started
        housekeeper.suspend()
        wait_until(lambda: '"name": "housekeeper"' in log())
        manager.forget()
        with pytest.raises(TimeoutError):
            manager.hear("WATCHDOG=1", LIMIT / 2)
        housekeeper.kill()  # another one takes its seat
        manager.hear("WATCHDOG=1")


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_a_database_that_hangs_does_not(
    home: Path,
    manager: Manager,
    connection: Connection,
    large: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = Proxy(database_url)
    with managed(manager, LIMIT, BIBLIFLOW_DATABASE__URL=proxy.address()):
        manager.hear("READY=1")
        job_id = submit(large)
        wait_until(lambda: processed(connection, job_id) > 0)
        proxy.freeze()
        before = processed(connection, job_id)
        for _ in range(8):  # four of them make the manager's limit
            manager.hear("WATCHDOG=1")
        assert processed(connection, job_id) <= before + LANES * CHUNK_ROWS
        away = "STATUS=the database does not answer"
        if not any(message.startswith(away) for message in manager.heard):  # between the pings
            manager.hear(away)
        assert "hangs" not in log()
        proxy.thaw()
        wait_until(lambda: finished(connection, job_id), seconds=60)
        assert jobs.get(connection, job_id).status is JobStatus.SUCCESS
    proxy.close()


def test_a_daemon_under_nohup_outlives_its_terminal(home: Path) -> None:
    command = ["nohup", sys.executable, "-m", "daemon.cli", "run"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: "daemon ready" in log())
    process.send_signal(signal.SIGHUP)
    (home / "books.csv").write_text("title,author,isbn\nA,B,9780141439976\n")
    assert bibliflow("import", home / "books.csv", "--wait").returncode == 0
    assert "daemon stops" not in log()
    process.terminate()
    assert process.wait(30) == 0
    assert log().count("daemon ready") == 1


def test_who_hangs() -> None:
    board = Board(2)
    begin = board.answered_at
    watchdog = Watchdog(board, 180)
    first, second = board.workers

    def at(seconds: float, *, answers: bool = True) -> list[str]:
        """Who hangs so many seconds after the begin, if the second worker and the housekeeper go on."""
        now = begin + seconds
        board.housekeeper.react(now)
        second.react(now)
        if answers:
            board.database_answered(0, now)
        return watchdog.find(now)

    first.react(begin)
    assert at(30) == at(170) == []  # a long chunk, a statement that takes its time
    assert at(181) == ["worker 1"]
    assert at(200, answers=False) == []  # it waits, and no restart would help
    assert at(2000, answers=False) == []
    assert at(2010) == at(2170) == []  # all the time anew, when the database answers again
    assert at(2181) == ["worker 1"]
    first.react(begin + 2182)
    assert at(2183) == []
    second.react(begin + 2183)
    board.database_answered(0, begin + 2370)
    assert watchdog.find(begin + 2370) == ["housekeeper", "worker 1", "worker 2"]
