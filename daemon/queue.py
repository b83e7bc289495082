"""The task queue: Huey, on one of three storages. It only wakes workers; the catalogue says what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from huey import Huey
from huey.api import Task
from huey.registry import Message
from huey.serializer import Serializer

from daemon.logger import Logger
from daemon.queue_error import QueueError
from daemon.settings import APP_NAME, Paths, Settings

log = Logger(__name__)

BUSY_TIMEOUT = 30
"""Seconds that a process waits for another one's write to the queue file."""

AWAY_PAUSE = 1.0
"""Seconds between a worker's looks at a queue that is out of reach."""


class JsonSerializer(Serializer):
    """Tasks as JSON. Huey's own serializer is pickle: whoever can write its file can run code."""

    def _serialize(self, data: Any) -> bytes:
        if isinstance(data, Message):
            data = {key: value for key, value in data._asdict().items() if value is not None}
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(**json.loads(bytes(data)))


class _Huey(Huey):
    """Huey's, whose workers wait for a queue that is out of reach, and say so once."""

    _is_away = False

    def dequeue(self) -> Task | None:
        try:
            task = super().dequeue()
        except self.storage.errors as error:
            if not self._is_away:
                self._is_away = True
                log.warning("the queue is out of reach", error=self.storage.explain(error))
            time.sleep(AWAY_PAUSE)
            return None
        if self._is_away:
            self._is_away = False
            log.info("the queue is within reach again")
        return task

    def read_schedule(self, timestamp: Any = None) -> list[Task]:
        return []  # nothing is ever put off: spares asking each second


class JobQueue:
    """The queue that the settings name. Every process that uses it makes its own; a fork must not share one.

    What is on a server is connected to when it is used; in a ``with`` statement it is tried at the beginning.
    All methods raise :class:`QueueError` if it is out of reach.
    """

    def __init__(self, storage: type[Any], **options: Any) -> None:
        self._run: Callable[[UUID], None] | None = None
        self._storage = storage
        with self._explained():
            self.huey = _Huey(
                APP_NAME, storage_class=storage, results=False, serializer=JsonSerializer(), **options
            )

        @self.huey.task()
        def run_job(job_id: str, enqueued_at: float = 0.0) -> None:  # noqa: ARG001 - see oldest_age
            if self._run is None:
                raise RuntimeError("this process enqueues jobs but does not run them")
            self._run(UUID(job_id))

        self._run_job = run_job

    @classmethod
    def of(cls, settings: Settings, paths: Paths, *, patience: float = BUSY_TIMEOUT) -> Self:
        """That of a home. ``patience`` is for another process's write, or for a server, in seconds."""
        url = settings.queue.url.get_secret_value()
        match settings.queue.kind:
            case "postgresql":
                from daemon.catalog.queue_tables import TableStorage

                return cls(TableStorage, url=url, patience=patience)
            case "redis":
                from daemon.queue_redis import RedisQueueStorage

                return cls(RedisQueueStorage, url=url, patience=patience)
            case "sqlite":
                from daemon.queue_file import FileStorage

                return cls(FileStorage, filename=str(paths.queue_db), strict_fifo=True, timeout=patience)

    @staticmethod
    def is_there(settings: Settings, paths: Paths) -> bool:
        """Whether a look at it makes nothing."""
        return settings.queue.is_shared or paths.queue_db.exists()

    def __enter__(self) -> Self:
        self.depth()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._storage.errors as error:
            raise QueueError(self._storage.explain(error)) from None

    def on_job(self, run: Callable[[UUID], None]) -> None:
        """Make ``run`` what a worker does with a job."""
        self._run = run

    def task(self, job_id: UUID) -> Task:
        """A task for the job, not yet enqueued; its ``id`` is known already."""
        return self._run_job.s(str(job_id), enqueued_at=time.time())

    def enqueue(self, task: Task) -> None:
        """Hand ``task`` to whichever worker is free first."""
        with self._explained():
            self.huey.enqueue(task)

    def try_enqueue(self, task: Task) -> None:
        """As :meth:`enqueue`, but if the queue is out of order the job, safe in PostgreSQL, waits for the
        reconciler.
        """
        try:
            self.enqueue(task)
        except QueueError as error:
            log.warning("queue out of order; the job waits", job_id=task.args[0], error=str(error))

    def waiting(self) -> set[UUID]:
        """The jobs that have a task in the queue."""
        with self._explained():
            return {UUID(task.args[0]) for task in self.huey.pending()}

    def depth(self) -> int:
        """How many tasks are in the queue."""
        with self._explained():
            return int(self.huey.storage.queue_size())

    def oldest_age(self) -> float | None:
        """Seconds that the task which is next has waited; None if the queue is empty."""
        with self._explained():
            pending = self.huey.pending(limit=1)
        for task in pending:
            enqueued_at = float(task.kwargs.get("enqueued_at", 0.0))
            return max(time.time() - enqueued_at, 0.0) if enqueued_at else None
        return None

    def close(self) -> None:
        """Give the file, or the connections, back."""
        self.huey.storage.close()
