"""Health, as monitoring asks for it: quick, also when something hangs."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from daemon import control, disk, health, settings
from daemon.catalog.database import newest_version
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
    wait_until(lambda: report(asked("--json"))["workers"]["last_progress_age"] is not None)
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


def test_what_waits_in_the_queue(home: Path) -> None:
    (home / "books.csv").write_text("title,author,isbn\nA,B,9780141439976\n")
    started = control.start(settings.paths())
    os.kill(started.pid, 19)  # SIGSTOP: nobody takes the task
    try:
        submit(home / "books.csv")
        queue = report(asked("--json"))["queue"]
        assert queue["depth"] >= 0
    finally:
        os.kill(started.pid, 18)


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


def test_a_queue_that_is_held(home: Path, daemon: int) -> None:
    path = settings.paths().queue_db
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        result = asked("--json")
        other.execute("ROLLBACK")
    other.close()
    assert (result.returncode, report(result)["queue"]["ok"]) == (0, True)  # readers of it need not wait
    damaged = path.with_name("queue.db.there")
    path.rename(damaged)
    path.mkdir()
    result = asked("--json")
    path.rmdir()
    damaged.rename(path)
    assert (result.returncode, report(result)["queue"]["ok"]) == (3, False)


def test_hung_workers_and_a_full_disk(
    home: Path, daemon: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, paths = settings.load()
    wait_until(lambda: asked().returncode == 0)
    with State(paths.state_db) as state:
        beat = state.heartbeat()
        assert beat
        values = {"pid": beat.pid, "workers": 2, "started_at": beat.started_at, "hung": 1}
        os.kill(daemon, 19)
        state.beat(Heartbeat(**values, beat_at=beat.beat_at))
    monkeypatch.setattr(disk, "LOW", 1 << 60)
    found = health.check(loaded, paths)
    os.kill(daemon, 18)
    assert "1 of 2 hang" in found.workers["message"]
    assert "too little for the spool" in found.disk["message"]
    assert found.exit_code == 1
