"""A whole file: read, check, load chunk by chunk, from the job's checkpoint to its end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path

from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.catalog.jobs import Job
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


class Outcome(Enum):
    """How a run ended. A job's own faults come as :class:`SourceError` instead."""

    FINISHED = auto()
    """Every row is accounted for, the job is SUCCESS."""
    INTERRUPTED = auto()
    """The worker was asked to stop; the checkpoint says where to go on."""
    WITHDRAWN = auto()
    """The job was cancelled or deleted."""


def run(connection: Connection, job: Job, path: Path, should_stop: Callable[[], bool]) -> Outcome:
    """Import the file at ``path`` for ``job``, whose lock ``connection`` holds, from its checkpoint on.

    ``should_stop`` is asked after each chunk. Raises :class:`~daemon.importing.source.SourceError` when the
    file cannot be imported, and what psycopg raises when the database is lost: then the checkpoint tells
    what was stored.
    """
    options = ImportOptions.model_validate(job.options)
    reading, total = _prepare(connection, job, path, options)
    loader = Loader(connection, job.id, reading.dialect, options.on_duplicate)
    processed = job.processed_rows
    try:
        for chunk in chunks(path, reading, options.isbn_check, skip=job.processed_rows):
            processed += loader.load(chunk).processed
            if should_stop():
                return Outcome.INTERRUPTED
    except JobWithdrawnError:
        return Outcome.WITHDRAWN
    if processed != total:
        raise SourceError(f"{processed:,} rows were read where {total:,} were counted: the file has changed")
    return Outcome.FINISHED if jobs.succeed(connection, job.id) else Outcome.WITHDRAWN


def _prepare(connection: Connection, job: Job, path: Path, options: ImportOptions) -> tuple[Reading, int]:
    """How the file is read, and its data rows: found out once, so that a resumed job goes on as it began."""
    if job.read_as is not None and job.total_rows is not None:
        if is_current(job.read_as):
            return Reading.from_dict(job.read_as), job.total_rows
        if job.processed_rows:
            raise SourceError("The import was begun by another version of Bibliflow; import the file again")
    reading = understand(path, options)
    total = count_rows(path, reading)
    jobs.describe(connection, job.id, reading.as_dict(), total)
    return reading, total


def count_rows(path: Path, reading: Reading) -> int:
    """How many data rows the file has: as many as an import will account for."""
    with open_reader(path, reading.dialect, reading.header.layout) as reader:
        return sum(1 for _ in _data_records(reader, reading))


def _data_records(reader: RecordReader, reading: Reading) -> Iterator[Record]:
    """The records that are neither blank nor the header."""
    records = (record for record in reader if not record.is_blank)
    return itertools.islice(records, 1 if reading.header.is_in_file else 0, None)


def chunks(path: Path, reading: Reading, isbn_check: IsbnCheck, *, skip: int = 0) -> Iterator[Chunk]:
    """The file in checked chunks, without the first ``skip`` data rows."""
    checker = Checker(reading.header, reading.dialect.encoding, isbn_check)
    with open_reader(path, reading.dialect, reading.header.layout) as reader:
        chunk, deadline = Chunk(), time.monotonic() + CHUNK_SECONDS
        for record in itertools.islice(_data_records(reader, reading), skip, None):
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
