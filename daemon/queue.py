"""The task queue: Huey on an SQLite file. It only wakes workers; what is to be done stands in PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from huey import Huey
from huey.api import Task
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from daemon import sqlite_files
from daemon.logger import Logger
from daemon.settings import APP_NAME

log = Logger(__name__)

BUSY_TIMEOUT = 30
"""Seconds that a process waits for another one's write to the queue file."""


class JsonSerializer(Serializer):
    """Tasks as JSON. Huey's own serializer is pickle: whoever can write its file can run code."""

    def _serialize(self, data: Any) -> bytes:
        if isinstance(data, Message):
            data = {key: value for key, value in data._asdict().items() if value is not None}
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(**json.loads(bytes(data)))


class _Storage(SqliteStorage):
    """Huey's, in a file that may be deleted, replaced or damaged while processes have it open.

    Then each of them opens, or makes, the one that is there now; the reconciler fills it again.
    """

    _conn: sqlite3.Connection | None
    _opened: tuple[int, int] | None = None
    """What told the file that is open from others."""

    @property
    def conn(self) -> sqlite3.Connection:
        path = Path(self.filename)
        if self._conn is not None and sqlite_files.identity(path) != self._opened:
            self._conn.close()
            self._conn = None
        if self._conn is None:
            sqlite_files.make_usable(path)
            connection: sqlite3.Connection = self._create_connection()
            for statement in self.ddl:
                connection.execute(statement)
            path.chmod(0o600)
            self._conn, self._opened = connection, sqlite_files.identity(path)
        return self._conn

    @contextmanager
    def db(self, commit: bool = False, close: bool = False) -> Iterator[sqlite3.Cursor]:
        try:
            with super().db(commit=commit, close=close) as cursor:
                yield cursor
        except sqlite3.DatabaseError as error:
            if sqlite_files.is_damage(error):
                sqlite_files.set_aside(Path(self.filename))
            raise


class JobQueue:
    """The queue of one home. Every process that uses it makes its own; a fork must not share one."""

    def __init__(self, path: Path, *, patience: float = BUSY_TIMEOUT) -> None:
        """``patience`` is how many seconds to wait for another process's write."""
        self._run: Callable[[UUID], None] | None = None
        self.huey = Huey(
            APP_NAME,
            storage_class=_Storage,
            filename=str(path),
            results=False,
            serializer=JsonSerializer(),
            strict_fifo=True,
            timeout=patience,
        )

        @self.huey.task()
        def run_job(job_id: str, enqueued_at: float = 0.0) -> None:  # noqa: ARG001 - see oldest_age
            if self._run is None:
                raise RuntimeError("this process enqueues jobs but does not run them")
            self._run(UUID(job_id))

        self._run_job = run_job

    def on_job(self, run: Callable[[UUID], None]) -> None:
        """Make ``run`` what a worker does with a job."""
        self._run = run

    def task(self, job_id: UUID) -> Task:
        """A task for the job, not yet enqueued; its ``id`` is known already."""
        return self._run_job.s(str(job_id), enqueued_at=time.time())

    def enqueue(self, task: Task) -> None:
        """Hand ``task`` to whichever worker is free first."""
        self.huey.enqueue(task)

    def try_enqueue(self, task: Task) -> None:
        """As :meth:`enqueue`, but if the queue is out of order the job, safe in PostgreSQL, waits for the
        reconciler.
        """
        try:
            self.enqueue(task)
        except sqlite3.Error:
            log.warning("queue out of order; the job waits", job_id=task.args[0], exc_info=True)

    def waiting(self) -> set[UUID]:
        """The jobs that have a task in the queue."""
        return {UUID(task.args[0]) for task in self.huey.pending()}

    def depth(self) -> int:
        """How many tasks are in the queue."""
        return int(self.huey.storage.queue_size())

    def oldest_age(self) -> float | None:
        """Seconds that the task which is next has waited; None if the queue is empty."""
        for task in self.huey.pending(limit=1):
            enqueued_at = float(task.kwargs.get("enqueued_at", 0.0))
            return max(time.time() - enqueued_at, 0.0) if enqueued_at else None
        return None

    def close(self) -> None:
        """Give the file back."""
        self.huey.storage.close()
