"""A worker that is killed at named points of the pipeline, and one that never hears of its commits."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from daemon import intake, settings
from daemon.catalog import books, job_lock, job_progress, jobs, row_errors
from daemon.catalog.database import Connection, Database
from daemon.catalog.job import JobStatus
from daemon.importing import pipeline
from daemon.importing.loader import Loader
from daemon.queue import JobQueue
from daemon.tasks import JobTask
from tests.faults.stage import wait_until

Point: TypeAlias = tuple[Any, str, bool]
"""Where a function is, its name, and whether to die behind it (or before)."""

POINTS: dict[str, Point] = {
    "before the job is started": (jobs, "start", False),
    "the job is started": (jobs, "start", True),
    "before the file is understood": (pipeline, "understand", False),
    "the job is described": (job_progress, "describe", True),
    "before the books of a chunk": (books, "copy", False),
    "the books are copied": (books, "copy", True),
    "the errors are copied": (row_errors, "copy", True),
    "the checkpoint is written, not committed": (job_progress, "checkpoint", True),
    "the chunk is committed": (Loader, "load", True),
    "before success": (jobs, "succeed", False),
    "success is committed": (jobs, "succeed", True),
}
"""All steps between which something is to be done."""


def submit(connection: Connection, file: Path) -> UUID:
    """A job for the file, that nobody works on."""
    loaded, paths = settings.load()
    paths.make_private()
    with JobQueue.of(loaded, paths) as queue:
        return intake.submit(
            file, settings=loaded, paths=paths, connection=connection, queue=queue, source="cli"
        ).id


def work(job_id: UUID) -> None:
    """What a worker does, in this process."""
    loaded, paths = settings.load()
    with Database(loaded, paths) as database:
        JobTask(database, paths, loaded.watch, lambda: False)(job_id)


def work_and_die(job_id: UUID, point: Point, times: int) -> int:
    """Do it in a process of its own that kills itself when it comes to ``point`` for the ``times``-th time.

    The exit code: 0 if it never came there.
    """
    process = multiprocessing.get_context("fork").Process(target=_work_and_die, args=(job_id, point, times))
    process.start()
    process.join()
    return process.exitcode or 0


def _work_and_die(job_id: UUID, point: Point, times: int) -> None:
    place, name, behind = point
    original: Callable[..., Any] = getattr(place, name)
    calls = 0

    def watched(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == times and not behind:
            os.kill(os.getpid(), signal.SIGKILL)
        value = original(*args, **options)
        if calls == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    setattr(place, name, watched)
    work(job_id)


def work_until_done(connection: Connection, job_id: UUID) -> bool:
    """As the reconciler lets it: again while the job is not done; whether it was, in the end."""

    def is_done_now() -> bool:
        work(job_id)
        return is_done(connection, job_id)

    return wait_until(is_done_now, 20)


def is_free(connection: Connection, job_id: UUID) -> bool:
    """Whether nobody holds the job any more: the server has noticed that its worker is dead."""
    return not job_lock.held(connection, [job_id])


def is_done(connection: Connection, job_id: UUID) -> bool:
    """Whether the job has ended well."""
    return jobs.status(connection, job_id) is JobStatus.SUCCESS
