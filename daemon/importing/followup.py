"""Jobs about another job: a repair of its rejected rows, or an undo of what it brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

from daemon.catalog import job_lock, jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Counts, Job
from daemon.importing import bulk, undo
from daemon.importing.loader import JobWithdrawnError
from daemon.importing.pipeline import Outcome
from daemon.importing.source import SourceError


def run(
    connection: Connection, job: Job, should_stop: Callable[[], bool], on_progress: Callable[[Counts], None]
) -> Outcome:
    """Do ``job``, whose lock ``connection`` holds, from its checkpoint on; as :func:`pipeline.run` does.

    Raises :class:`~daemon.importing.source.SourceError` when it cannot be done, and what psycopg raises.
    """
    if job.target_job_id is None:
        raise SourceError("The import that this is about was deleted")
    target = jobs.get(connection, job.target_job_id)
    with _locked(connection, target) as acquired:
        target = jobs.get(connection, target.id)
        if not acquired or not target.status.is_final:
            return Outcome.INTERRUPTED  # it is tried again when whoever has it is done
        if target.undone_at:
            raise SourceError(f"The import of {target.filename} was undone already")
        work = bulk.run if job.kind == "repair" else undo.run
        try:
            rows = work(connection, job, target, should_stop, on_progress)
        except JobWithdrawnError:
            return Outcome.WITHDRAWN
        if rows is None:
            return Outcome.INTERRUPTED
        with connection.transaction():
            is_done = jobs.succeed(connection, job.id, rows)
            if is_done and job.kind == "undo":
                jobs.mark_undone(connection, target.id)
        return Outcome.FINISHED if is_done else Outcome.WITHDRAWN


@contextmanager
def _locked(connection: Connection, target: Job) -> Iterator[bool]:
    """Hold the locks of ``target`` and of the job whose rows it brought in, if it is about one, too."""
    ids: list[UUID] = [target.id, *([target.target_job_id] if target.target_job_id else [])]
    with ExitStack() as stack:
        acquired = [stack.enter_context(job_lock.locked(connection, job_id)) for job_id in ids]
        yield all(acquired)
