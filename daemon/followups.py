"""What users do about an import that is over: bring its rejected rows in after all, or take it back.

For command line and dashboard alike. What touches many rows becomes a job of the daemon.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import Rollback

from daemon import users
from daemon.catalog import job_lock, jobs, row_errors, row_repairs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, Source
from daemon.catalog.row_errors import Problem, RowError
from daemon.catalog.row_repairs import RowRepair
from daemon.importing import rules
from daemon.importing import undo as undoing
from daemon.importing.bulk import BulkRepair
from daemon.importing.fix import Fixer, Rejected, RowChecker
from daemon.queue import JobQueue
from daemon.values import BookField


class FollowUpError(Exception):
    """The job is not in a state in which this can be done. The message says why, and what can."""


class RepairedAlreadyError(FollowUpError):
    """Somebody was faster, or the word that it was done was lost with the database."""


class TakenBackAlreadyError(FollowUpError):
    """The same of taking a repair back."""


class RowRejectedError(Exception):
    """The row does not pass like this either; nothing was changed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def undo(connection: Connection, queue: JobQueue, job: Job, *, source: Source) -> Job:
    """Let the daemon take back what ``job`` brought; the job that does it. Raises :class:`FollowUpError`."""
    job = jobs.get(connection, job.id)
    if job.kind == "undo":
        raise FollowUpError("An undo cannot be undone; import the file again, or repair the rows again")
    _require_end(job, "undone")
    if job.is_about_rows and job.target_job_id is None:
        raise FollowUpError(f"The import whose rows {job.filename} brought in was cleaned up; the books stay")
    if job.target_job_id and jobs.get(connection, job.target_job_id).undone_at:
        raise FollowUpError(f"{job.filename} was undone with the import whose rows it brought in")
    with connection.transaction():
        if jobs.unfinished_about(connection, job.id, "undo"):
            raise FollowUpError(f"{job.filename} is being undone already")
        created = create_undo(connection, job, source=source, user=users.current_user())
    queue.try_enqueue(queue.task(created.id))
    return created


def create_undo(connection: Connection, job: Job, *, source: Source, user: str | None) -> Job:
    """The job that takes ``job`` back, for whoever comes to do it."""
    return jobs.create(
        connection,
        filename=job.filename,
        source=source,
        kind="undo",
        target_job_id=job.id,
        options={},
        submitted_by=user,
    )


def repair_many(
    connection: Connection, queue: JobQueue, job: Job, repair: BulkRepair, *, source: Source
) -> Job:
    """Let the daemon repair rejected rows of ``job``; the job that does it. Raises :class:`FollowUpError`."""
    job = jobs.get(connection, job.id)
    _require_rows(job)
    created = jobs.create(
        connection,
        filename=job.filename,
        source=source,
        kind="repair",
        target_job_id=job.id,
        options=repair.model_dump(mode="json"),
        submitted_by=users.current_user(),
    )
    queue.try_enqueue(queue.task(created.id))
    return created


def checker(job: Job) -> RowChecker:
    """What says whether rejected rows of ``job`` pass with other values, without asking the catalogue.

    Raises :class:`FollowUpError`.
    """
    _require_rows(job)
    return RowChecker(job)


def repair_row(
    connection: Connection, job: Job, error: RowError, typed: Mapping[BookField, str]
) -> RowRepair:
    """Import a rejected row with what was ``typed`` for some of its fields; what was recorded of it.

    Raises :class:`RowRejectedError` if it does not pass, and :class:`FollowUpError`.
    """
    with job_lock.locked(connection, job.id) as acquired:
        job = jobs.get(connection, job.id)
        _require_rows(job)
        if not acquired:
            raise FollowUpError(f"Other rows of {job.filename} are being repaired; try again in a moment")
        now = row_errors.by_id(connection, job.id, [error.id]).get(error.id)
        if now is None or now.resolved_at:
            raise RepairedAlreadyError(f"Row {error.row_number:,} of {job.filename} was repaired already")
        fixer = Fixer(connection, job, repaired_by=users.current_user())
        checked = fixer.check(now, typed)
        if isinstance(checked, Rejected):
            raise RowRejectedError(list(checked.problems))
        with connection.transaction():
            if not fixer.store([checked]):
                raise RowRejectedError([rules.duplicate(checked.row.isbn)])
        return row_repairs.of_error(connection, error.id)[0]


def undo_row(connection: Connection, job: Job, repair: RowRepair) -> bool:
    """Take the repair of one row back: the row is in error again.

    False if its book was edited or deleted since; then nothing is changed. Raises :class:`FollowUpError`.
    """
    with job_lock.locked(connection, job.id) as acquired:
        if not acquired:
            raise FollowUpError(f"Other rows of {job.filename} are being repaired; try again in a moment")
        now = next(
            (one for one in row_repairs.of_error(connection, repair.row_error_id) if one.id == repair.id),
            None,
        )
        if now is None or now.undone_at:
            raise TakenBackAlreadyError("This repair was taken back already")
        with connection.transaction() as transaction:
            is_undone = undoing.take_back(connection, [now]) == 1
            if not is_undone:
                raise Rollback(transaction)
    return is_undone


def _require_rows(job: Job) -> None:
    """Raise unless ``job`` has rejected rows that can be brought in."""
    if job.kind != "import":
        raise FollowUpError(f"The {job.kind} has no rows of its own; repair those of its import")
    _require_end(job, "repaired")
    if job.read_as is None:
        raise FollowUpError(f"No row of {job.filename} was read; there is nothing to repair")


def _require_end(job: Job, what: str) -> None:
    if not job.status.is_final:
        raise FollowUpError(
            f"{job.filename} is not done yet; it can be {what} when it is done or cancelled (job {job.id})"
        )
    if job.undone_at:
        raise FollowUpError(f"{job.filename} was undone already; import the file again to have its rows")
