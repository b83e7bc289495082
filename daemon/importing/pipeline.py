"""A whole file: read, check, load chunk by chunk, from the job's checkpoint to its end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.catalog.jobs import Job
from daemon.catalog.row_errors import Rejection
from daemon.catalog.storable import storable
from daemon.importing import header as headers
from daemon.importing.header import Header
from daemon.importing.loader import Candidate, Chunk, JobWithdrawnError, Loader
from daemon.importing.rules import BookRow, Checker
from daemon.importing.source import Dialect, Record, RecordReader, SourceError, open_reader
from daemon.settings import BookField, DuplicatePolicy, IsbnCheck

CHUNK_ROWS = 5000
"""Rows of one transaction at most."""

CHUNK_SECONDS = 0.25
"""A chunk is closed after this time even if it is short, so that progress shows several times a second."""

CLOCK_ROWS = 64
"""Rows between two looks at the clock."""


class ImportOptions(BaseModel):
    """How a job wants its file imported; kept in ``import_jobs.options``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_duplicate: DuplicatePolicy = "error"
    isbn_check: IsbnCheck = "format"
    columns: tuple[str, ...] | None = None
    """Names of the columns of a file without header."""
    chosen_columns: dict[BookField, str] = {}
    """Columns named for this import; they must be there."""
    preferred_columns: dict[BookField, str] = {}
    """Columns named in the configuration; taken where a file has them."""


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

    ``should_stop`` is asked after each chunk. Raises :class:`SourceError` when the file cannot be imported,
    and what psycopg raises when the database is lost: then the checkpoint tells what was stored.
    """
    options = ImportOptions.model_validate(job.options)
    dialect = Dialect()
    header = read_header(path, dialect, options)
    if job.total_rows is None:
        jobs.describe(connection, job.id, _read_as(dialect, header), count_rows(path, dialect, header))
    loader = Loader(connection, job.id, dialect, options.on_duplicate)
    checker = Checker(header, dialect, options.isbn_check)
    try:
        for chunk in _chunks(path, checker, skip=job.processed_rows):
            loader.load(chunk)
            if should_stop():
                return Outcome.INTERRUPTED
    except JobWithdrawnError:
        return Outcome.WITHDRAWN
    return Outcome.FINISHED if jobs.succeed(connection, job.id) else Outcome.WITHDRAWN


def read_header(path: Path, dialect: Dialect, options: ImportOptions) -> Header:
    """Which columns the file has. Raises :class:`SourceError`."""
    if options.columns is not None:
        return headers.from_columns(options.columns)
    with open_reader(path, dialect) as reader:
        first = next((record for record in reader if not record.is_blank), None)
    if first is None:
        raise SourceError("The file holds nothing but blank lines")
    return headers.read(first.fields, chosen=options.chosen_columns, preferred=options.preferred_columns)


def _read_as(dialect: Dialect, header: Header) -> dict[str, Any]:
    """What a job remembers of how its file was read, for those who show or export its errors."""
    return {
        "delimiter": dialect.delimiter,
        "encoding": dialect.encoding,
        "header": [storable(name) for name in header.names],
        "columns": {field: list(columns) for field, columns in header.columns.items()},
        "has_header": header.is_in_file,
    }


def count_rows(path: Path, dialect: Dialect, header: Header) -> int:
    """How many data rows the file has: as many as an import will account for."""
    with open_reader(path, dialect) as reader:
        return sum(1 for _ in _data_records(reader, header))


def _data_records(reader: RecordReader, header: Header) -> Iterator[Record]:
    """The records that are neither blank nor the header."""
    records = (record for record in reader if not record.is_blank)
    return itertools.islice(records, 1 if header.is_in_file else 0, None)


def _chunks(path: Path, checker: Checker, skip: int) -> Iterator[Chunk]:
    """The file in checked chunks, without the first ``skip`` data rows."""
    with open_reader(path, checker.dialect) as reader:
        chunk, deadline = Chunk(), time.monotonic() + CHUNK_SECONDS
        for record in itertools.islice(_data_records(reader, checker.header), skip, None):
            _add(chunk, record, checker)
            size = len(chunk)
            if size >= CHUNK_ROWS or (size % CLOCK_ROWS == 0 and time.monotonic() > deadline):
                chunk.bytes_read = reader.bytes_read
                yield chunk
                chunk, deadline = Chunk(), time.monotonic() + CHUNK_SECONDS
        if len(chunk):
            chunk.bytes_read = reader.bytes_read
            yield chunk


def _add(chunk: Chunk, record: Record, checker: Checker) -> None:
    checked = checker.check(record)
    if isinstance(checked, BookRow):
        chunk.candidates.append(Candidate(record, checked, checked.book()))
        return
    raw_data = record.fields[0] if record.damage else checker.dialect.format(record.fields)
    chunk.rejections.append(Rejection(record.row_number, raw_data, checked))
