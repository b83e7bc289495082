"""A queue on a server, as one process uses it."""

from __future__ import annotations

import json
from uuid import UUID

import psycopg
import pytest

from daemon import queue as queue_module
from daemon import settings
from daemon.queue import JobQueue
from daemon.queue_error import QueueError
from tests import own_redis, own_server

JOBS = [UUID(int=number) for number in range(1, 4)]
PASSWORDS = (own_server.PASSWORD, own_redis.PASSWORD)


def queue_at(url: str) -> JobQueue:
    wanted = settings.Settings(queue={"url": url}, database={"url": "postgresql://host/library"})  # type: ignore[arg-type]
    queue = JobQueue.of(wanted, settings.paths())
    queue.huey.storage.read_timeout = 0.2  # seconds that it waits for a task
    return queue


def cut(url: str) -> None:
    """Cut all connections to the queue."""
    if url.startswith("redis"):
        import redis

        with redis.Redis.from_url(url) as admin:
            admin.client_kill_filter(_type="normal", skipme=True)
        return
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_first_in_first_out_and_json(queue_url: str) -> None:
    with queue_at(queue_url) as queue:
        assert queue.oldest_age() is None
        for job_id in JOBS:
            queue.enqueue(queue.task(job_id))
        assert (queue.waiting(), queue.depth()) == (set(JOBS), 3)
        assert 0 <= (queue.oldest_age() or -1) < 30
        stored = [json.loads(bytes(data)) for data in queue.huey.storage.enqueued_items()]
        assert [task["args"] for task in stored] == [[str(job_id)] for job_id in JOBS]
        with queue_at(queue_url) as other:
            taken = [queue.huey.dequeue(), other.huey.dequeue(), queue.huey.dequeue()]
        assert [UUID(task.args[0]) for task in taken if task] == JOBS
        assert queue.huey.dequeue() is None


def test_connections_that_are_cut_are_made_anew(queue_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "AWAY_PAUSE", 0.1)
    with queue_at(queue_url) as queue:
        assert queue.huey.dequeue() is None  # waits, and so listens
        queue.try_enqueue(queue.task(JOBS[0]))
        cut(queue_url)
        found = [queue.huey.dequeue() for _ in range(3)]
        assert [UUID(task.args[0]) for task in found if task] == JOBS[:1]
        queue.enqueue(queue.task(JOBS[1]))
        assert queue.waiting() == {JOBS[1]}


def test_what_cannot_be_reached_is_said_without_the_password(queue_url: str) -> None:
    wrong = queue_url
    for password in PASSWORDS:
        wrong = wrong.replace(password, f"not-{password}")
    with pytest.raises(QueueError, match=r"cannot be used \(queue.url, on (PostgreSQL|Redis)\)") as error:
        queue_at(wrong).depth()
    assert not [password for password in PASSWORDS if password in str(error.value)]
    assert str(error.value.__cause__) == "None"
