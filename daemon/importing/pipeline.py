"""A whole file: read, check, load chunk by chunk, from the job's checkpoint to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from enum import Enum, auto
from pathlib import Path

from daemon.catalog import job_progress, jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Counts, Job, JobStatus
from daemon.importing import corrections, error_limit
from daemon.importing.ahead import ReaderDiedError, SharedFlag, ahead
from daemon.importing.checking import Checked, checked
from daemon.importing.chunk import Chunk, Packer
from daemon.importing.corrections import BusyJobError
from daemon.importing.export import ID_COLUMN
from daemon.importing.loader import JobWithdrawnError, Loader
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading, is_current, understand
from daemon.importing.source import SourceError

CHUNK_ROWS = 30_000
"""Rows of one transaction at most. Measured, on one connection: a million rows take 4.9 s in chunks of 5,000,
4.5 of 10,000, 4.1 of 20,000 and of 40,000, 4.9 of 75,000; ten million take 58, 54 and 61 s in the last three.
Large ones spare the index on ISBNs; too large ones do not fit into a processor's cache, and take more
memory. One connection, for the one that holds the job's lock is the one that stores; server and reader keep
two cores busy with it."""

CHUNK_CHARACTERS = 4 * 1024 * 1024
"""Text of one transaction, about: with long records, fewer of them."""

CHUNK_SECONDS = 0.25
"""A chunk is closed after this time even if it is short, so that progress shows several times a second."""

AHEAD_FROM = 1024 * 1024
"""Bytes from which a file is read by a process of its own. To start one takes 12 ms; below, the whole file is
a chunk, and there is nothing to read ahead."""

CHECK_SECONDS = 0.5
"""Seconds between two looks at the job in the database while nothing is stored."""


class Outcome(Enum):
    """How a run ended. A job's own faults come as :class:`SourceError` instead."""

    FINISHED = auto()
    """Every row is accounted for, the job is SUCCESS."""
    INTERRUPTED = auto()
    """The worker was asked to stop; the checkpoint says where to go on."""
    WITHDRAWN = auto()
    """The job was cancelled or deleted."""


class _InterruptedError(Exception):
    """The worker was asked to stop."""


def run(
    connection: Connection,
    job: Job,
    path: Path,
    should_stop: Callable[[], bool],
    on_progress: Callable[[], None] = lambda: None,
) -> Outcome:
    """Import the file at ``path`` for ``job``, whose lock ``connection`` holds, from its checkpoint on.

    ``should_stop`` is asked after each chunk, ``on_progress`` is told of it. Raises
    :class:`~daemon.importing.source.SourceError` when the file cannot be imported, and what psycopg raises
    when the database is lost: then the checkpoint tells what was stored.
    """
    options = ImportOptions.model_validate(job.options)
    counts = Counts(job.success_count, job.error_count, job.skipped_count)
    try:
        corrected = corrections.corrected_job(connection, path)
        if options.corrects and (corrected is None or corrected.id != options.corrects):
            raise SourceError(f"Its column {ID_COLUMN} names no rejected row of that import")
        if corrected:
            options = corrections.options(corrected, options)
        reading = _prepare(connection, job, path, options)
        if corrected and ID_COLUMN in reading.header.names:
            rows = corrections.run(connection, job, path, reading, corrected, should_stop, on_progress)
            return Outcome.INTERRUPTED if rows is None else _succeed(connection, job, rows)
        loader = Loader(connection, job.id, reading.dialect, options.on_duplicate)
        flag = SharedFlag()
        with closing(_chunks(connection, job, path, reading, options, should_stop, flag)) as chunks:
            for chunk in chunks:
                counts += loader.load(chunk)
                flag.set(loader.expects_duplicates)
                on_progress()
                error_limit.check(options.max_errors, counts.error, counts.processed)
                if should_stop():
                    return Outcome.INTERRUPTED
    except JobWithdrawnError:
        return Outcome.WITHDRAWN
    except (_InterruptedError, ReaderDiedError, BusyJobError):
        return Outcome.INTERRUPTED
    error_limit.check(options.max_errors, counts.error, counts.processed, is_all=True)
    return _succeed(connection, job, counts.processed)


def _succeed(connection: Connection, job: Job, rows: int) -> Outcome:
    return Outcome.FINISHED if jobs.succeed(connection, job.id, rows) else Outcome.WITHDRAWN


def _prepare(connection: Connection, job: Job, path: Path, options: ImportOptions) -> Reading:
    """How the file is read: found out once, so that a resumed job goes on as it began."""
    if job.read_as is not None:
        if is_current(job.read_as):
            return Reading.from_dict(job.read_as)
        if job.processed_rows:
            raise SourceError("The import was begun by another version of Bibliflow; import the file again")
    reading = understand(path, options)
    job_progress.describe(connection, job.id, reading.as_dict())
    return reading


def _chunks(
    connection: Connection,
    job: Job,
    path: Path,
    reading: Reading,
    options: ImportOptions,
    should_stop: Callable[[], bool],
    expects_duplicates: SharedFlag,
) -> Generator[Chunk, None, None]:
    """The chunks behind the job's checkpoint; made ahead, if there are enough of them."""

    def packer() -> Packer:
        policy = options.on_duplicate
        return Packer(job.id, reading.dialect, policy, expects_duplicates=expects_duplicates.is_set())

    def make() -> Generator[Chunk, None, None]:
        return pack(checked(path, reading, options.isbn_check, skip=job.processed_rows), packer)

    if path.stat().st_size < AHEAD_FROM:
        return make()
    return ahead(make, _Check(connection, job, should_stop), connection.fileno())


def pack(parts: Iterable[Checked], packer: Callable[[], Packer]) -> Generator[Chunk, None, None]:
    """The rows of ``parts`` in chunks."""
    most = CHUNK_ROWS // 8  # of the first, so that the database has something to do soon
    chunk, deadline = packer(), time.monotonic() + CHUNK_SECONDS
    for part in parts:
        is_full = len(chunk) + len(part) > most or chunk.size >= CHUNK_CHARACTERS
        if chunk and (is_full or time.monotonic() > deadline):
            yield chunk.pack()
            most = CHUNK_ROWS
            chunk, deadline = packer(), time.monotonic() + CHUNK_SECONDS
        chunk.add(part)
    if chunk:
        yield chunk.pack()


class _Check:
    """Looks, where nothing is stored for a while, whether the worker or the job is to stop."""

    def __init__(self, connection: Connection, job: Job, should_stop: Callable[[], bool]) -> None:
        self._connection = connection
        self._job_id = job.id
        self._should_stop = should_stop
        self._looked = time.monotonic()

    def __call__(self) -> None:
        if self._should_stop():
            raise _InterruptedError
        if time.monotonic() - self._looked > CHECK_SECONDS:
            self._looked = time.monotonic()
            if jobs.status(self._connection, self._job_id) is not JobStatus.PROCESSING:
                raise JobWithdrawnError
