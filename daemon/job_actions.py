"""What users do with jobs: cancel, retry, clean up. For command line and dashboard alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from daemon import intake
from daemon.catalog import job_files, job_lock, job_progress, jobs, row_errors, row_repairs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.importing import undo
from daemon.inbox.outcome import Outcomes, spooled_jobs
from daemon.logger import Logger
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings

log = Logger(__name__)

CLEANED_AT_ONCE = 100
"""Jobs deleted in one transaction: each may have a million row errors."""

RETRIED = "only failed and cancelled imports can be retried"


class ActionError(Exception):
    """The job is not in a state in which this can be done. The message says in which it is, and what can."""


def cancel(connection: Connection, job: Job) -> None:
    """Stop an unfinished job: what it brought so far stays. Raises :class:`ActionError`."""
    if not jobs.cancel(connection, job.id):
        raise ActionError(_refusal(connection, job, "there is nothing to cancel"))


def retry(
    connection: Connection,
    queue: JobQueue,
    settings: Settings,
    paths: Paths,
    job: Job,
    *,
    restart: bool = False,
    patience: float = 0,
) -> None:
    """Let a failed or cancelled job go on from its checkpoint, or from the start.

    With ``restart`` the books and row errors that it brought are removed first. Whoever has the job is waited
    for as many seconds as ``patience``. Raises :class:`ActionError`.
    """
    if jobs.status(connection, job.id) not in (JobStatus.FAILURE, JobStatus.CANCELLED):
        raise ActionError(_refusal(connection, job, RETRIED))
    if job.kind != "import":
        _make_pending(connection, job)
        queue.try_enqueue(queue.task(job.id))
        return
    # Who has it may be about to notice that the job was cancelled, or to bring its file back to the inbox.
    with job_lock.locked(connection, job.id, patience) as acquired:
        if not acquired:
            raise ActionError(f"{job.filename} {_occupation(connection, job)}; try again in a moment")
        outcomes = Outcomes(settings.watch, paths)
        if not intake.spool_path(paths, job.id).exists() and not outcomes.fetch_back(job):
            raise ActionError(f"The copy of {job.filename} is gone from the spool; import the file again")
        with connection.transaction():
            _make_pending(connection, job)
            if restart or job.undone_at:
                undo.run_at_once(connection, job)
                row_repairs.delete_all(connection, job.id)
                row_errors.delete_all(connection, job.id)
                job_progress.reset(connection, job.id)
    queue.try_enqueue(queue.task(job.id))


def _occupation(connection: Connection, job: Job) -> str:
    """What whoever has the job does with it."""
    if jobs.unfinished_about(connection, job.id, "undo"):
        return "is being undone"
    if jobs.unfinished_about(connection, job.id, "repair"):
        return "has rows that are being repaired"
    return "is still being stopped"


def _make_pending(connection: Connection, job: Job) -> None:
    if not jobs.retry(connection, job.id):
        raise ActionError(_refusal(connection, job, RETRIED))


def _refusal(connection: Connection, job: Job, why: str) -> str:
    status = jobs.status(connection, job.id)
    words = {
        JobStatus.PENDING: "is waiting to be imported",
        JobStatus.PROCESSING: "is being imported",
        JobStatus.SUCCESS: "is imported",
        JobStatus.FAILURE: "has failed",
        JobStatus.CANCELLED: "is cancelled",
        None: "is deleted",
    }
    return f"{job.filename} {words[status]}; {why}"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What :func:`clean` removed."""

    jobs: int
    files: int
    """Copies in the spool."""


def clean(connection: Connection, settings: Settings, paths: Paths, older_than: timedelta) -> Cleaned:
    """Forget jobs that were finished longer ago, with their row errors and files; the books stay.

    Also removes files from the spool that no job needs any more.
    """
    count = 0
    kept: set[UUID] = set()
    while True:
        with connection.transaction():
            found = set(jobs.lock_finished(connection, older_than, CLEANED_AT_ONCE, but=kept))
            deleted = jobs.delete_unneeded(connection, found - _undelivered(connection, paths, found))
        if not found:
            break
        kept |= found.difference(deleted)
        count += len(deleted)
    return Cleaned(count, _clean_spool(connection, settings, paths))


def _undelivered(connection: Connection, paths: Paths, job_ids: set[UUID]) -> set[UUID]:
    """Those whose file in the spool is the only one: it belongs into the inbox, when that is there."""
    spooled = [job_id for job_id in job_ids if intake.spool_path(paths, job_id).exists()]
    return {job.id for job in job_files.of_inbox(connection, spooled)}


def _clean_spool(connection: Connection, settings: Settings, paths: Paths) -> int:
    outcomes = Outcomes(settings.watch, paths)
    count = 0
    for job_id in spooled_jobs(paths):
        # Whoever brings a file in has this until its job is there; times of files and clocks say nothing.
        with job_lock.taking_in(connection, job_id) as acquired:
            if not acquired:
                continue
            job = jobs.get_if_there(connection, job_id)
            try:
                if job is None:
                    if settings.queue.is_shared:
                        continue  # it may be from the inbox of another machine, which alone knows that
                    outcomes.give_back(job_id)
                # One from the inbox is on its way back there, however long that takes.
                elif job.status is not JobStatus.SUCCESS or job.inbox is not None:
                    continue
                intake.spool_path(paths, job_id).unlink(missing_ok=True)
                count += 1
            except OSError as error:
                log.warning("a file stays in the spool", job_id=str(job_id), error=str(error))
    return count
