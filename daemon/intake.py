"""The one door for files: check, copy into the spool, create the job, wake a worker.

Command line, dashboard and inbox all come through :func:`submit`.
"""

from __future__ import annotations

import errno
import getpass
import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7
from daemon.catalog.jobs import Job, Source
from daemon.importing import encoding, packing
from daemon.importing.options import ImportOptions
from daemon.importing.packing import PackingError
from daemon.queue import JobQueue
from daemon.settings import BookField, Delimiter, DuplicatePolicy, Paths, Settings

COPY_BLOCK = 1024 * 1024
SAMPLE = 64 * 1024
"""Bytes looked at to tell text from other things."""

TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x1b")
MOST_CONTROLS = 0.05
"""Share of other control bytes in a sample above which it is not text. A few are damage, and reported as
row errors; executables, images and archives have a quarter and more."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x05\x06", "a ZIP archive without files"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook; save the sheet as CSV first"),
    (b"%PDF-", "a PDF document"),
    (b"BZh", "packed with bzip2; unpack it first"),
    (b"\xfd7zXZ\x00", "packed with xz; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
)


class RefusedError(Exception):
    """The file does not come in. The message names the file and says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one import wants to differ from the settings; None leaves a setting as it is."""

    on_duplicate: DuplicatePolicy | None = None
    encoding: str | None = None
    delimiter: Delimiter | None = None
    columns: Sequence[str] | None = None
    mapping: Mapping[BookField, str] | None = None


def submit(
    path: Path,
    *,
    settings: Settings,
    paths: Paths,
    connection: Connection,
    queue: JobQueue,
    source: Source,
    request: Request | None = None,
) -> Job:
    """Take the file at ``path`` in and return its PENDING job.

    Raises :class:`RefusedError` for a file that is not wanted, and what psycopg raises if the database is
    lost; either way nothing is left behind.
    """
    options = import_options(settings, request or Request())
    job_id = uuid7()
    spooled = spool_path(paths, job_id)
    name = _display_name(path)
    try:
        with _open(path, name) as file:
            sha256, size = _spool(file, spooled, name, settings.importing.max_file_size)
        _check_content(spooled, name, settings.importing.max_file_size)
        task = queue.task(job_id)
        job = jobs.create(
            connection,
            job_id=job_id,
            filename=path.name,
            source=source,
            file_sha256=sha256,
            file_size=size,
            spool_path=str(spooled),
            options=options.model_dump(mode="json"),
            task_id=task.id,
            submitted_by=_user(),
        )
    except BaseException:
        # A lost reply to COMMIT may leave a job without a file: it fails, and says that its file is gone.
        spooled.unlink(missing_ok=True)
        raise
    queue.try_enqueue(task)
    return job


def _display_name(path: Path) -> str:
    """The path in words of Unicode, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def spool_path(paths: Paths, job_id: UUID) -> Path:
    """Where the job's private copy is; never taken from a table, which others may write."""
    return paths.spool / f"{job_id}.csv"


def import_options(settings: Settings, request: Request) -> ImportOptions:
    """The settings, and what ``request`` wants otherwise."""
    configured = settings.importing.encoding
    return ImportOptions(
        on_duplicate=request.on_duplicate or settings.importing.on_duplicate,
        isbn_check=settings.importing.isbn_check,
        encoding=request.encoding or (None if configured == "auto" else configured),
        delimiter=request.delimiter,
        columns=tuple(request.columns) if request.columns is not None else None,
        chosen_columns=dict(request.mapping or {}),
        preferred_columns=dict(settings.importing.columns),
    )


def _open(path: Path, name: str) -> BinaryIO:
    """The file, open and found fit. Raises :class:`RefusedError`."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(f"{name}: {_why_not_opened(error)}") from None
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        os.close(fd)
        raise RefusedError(f"{name}: is a folder; name the files in it")
    file = os.fdopen(fd, "rb", buffering=0)
    try:
        if not stat.S_ISREG(status.st_mode):
            raise RefusedError(f"{name}: is a pipe, a socket or a device, not a file")
        if status.st_size == 0:
            raise RefusedError(f"{name}: is empty")
        sample = os.pread(fd, SAMPLE, 0)
        if not packing.is_packed(sample) and (what := _not_text(sample)):
            raise RefusedError(f"{name}: is not a CSV file but {what}")
    except OSError as error:
        file.close()
        raise RefusedError(f"{name}: cannot be read: {error.strerror}") from None
    except RefusedError:
        file.close()
        raise
    return file


def _why_not_opened(error: OSError) -> str:
    reasons = {
        errno.ENOENT: "no such file",
        errno.ENOTDIR: "no such file",
        errno.EACCES: "you may not read it",
        errno.EPERM: "you may not read it",
        errno.ELOOP: "is a link that leads to itself",
        errno.ENXIO: "is a pipe, a socket or a device, not a file",
        errno.ENAMETOOLONG: "no such file (the name is too long)",
    }
    return reasons.get(error.errno or 0, f"cannot be opened: {error.strerror}")


def _not_text(sample: bytes) -> str | None:
    """What ``sample`` is if it is not text, else None."""
    for signature, what in SIGNATURES:
        if sample.startswith(signature):
            return what
    if found := encoding.by_first_bytes(sample):
        sample = sample.decode(found.encoding, "replace").encode()
    controls = sum(1 for byte in sample if byte < 0x20 and byte not in TEXT_CONTROLS)
    return "something binary" if controls > MOST_CONTROLS * len(sample) else None


def check_file(path: Path, settings: Settings) -> None:
    """Look at the file at ``path`` as :func:`submit` does, and leave it where it is. Raises RefusedError."""
    name = _display_name(path)
    limit = settings.importing.max_file_size
    with _open(path, name) as file:
        size = os.fstat(file.fileno()).st_size
    if size > limit:
        raise _too_large(name, size, limit)
    _check_content(path, name, limit)


def _check_content(path: Path, name: str, limit: int) -> None:
    """Look into the file at ``path`` if it is packed: is it whole, text, and not larger than ``limit``?"""
    try:
        with path.open("rb") as file:
            if not packing.is_packed(file.read(4)):
                return
        packing.check(path, limit)
        with packing.unpacked(path) as opened:
            what = _not_text(opened.stream.read(SAMPLE))
    except PackingError as error:
        raise RefusedError(f"{name}: {error}") from None
    except OSError as error:
        raise RefusedError(f"{name}: cannot be read: {error.strerror}") from None
    if what:
        raise RefusedError(f"{name}: does not hold a CSV file but {what}")


def _spool(file: BinaryIO, target: Path, name: str, limit: int) -> tuple[str, int]:
    """Copy ``file`` to ``target`` durably; its SHA-256 in hexadecimal and its size in bytes."""
    digest = hashlib.sha256()
    size = 0
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb", buffering=0) as copy:
        while block := _read_block(file, name):
            size += len(block)
            if size > limit:
                raise _too_large(name, os.fstat(file.fileno()).st_size, limit)
            digest.update(block)
            _write_block(copy, block, target)
        # The job promises that its file is here: so it is, also after a power cut.
        os.fsync(copy.fileno())
    return digest.hexdigest(), size


def _read_block(file: BinaryIO, name: str) -> bytes:
    try:
        return file.read(COPY_BLOCK)
    except OSError as error:
        raise RefusedError(f"{name}: cannot be read: {error.strerror}") from None


def _write_block(copy: BinaryIO, block: bytes, target: Path) -> None:
    try:
        view = memoryview(block)
        while view:
            view = view[copy.write(view) :]
    except OSError as error:
        raise RefusedError(f"No room for a copy in {target.parent}: {error.strerror}") from None


def _too_large(name: str, size: int, limit: int) -> RefusedError:
    return RefusedError(
        f"{name}: has {size / 1e6:,.1f} MB, more than import.max_file_size allows ({limit / 1e6:,.1f} MB)"
    )


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None  # a user without a name, as in some containers
