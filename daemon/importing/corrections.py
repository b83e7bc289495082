"""A file of rejected rows that comes back corrected: rows that pass now are imported, their errors resolved.

It is known by the column that :mod:`daemon.importing.export` gives it. It is a job like any other: it can be
cancelled, interrupted and taken up again. Its counts are rows of the file: imported; errors, which belong to
no rejected row; skipped, which were resolved before, or are rejected still and stay with the job that they
are of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from daemon.catalog import job_lock, job_progress, jobs, row_errors
from daemon.catalog.database import Connection
from daemon.catalog.job import Counts, Job
from daemon.catalog.row_errors import Problem, Rejection, RowError
from daemon.catalog.row_repairs import Outcome
from daemon.importing import source
from daemon.importing.dialect import split
from daemon.importing.export import ID_COLUMN, layout, unguard
from daemon.importing.fix import Fix, Fixer
from daemon.importing.loader import JobWithdrawnError
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading
from daemon.importing.records import Record
from daemon.importing.source import SourceError

CHUNK_ROWS = 5000
"""Rows of one transaction."""

SAMPLE = 1024 * 1024
"""Bytes at the beginning of a file that are looked at for what tells it from others."""

_ESCAPE = re.compile(r"\\x[0-9a-f]{2}")
"""What stands in a record for a byte that is no text."""

_IDENTIFIER = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class BusyJobError(Exception):
    """The job whose rows these are is being imported or repaired at this moment."""


def corrected_job(connection: Connection, path: Path) -> Job | None:
    """The job whose rejected rows the file at ``path`` holds, if it is such a file; None if it is not.

    Raises :class:`~daemon.importing.source.SourceError`.
    """
    with source.opened(path) as file:
        # Whatever the encoding is: in all of them, ASCII is itself, perhaps with NUL around it.
        sample = file.stream.read(SAMPLE).replace(b"\0", b"")
    if ID_COLUMN.encode() not in sample:
        return None
    owner = row_errors.owner(connection, [UUID(found.decode()) for found in _IDENTIFIER.findall(sample)])
    return jobs.get(connection, owner) if owner else None


def options(corrected: Job, wanted: ImportOptions) -> ImportOptions:
    """The options to read the file with: its columns are those of the file that it came from."""
    header = Reading.from_dict(corrected.read_as or {}).header
    names = {field: header.names[columns[0]] for field, columns in header.columns.items()}
    return wanted.model_copy(update={"preferred_columns": names, "columns": None, "encoding": None})


def run(
    connection: Connection,
    job: Job,
    path: Path,
    reading: Reading,
    corrected: Job,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Counts], None],
) -> int | None:
    """Take the rows of the file at ``path``, which is ``job``'s, back into the job that they are of.

    How many rows the file has; None if it was told to stop before its end. Raises :class:`BusyJobError`,
    :class:`~daemon.importing.loader.JobWithdrawnError`, and what reading a file raises.
    """
    with job_lock.locked(connection, corrected.id) as acquired:
        owner = jobs.get(connection, corrected.id)
        if not acquired or not owner.status.is_final or owner.read_as is None:
            raise BusyJobError
        if owner.undone_at:
            raise SourceError(f"The import of {owner.filename}, whose rows these are, was undone")
        correction = _Correction(connection, job, reading, owner)
        job_progress.aim(connection, job.id, owner.id)
        processed = job.processed_rows
        for records, bytes_read in _chunks(path, reading, processed):
            counts = correction.take(records, bytes_read)
            processed += len(records)
            on_progress(counts)
            if should_stop():
                return None
        return processed


class _Row(NamedTuple):
    record: Record
    error: RowError
    fields: list[str]
    """As in the file that was rejected, corrected."""


class _Correction:
    def __init__(self, connection: Connection, job: Job, reading: Reading, owner: Job) -> None:
        self._connection = connection
        self._job = job
        self._reading = reading
        self._owner = owner
        self._rejected = job.rejected_again
        self._fixer = Fixer(connection, owner, repair_job_id=job.id, repaired_by=job.submitted_by)
        self._delimiter = self._fixer.reading.dialect.delimiter
        self._names = reading.header.names
        self._columns = _columns(self._fixer.reading.header.names, self._names)

    def take(self, records: Sequence[Record], bytes_read: int) -> Counts:
        """One transaction; what became of the records."""
        identified = [(record, _identifier(record, self._names.index(ID_COLUMN))) for record in records]
        errors = row_errors.by_id(
            self._connection, self._owner.id, [found for _, found in identified if found]
        )
        rejections, rows, resolved = [], [], 0
        seen = set()
        for record, identifier in identified:
            error = errors.get(identifier) if identifier else None
            if error is None or error.id in seen:
                rejections.append(self._stranger(record, error))
            elif error.resolved_at is not None:
                resolved += 1
            else:
                seen.add(error.id)
                rows.append(_Row(record, error, self._corrected(record, error)))
        with self._connection.transaction():
            outcomes = self._store(rows)
            imported = sum(outcome != "skipped" for outcome in outcomes.values())
            skipped = resolved + len(rows) - imported
            self._rejected += len(rows) - len(outcomes)
            counts = Counts(imported, len(rejections), skipped)
            codes = row_errors.codes(rejection.problems for rejection in rejections)
            position = {"rejected": self._rejected}
            if not job_progress.checkpoint(
                self._connection, self._job.id, counts, bytes_read, codes, position=position
            ):
                raise JobWithdrawnError
            if rejections:
                row_errors.copy(self._connection, row_errors.encode(self._job.id, rejections))
        return counts

    def _store(self, rows: Sequence[_Row]) -> dict[UUID, Outcome]:
        """What became of the rows that pass."""
        passed, rejected = [], []
        for record, error, fields in rows:
            checked = self._fixer.check_record(error, Record(record.row_number, fields))
            if isinstance(checked, Fix):
                if not _is_damaged_still(error, fields, self._delimiter):
                    passed.append(checked)
            elif fields != split(error.raw_data, self._delimiter):
                rejected.append(checked)
        return self._fixer.store(passed, rejected)

    def _corrected(self, record: Record, error: RowError) -> list[str]:
        """The fields that the record would have in the file it was rejected from."""
        width = len(self._columns)
        fields = [
            unguard(record.fields[place]) if place is not None and place < len(record.fields) else ""
            for place in self._columns
        ]
        # Behind the last column; or in columns without a name, as a spreadsheet pads the rows to one width.
        surplus = [
            unguard(field)
            for place, field in enumerate(record.fields)
            if place not in self._columns and not "".join(self._names[place : place + 1]).strip()
        ]
        while surplus and not surplus[-1]:
            surplus.pop()
        exported = layout(error, self._delimiter, width)
        if fields == exported[:width] and surplus == exported[width + 2 :]:
            # Not touched: then it may also be shorter than the header, and must not pass for that.
            return split(error.raw_data, self._delimiter)
        return fields + surplus

    def _stranger(self, record: Record, error: RowError | None) -> Rejection:
        if error is None:
            message = f"{ID_COLUMN} names no rejected row of {self._owner.filename}"
        else:
            message = f"{ID_COLUMN} stands in two rows"
        return Rejection(
            record.row_number,
            self._reading.dialect.format(record.fields),
            [record.damage or Problem(None, "unknown_row", message)],
        )


def _is_damaged_still(error: RowError, fields: Sequence[str], delimiter: str) -> bool:
    """Whether what stands for bytes that are no text is in the fields as it was."""
    if not {"encoding", "nul_character"} & error.codes:
        return False
    before = split(error.raw_data, delimiter)
    return any(
        set(_ESCAPE.findall(old)) & set(_ESCAPE.findall(new))
        for old, new in zip(before, fields, strict=False)
    )


def _columns(wanted: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """Where in a file with these ``names`` each of the ``wanted`` columns is."""
    left = list(enumerate(names))
    found: list[int | None] = []
    for name in wanted:
        place = next((place for place, other in left if unguard(other.strip()) == name.strip()), None)
        left = [(other, text) for other, text in left if other != place]
        found.append(place)
    return found


def _identifier(record: Record, place: int) -> UUID | None:
    if record.damage or place >= len(record.fields):
        return None
    try:
        return UUID(record.fields[place].strip())
    except ValueError:
        return None


def _chunks(path: Path, reading: Reading, skip: int) -> Iterator[tuple[list[Record], int]]:
    """The rows behind the first ``skip``, and how far into the file they go."""
    with source.open_reader(path, reading.dialect) as reader:
        rows = (record for record in reader if not record.is_blank)
        rest = islice(rows, skip + (1 if reading.header.is_in_file else 0), None)
        while chunk := list(islice(rest, CHUNK_ROWS)):
            yield chunk, reader.bytes_read
