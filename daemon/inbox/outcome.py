"""Puts the file of a finished job where people find it, with what they must know beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes
from uuid import UUID

from daemon import intake
from daemon.catalog import job_files, job_lock, jobs, row_errors
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.file_check import display_name
from daemon.importing import export
from daemon.inbox import names
from daemon.inbox.claims import Claims
from daemon.inbox.folder import Folder
from daemon.inbox.ledger import FileState, Ledger, LedgerEntry
from daemon.logger import Logger
from daemon.settings import Paths, WatchSettings
from daemon.visible import visible

log = Logger(__name__)

UNKNOWN_JOB = "the database does not know its import, as after the restore of an older dump"


def folder(watch: WatchSettings, paths: Paths) -> Folder:
    """The inbox that the settings name."""
    return Folder(
        paths.inbox(watch), recursive=watch.recursive, ignore=watch.ignore, any_owner=watch.any_owner
    )


def spooled_jobs(paths: Paths) -> list[UUID]:
    """The jobs that have a file in the spool."""
    found = []
    for file in paths.spool.glob("*.csv"):
        with suppress(ValueError):
            found.append(UUID(file.stem))
    return found


class Outcomes:
    """Delivers the files of one inbox. Doing it twice for one job, as after a crash, does no harm."""

    def __init__(self, watch: WatchSettings, paths: Paths) -> None:
        self._watch = watch
        self._paths = paths
        self._folder = folder(watch, paths)
        self._ledger = Ledger(paths.state_db)  # opened when it is written to: a fork must not share it

    def deliver(self, connection: Connection, job: Job) -> None:
        """Put the file of ``job``, whose lock ``connection`` holds, in its place if the job is finished.

        The copy in the spool goes last: while it is there, there is something to do. A folder that cannot be
        written to leaves it there, with the reason in the ledger.
        """
        if not job.status.is_final:
            return
        spooled = intake.spool_path(self._paths, job.id)
        if job.inbox is None:
            if job.status is JobStatus.SUCCESS:
                spooled.unlink(missing_ok=True)
            return
        if job.inbox.get("mark") and job.inbox["mark"] != self._folder.mark(make=False):
            return  # from the inbox of another machine, which puts it into its place
        path = unquote_to_bytes(job.inbox["path"])
        if not spooled.exists():
            entry = self._ledger.of_job(job.id)
            if entry is None or entry.state is FileState.QUEUED:
                self._record_delivered(connection, job, path)
            return
        done = _done(job)
        corrected = jobs.get_if_there(connection, job.target_job_id)
        reason, place = _reason(job, corrected), None
        try:
            place = self._deliver(connection, job, corrected, path, done, reason)
        except OSError as error:
            log.warning(
                "a file of the inbox cannot be put in its place",
                job_id=str(job.id),
                file=job.filename,
                error=str(error),
            )
            reason = f"{reason}; it cannot be moved to {done}: {error.strerror}".removeprefix("; ")
        self.record(job, path, done, reason, place)

    def _deliver(
        self,
        connection: Connection,
        job: Job,
        corrected: Job | None,
        path: bytes,
        done: FileState,
        reason: str,
    ) -> bytes | None:
        spooled = intake.spool_path(self._paths, job.id)
        if _is_kept(job) or (done is FileState.IMPORTED and self._watch.on_finish == "delete"):
            place, target = None, _target(path, done)
        else:
            place = target = self.place(spooled, path, done, job.id)
        if done is FileState.FAILED:
            self._write_reason(
                target, job.id, f"{reason}\n{job.success_count:,} of its rows are in the catalogue."
            )
        # Of one that brought corrections, also those that its original has left.
        for owner in (corrected, job):
            if owner is not None and owner.open_error_count:
                self._write_errors(connection, owner, target)
        spooled.unlink(missing_ok=True)
        return place

    def place(self, file: Path, path: bytes, state: FileState, job_id: UUID, reason: str = "") -> bytes:
        """Bring a file that was at ``path`` to where files of that ``state`` end; where it is now.

        It stays where it was, too. Raises :class:`OSError`.
        """
        target = self._folder.put(file, _target(path, state), key=str(job_id))
        if reason:
            self._write_reason(target, job_id, reason)
        return target

    def _write_reason(self, target: bytes, job_id: UUID, reason: str) -> None:
        lines = [
            f"{visible(display_name(target))} was not imported, or not to its end:",
            *map(visible, reason.split("\n")),
            "",
            "When it is mended, put it into the inbox again.",
        ]
        with self._folder.written(names.of_reason(target), key=f"{job_id}-reason") as file:
            file.write(("\n".join(lines) + "\n").encode())

    def _write_errors(self, connection: Connection, owner: Job, target: bytes) -> None:
        """The rejected rows of ``owner``, beside the file at ``target``."""
        with self._folder.written(names.of_errors(target), key=f"{owner.id}-errors") as file:
            export.write_errors(file, owner, row_errors.stream(connection, owner.id))

    def fetch_back(self, job: Job) -> bool:
        """Bring the file of ``job``, which is to go on, back into the spool; False if it is not as it was.

        What was said of it in the folder is taken away with it.
        """
        entry = self._ledger.of_job(job.id)
        kept = _is_kept(job)
        if not job.inbox or not job.file_sha256:
            return False
        path = unquote_to_bytes(job.inbox["path"])
        if not kept:
            # If another machine put it there, or this one could not say so, it is where it was to be.
            path = (entry and entry.raw_place) or _target(path, FileState.FAILED)
        spooled = intake.spool_path(self._paths, job.id)
        brought = spooled.with_suffix(".part")
        try:
            with os.fdopen(self._folder.open(path), "rb") as file, brought.open("wb") as copy:
                shutil.copyfileobj(file, copy)
                copy.flush()
                os.fsync(copy.fileno())
            with brought.open("rb") as copy:
                is_the_same = hashlib.file_digest(copy, "sha256").hexdigest() == job.file_sha256
            if is_the_same:
                brought.rename(spooled)
                if not kept:
                    self._folder.remove(path)
                    self._folder.remove(names.of_reason(path))
        except OSError:
            return False
        finally:
            brought.unlink(missing_ok=True)
        return is_the_same

    def give_back(self, job_id: UUID) -> None:
        """Put the file of a job that the database does not know to the failed ones, if the inbox had it.

        It stays in the spool, too. Raises :class:`OSError`.
        """
        entry = self._ledger.of_job(job_id)
        is_claimed = any(Claims(self._folder, self._paths).of(job_id))
        if entry is None or is_claimed or self._is_where_it_was(entry):
            return
        spooled = intake.spool_path(self._paths, job_id)
        place = self.place(spooled, entry.raw_path, FileState.FAILED, job_id, UNKNOWN_JOB)
        self._ledger.finish(job_id, entry.raw_path, FileState.FAILED, UNKNOWN_JOB, place, size=entry.size)

    def _is_where_it_was(self, entry: LedgerEntry) -> bool:
        now = self._folder.version(entry.raw_path)
        return now is not None and now.is_same(entry.version)

    def deliver_left(self, connection: Connection) -> None:
        """Deliver what a crash, a cancelled job or a folder that was away has left in the spool."""
        ids = spooled_jobs(self._paths)
        for job in job_files.of_inbox(connection, ids) if ids else ():
            with job_lock.locked(connection, job.id) as acquired:
                # It may have been delivered, and cleaned up, or let go on.
                now = jobs.get_if_there(connection, job.id) if acquired else None
                if now is not None:
                    self.deliver(connection, now)

    def catch_up(self, connection: Connection) -> None:
        """Tell the ledger what other machines did with files that were taken here."""
        queued = self._ledger.entries(states=(FileState.QUEUED,))
        paths = {UUID(entry.job_id): entry.raw_path for entry in queued if entry.job_id}
        for job in job_files.of_inbox(connection, list(paths)) if paths else ():
            if not intake.spool_path(self._paths, job.id).exists():
                self._record_delivered(connection, job, paths[job.id])

    def _record_delivered(self, connection: Connection, job: Job, path: bytes) -> None:
        """Tell the ledger of a file that is not in the spool any more."""
        done = _done(job)
        reason = _reason(job, jobs.get_if_there(connection, job.target_job_id))
        place = _target(path, done)
        is_there = not _is_kept(job) and self._folder.version(place) is not None
        self.record(job, path, done, reason, place if is_there else None)

    def record(self, job: Job, path: bytes, state: FileState, reason: str, place: bytes | None) -> None:
        """Tell the ledger; what it cannot take is no reason to stop."""
        try:
            self._ledger.finish(job.id, path, state, reason, place, size=job.file_size or 0)
        except (sqlite3.Error, OSError) as error:
            log.warning("the ledger cannot be written", error=str(error))


def _done(job: Job) -> FileState:
    """How the file of a finished job stands."""
    return FileState.IMPORTED if job.status is JobStatus.SUCCESS else FileState.FAILED


def _is_kept(job: Job) -> bool:
    """Whether its file stays in the inbox."""
    return bool(job.inbox and job.inbox.get("kept"))


def _reason(job: Job, corrected: Job | None) -> str:
    match job.status:
        case JobStatus.FAILURE:
            return job.failure_reason or "the import failed"
        case JobStatus.CANCELLED:
            return "its import was cancelled"
    reasons = [_rows(job.error_count, "rejected")] if job.error_count else []
    if corrected:
        reasons.append(f"{_rows(job.success_count, 'corrected')} of {corrected.filename}")
        if corrected.open_error_count:
            reasons.append(f"{_rows(corrected.open_error_count, 'left')}")
    return ", ".join(reasons)


def _rows(count: int, what: str) -> str:
    return f"{count:,} row{'' if count == 1 else 's'} {what}"


def _target(path: bytes, state: FileState) -> bytes:
    return (names.IMPORTED if state is FileState.IMPORTED else names.FAILED) + b"/" + path
