"""Who waits for work is woken by who brings some, at once and whatever happens to the bell."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon import queue_file
from daemon.catalog.ids import uuid7
from daemon.doorbell import Doorbell
from daemon.queue import JobQueue
from daemon.queue_file import FileStorage

LONG = 30.0


def waiting_at(path: Path) -> Doorbell:
    """One that has the bell open, so that it hears it."""
    bell = Doorbell(path)
    bell.wait(0)
    return bell


def test_wakes_one_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    bell = waiting_at(path)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bell.wait, LONG)
        Doorbell(path).ring()
        waiting.result(LONG / 2)
    assert path.stat().st_mode & 0o777 == 0o600
    begun = time.monotonic()
    bell.wait(0.05)  # it rang once
    assert time.monotonic() - begun >= 0.05
    bell.close()


def test_a_ring_is_for_one(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    bells = [waiting_at(path) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(bell.wait, LONG) for bell in bells]
        for _ in bells:
            Doorbell(path).ring()
        for one in waiting:
            one.result(LONG / 2)
    for bell in bells:
        bell.close()


def test_nobody_is_there(tmp_path: Path) -> None:
    Doorbell(tmp_path / "bell").ring()
    bell = Doorbell(tmp_path / "bell")
    bell.wait(0)
    bell.close()
    for _ in range(100_000):  # more than it holds
        Doorbell(tmp_path / "bell").ring()


def test_what_is_no_pipe_is_left_alone(tmp_path: Path) -> None:
    file, folder, link = (tmp_path / name for name in ("file", "folder", "link"))
    file.write_text("precious")
    folder.mkdir()
    link.symlink_to(file)
    for path in (file, folder, link):
        bell = Doorbell(path)
        bell.ring()
        begun = time.monotonic()
        bell.wait(0.05)
        assert time.monotonic() - begun >= 0.05
    assert file.read_text() == "precious"


def test_one_that_was_replaced_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    bell = waiting_at(path)
    path.unlink()
    bell.wait(0)
    Doorbell(path).ring()
    begun = time.monotonic()
    bell.wait(LONG)
    assert time.monotonic() - begun < LONG / 2
    bell.close()


def test_no_pipe_can_be_made(tmp_path: Path) -> None:
    bell = Doorbell(tmp_path / "nowhere" / "bell")
    begun = time.monotonic()
    bell.wait(0.05)
    assert time.monotonic() - begun >= 0.05


def test_a_task_wakes_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "queue.db"
    queue = JobQueue(FileStorage, filename=str(file))
    assert queue.huey.dequeue() is None
    monkeypatch.setattr(queue_file, "IDLE_POLL", LONG)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.huey.dequeue)
        with JobQueue(FileStorage, filename=str(file)) as mine:
            task = mine.task(uuid7())
            mine.enqueue(task)
        taken = waiting.result(LONG / 2)
    queue.close()
    assert taken is not None
    assert taken.id == task.id
