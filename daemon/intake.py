"""The one door for files: check, bring into the spool, create the job, wake a worker.

Command line and dashboard come through :func:`submit`, the inbox through :func:`submit_watched`.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote_from_bytes
from uuid import UUID

from daemon import spool, users
from daemon.catalog import daemons, job_files, job_lock, jobs
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7
from daemon.catalog.job import Job, Source
from daemon.file_check import RefusedError, check_content, display_name, too_large
from daemon.importing.options import ImportOptions
from daemon.queue import JobQueue
from daemon.request import Request
from daemon.settings import Paths, Settings
from daemon.spool_copy import SpoolCopy, copy, read_block


@dataclass(frozen=True, slots=True)
class Watched:
    """A file of the inbox."""

    job_id: UUID
    """Of the job that it is to have; known before, so that taking it in again after a crash is the same."""
    path: bytes
    """Relative to the inbox."""
    kept: bool
    """It stays where it is."""
    mark: str = ""
    """The inbox's, where several machines share a queue: they need not have the same one."""


class SameContentError(Exception):
    """Another job has, or had, a file with this very content."""

    def __init__(self, job: Job) -> None:
        what = ", whose import is being undone" if job.kind == "undo" else ""
        super().__init__(f"has the content of {job.filename}{what} (job {job.id})")
        self.job = job


def submit(
    path: Path,
    *,
    settings: Settings,
    paths: Paths,
    connection: Connection,
    queue: JobQueue,
    source: Source,
    request: Request | None = None,
    begun: SpoolCopy | None = None,
) -> Job:
    """Take a copy of the file at ``path`` in, if one was ``begun`` that, and return its PENDING job.

    Raises :class:`~daemon.file_check.RefusedError` for a file that is not wanted, and what psycopg raises if
    the database is lost. A refused file leaves nothing behind; a lost COMMIT may leave a job that has its
    file, or a copy that is cleaned up.
    """
    name, limit = display_name(path), settings.importing.max_file_size
    job_id = uuid7()
    spooled = spool_path(paths, job_id)
    _check_spool(settings, paths, connection)
    task = queue.task(job_id)
    with job_lock.taking_in(connection, job_id), _removed_on_error(connection, job_id, spooled):
        sha256, size = (begun or SpoolCopy(path, limit)).put(spooled)
        check_content(spooled, name, limit)
        job = jobs.create(
            connection,
            job_id=job_id,
            filename=path.name,
            source=source,
            file_sha256=sha256,
            file_size=size,
            spool_path=str(spooled),
            options=import_options(settings, request or Request()).model_dump(mode="json"),
            task_id=task.id,
            submitted_by=users.current_user(),
        )
    queue.try_enqueue(task)
    return job


def submit_watched(
    file: BinaryIO,
    path: Path | None,
    watched: Watched,
    *,
    settings: Settings,
    paths: Paths,
    connection: Connection,
    queue: JobQueue,
) -> Job:
    """Take a file of the inbox in and return its job; again after a crash, that which it has already.

    The caller holds the right to take it in (:func:`~daemon.catalog.job_lock.taking_in`). ``path`` is where
    the open ``file`` is, if it is ours to take: then the spool gets it without a copy where that is
    possible. Raises as :func:`submit` does, and :class:`SameContentError` for a file that is not to
    be imported again.
    """
    if jobs.status(connection, watched.job_id) is not None:
        return jobs.get(connection, watched.job_id)
    name, limit = display_name(watched.path), settings.importing.max_file_size
    spooled = spool_path(paths, watched.job_id)
    spooled.unlink(missing_ok=True)  # of an attempt that was broken off
    task = queue.task(watched.job_id)
    with _removed_on_error(connection, watched.job_id, spooled):
        if path is None or not _is_ours(file):
            sha256, size = copy(file, spooled, name, limit)
            # The copy takes the original's place when it is done: whoever could read that shall read this.
            spooled.chmod(os.fstat(file.fileno()).st_mode & 0o666 | 0o600)
        else:
            sha256, size = _adopt(file, path, spooled, name, limit)
        check_content(spooled, name, limit)
        with connection.transaction():
            known = job_files.with_content(connection, sha256)
            if known and not settings.watch.reimport:
                raise SameContentError(known)
            job = jobs.create(
                connection,
                job_id=watched.job_id,
                filename=name,
                source="watch",
                file_sha256=sha256,
                file_size=size,
                spool_path=str(spooled),
                options=import_options(settings, Request()).model_dump(mode="json"),
                task_id=task.id,
                submitted_by=users.current_user(),
                inbox={"path": quote_from_bytes(watched.path), "kept": watched.kept}
                | ({"mark": watched.mark} if watched.mark else {}),
            )
    queue.try_enqueue(task)
    return job


def _check_spool(settings: Settings, paths: Paths, connection: Connection) -> None:
    """Raise :class:`RefusedError` if those who would import the file could not see it."""
    if settings.queue.is_shared:
        others = daemons.with_another_spool(connection, spool.mark_of(paths.spool))
        if others:
            raise RefusedError(spool.not_shared(paths.spool, [daemon.host for daemon in others]))


@contextmanager
def _removed_on_error(connection: Connection, job_id: UUID, spooled: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # It may be the only copy: that of a job stays, also if only the reply to its COMMIT was lost.
        if not jobs.may_exist(connection, job_id):
            spooled.unlink(missing_ok=True)
        raise


def spool_path(paths: Paths, job_id: UUID) -> Path:
    """Where the job's private copy is; never taken from a table, which others may write."""
    return paths.spool / f"{job_id}.csv"


def import_options(settings: Settings, request: Request) -> ImportOptions:
    """The settings, and what ``request`` wants otherwise."""
    configured = settings.importing.encoding
    return ImportOptions(
        on_duplicate=request.on_duplicate or settings.importing.on_duplicate,
        max_errors=request.max_errors or settings.importing.max_errors,
        corrects=request.corrects,
        take_back=request.take_back or settings.importing.take_back,
        isbn_check=settings.importing.isbn_check,
        encoding=request.encoding or (None if configured == "auto" else configured),
        delimiter=request.delimiter,
        columns=tuple(request.columns) if request.columns is not None else None,
        chosen_columns=dict(request.mapping or {}),
        preferred_columns=dict(settings.importing.columns),
    )


def _is_ours(file: BinaryIO) -> bool:
    # Others could write to it through what they have open, and link counts are not theirs to give.
    return os.fstat(file.fileno()).st_uid == os.geteuid()


def _adopt(file: BinaryIO, path: Path, target: Path, name: str, limit: int) -> tuple[str, int]:
    """As :func:`~daemon.spool_copy.copy`, without a copy if both are on one file system."""
    size = os.fstat(file.fileno()).st_size
    if size > limit:
        raise too_large(name, size, limit)
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        return copy(file, target, name, limit)
    digest = hashlib.sha256()
    while block := read_block(file, name):
        digest.update(block)
    with suppress(OSError):  # of a file system that is read-only by now
        os.fsync(file.fileno())
    return digest.hexdigest(), size
