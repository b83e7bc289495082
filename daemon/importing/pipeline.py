"""A whole file: read, check, load chunk by chunk, from the job's checkpoint to its end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path

from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.catalog.jobs import Job, JobStatus
from daemon.catalog.row_errors import Rejection
from daemon.importing.loader import Candidate, Chunk, JobWithdrawnError, Loader
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading, is_current, understand
from daemon.importing.records import Record
from daemon.importing.rules import BookRow, Checker
from daemon.importing.source import RecordReader, SourceError, open_reader
from daemon.settings import IsbnCheck

CHUNK_ROWS = 5000
"""Rows of one transaction at most."""

CHUNK_SECONDS = 0.25
"""A chunk is closed after this time even if it is short, so that progress shows several times a second."""

CLOCK_ROWS = 64
"""Rows between two looks at the clock."""


CHECK_ROWS = 5000
"""Rows read between two looks whether to stop, where no chunk is stored: counting, and on the way to the
checkpoint. A million rows take 2.4 s."""

CHECK_SECONDS = 0.5
"""Seconds between two looks at the job in the database."""


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
    check = _Check(connection, job, should_stop)
    try:
        reading, total = _prepare(connection, job, path, options, check)
        loader = Loader(connection, job.id, reading.dialect, options.on_duplicate)
        processed = job.processed_rows
        for chunk in chunks(path, reading, options.isbn_check, skip=processed, check=check):
            processed += loader.load(chunk).processed
            on_progress()
            if should_stop():
                return Outcome.INTERRUPTED
    except JobWithdrawnError:
        return Outcome.WITHDRAWN
    except _InterruptedError:
        return Outcome.INTERRUPTED
    if processed != total:
        raise SourceError(f"{processed:,} rows were read where {total:,} were counted: the file has changed")
    return Outcome.FINISHED if jobs.succeed(connection, job.id) else Outcome.WITHDRAWN


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


def _prepare(
    connection: Connection, job: Job, path: Path, options: ImportOptions, check: Callable[[], None]
) -> tuple[Reading, int]:
    """How the file is read, and its data rows: found out once, so that a resumed job goes on as it began."""
    if job.read_as is not None and job.total_rows is not None:
        if is_current(job.read_as):
            return Reading.from_dict(job.read_as), job.total_rows
        if job.processed_rows:
            raise SourceError("The import was begun by another version of Bibliflow; import the file again")
    reading = understand(path, options)
    total = count_rows(path, reading, check)
    jobs.describe(connection, job.id, reading.as_dict(), total)
    return reading, total


def count_rows(path: Path, reading: Reading, check: Callable[[], None] = lambda: None) -> int:
    """How many data rows the file has: as many as an import will account for.

    ``check`` is called every few thousand rows, and may raise to end it.
    """
    with open_reader(path, reading.dialect, reading.header.layout) as reader:
        count = 0
        for count, _ in enumerate(_data_records(reader, reading), 1):
            if count % CHECK_ROWS == 0:
                check()
        return count


def _data_records(reader: RecordReader, reading: Reading) -> Iterator[Record]:
    """The records that are neither blank nor the header."""
    records = (record for record in reader if not record.is_blank)
    return itertools.islice(records, 1 if reading.header.is_in_file else 0, None)


def chunks(
    path: Path,
    reading: Reading,
    isbn_check: IsbnCheck,
    *,
    skip: int = 0,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Chunk]:
    """The file in checked chunks, without the first ``skip`` rows; ``check`` as in :func:`count_rows`."""
    checker = Checker(reading.header, reading.dialect.encoding, isbn_check)
    with open_reader(path, reading.dialect, reading.header.layout) as reader:
        records = _data_records(reader, reading)
        for done in range(0, skip, CHECK_ROWS):
            check()
            for _ in itertools.islice(records, min(CHECK_ROWS, skip - done)):
                pass
        chunk, deadline = Chunk(), time.monotonic() + CHUNK_SECONDS
        for record in records:
            _add(chunk, record, checker, reading)
            size = len(chunk)
            if size >= CHUNK_ROWS or (size % CLOCK_ROWS == 0 and time.monotonic() > deadline):
                chunk.bytes_read = reader.bytes_read
                yield chunk
                chunk, deadline = Chunk(), time.monotonic() + CHUNK_SECONDS
        if len(chunk):
            chunk.bytes_read = reader.bytes_read
            yield chunk


def _add(chunk: Chunk, record: Record, checker: Checker, reading: Reading) -> None:
    checked = checker.check(record)
    if isinstance(checked, BookRow):
        chunk.candidates.append(Candidate(record, checked, checked.book()))
        return
    raw_data = record.fields[0] if record.damage else reading.dialect.format(record.fields)
    chunk.rejections.append(Rejection(record.row_number, raw_data, checked))
