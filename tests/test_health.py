"""Health, as monitoring asks for it: quick, also when something hangs."""

from __future__ import annotations

import json
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from daemon import disk, health, settings
from daemon.catalog.database import newest_version
from daemon.catalog.ids import uuid7
from daemon.control import DaemonLock
from daemon.queue import JobQueue
from daemon.state import Heartbeat, State
from tests.processes import bibliflow, run, submit, wait_until

LONGEST = 2.0
"""Seconds that the command may take; much more on a machine that is busy with other things."""


def asked(*options: str) -> CompletedProcess[str]:
    return run("daemon.cli", "health", *options)


def report(result: CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_all_is_well(home: Path, daemon: int) -> None:
    (home / "books.csv").write_text("title,author,isbn\nA,B,9780141439976\nC,D,bad\n")
    submit(home / "books.csv")

    def is_over() -> bool:
        workers = report(asked("--json"))["workers"]
        return workers["last_progress_age"] is not None and workers["busy"] == 0

    wait_until(is_over)
    result = asked("--json")
    found = report(result)
    assert (result.returncode, found["status"]) == (0, "ok")
    database, workers = found["database"], found["workers"]
    assert database["latency_ms"] > 0
    assert database["schema_version"] == newest_version()
    assert database["jobs"] == {"SUCCESS": 1}
    assert (found["server"]["embedded"], found["daemon"]["pid"]) == (False, daemon)
    assert (workers["count"], workers["busy"], workers["hung"]) == (2, 0, 0)
    assert (found["queue"]["depth"], found["queue"]["oldest_task_age"]) == (0, None)
    assert found["inbox"]["folder"] == str(home / "inbox")
    assert found["disk"]["spool_free_bytes"] > 0
    people = bibliflow("health")
    assert (people.returncode, people.stdout.count("\nok ")) == (0, len(found) - 2)


def test_nothing_is_started_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIBLIFLOW_HOME", str(tmp_path / "home"))
    result = asked("--json")
    found = report(result)
    assert (result.returncode, found["database"]["ok"], found["daemon"]["ok"]) == (1, True, False)
    assert found["server"]["running"] is False
    assert not (tmp_path / "home").exists()


def test_a_database_that_hangs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes calls, and says nothing
        address = f"postgresql://ann:secret@127.0.0.1:{listener.getsockname()[1]}/books"
        monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", address)
        loaded, paths = settings.load()
        begin = time.monotonic()
        found = health.check(loaded, paths)
        assert time.monotonic() - begin < LONGEST
        assert found.exit_code == 3
        assert "no answer within" in found.database["message"]
        result = asked()
    assert result.returncode == 3
    assert "secret" not in result.stdout + result.stderr


def test_the_queue(home: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    queue = JobQueue.of(*settings.load())
    queue.enqueue(queue.task(uuid7()))
    queue.enqueue(queue.task(uuid7()))
    time.sleep(0.1)
    queue.close()
    found = report(asked("--json"))["queue"]
    assert (found["ok"], found["depth"], found["oldest_task_age"] >= 0.1) == (True, 2, True)
    for file in paths.state.glob("queue.db*"):
        file.unlink()
    paths.queue_db.mkdir()
    result = asked("--json")
    assert (result.returncode, report(result)["queue"]["ok"], result.stderr) == (3, False, "")


def test_hung_workers(home: Path) -> None:
    """A daemon is who has the lock and writes the heartbeat: here, this process."""
    paths = settings.paths()
    paths.make_private()
    lock = DaemonLock(paths.daemon_lock)
    lock.acquire()
    lock.announce(ready=True)
    now = datetime.now(UTC)
    with State(paths.state_db) as state:
        state.beat(Heartbeat(os.getpid(), 2, now.isoformat(), now.isoformat(), busy=2, hung=1))
    result = asked("--json")
    with State(paths.state_db) as state:
        late = (now - timedelta(seconds=60)).isoformat()
        state.beat(Heartbeat(os.getpid(), 2, late, late))
    stale = asked()
    lock.release()
    workers = report(result)["workers"]
    assert (result.returncode, workers["ok"], workers["busy"], workers["hung"]) == (1, False, 2, 1)
    assert (stale.returncode, "hangs; its last heartbeat was 6" in stale.stdout) == (1, True)


def test_a_full_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LOW", 1 << 60)
    found = health.check(*settings.load())
    assert found.disk["message"].endswith(f"too little for the spool ({home / 'spool'})")
    assert (found.disk["ok"], found.exit_code) == (False, 1)
