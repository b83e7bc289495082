"""A file's records against the rules, many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.catalog.row_errors import Rejection
from daemon.importing.batch import Batch, from_records
from daemon.importing.candidates import Candidates
from daemon.importing.header import Header
from daemon.importing.reading import Reading
from daemon.importing.records import Record
from daemon.importing.rules import BookRow, Checker
from daemon.importing.screen import Screen
from daemon.importing.source import RecordReader, SourceError, open_reader
from daemon.values import IsbnCheck

if TYPE_CHECKING:  # numpy takes time and memory, and only long files need it
    from daemon.importing.certain import CertainRows
    from daemon.importing.span_screen import SpanScreen

BATCH_ROWS = 1000
"""Records that are read and checked at once. Measured: from 500 to 4,000 the speed is the same within 2 %;
a record that has to be read by itself slows down fewer others."""


@dataclass(slots=True)
class Checked:
    """Consecutive rows of a file, checked."""

    candidates: Candidates
    certain: CertainRows | None = None
    """More rows that passed the rules."""
    rejections: list[Rejection] = field(default_factory=list)
    bytes_read: int = 0
    """How far into the file, packed as it is, its reader has come."""
    size: int = 0
    """Characters of the rows."""

    def __len__(self) -> int:
        return len(self.candidates) + len(self.rejections) + (len(self.certain) if self.certain else 0)


def checked(
    path: Path, reading: Reading, isbn_check: IsbnCheck, *, skip: int = 0, finds_spans: bool = False
) -> Iterator[Checked]:
    """The rows of the file at ``path``, without the first ``skip`` of them, in batches.

    With ``finds_spans`` most come as ``certain`` rows, else none do.

    Raises :class:`~daemon.importing.source.SourceError`, also if there are fewer.
    """
    if finds_spans:
        load_what_long_files_need()
    screen = Screen(reading.header, isbn_check)
    checker = Checker(reading.header, reading.dialect.encoding, isbn_check)
    with open_reader(path, reading.dialect, reading.header.layout) as reader:
        for batch in _behind(_batches(reader, reading, finds_spans), reading, skip):
            certain = None
            if batch.spans:
                certain, doubtful_spans = _span_screen(reading.header, isbn_check).certain(batch.spans)
                batch = batch.unfold(doubtful_spans)
            candidates, doubtful = screen.certain(batch)
            result = Checked(candidates, certain, [], reader.bytes_read, batch.size)
            for place in doubtful:
                record = batch.record(place)
                if not record.is_blank:
                    _check_one(result, record, reading.dialect.raw_data(batch.texts[place]), checker)
            for record in batch.others:
                if not record.is_blank:
                    text = record.fields[0] if record.damage else reading.dialect.format(record.fields)
                    _check_one(result, record, text, checker)
            if result:
                yield result


def load_what_long_files_need() -> None:
    """Load the modules that only long files need, so that processes which are forked later have them already.

    Where numpy does not run, those files go another way.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it multiplies no matrices here
    with suppress(ImportError, RuntimeError):
        import daemon.importing.span_screen  # noqa: F401


def _span_screen(header: Header, isbn_check: IsbnCheck) -> SpanScreen:
    from daemon.importing.span_screen import SpanScreen

    return SpanScreen(header, isbn_check)


def _batches(reader: RecordReader, reading: Reading, finds_spans: bool) -> Iterator[Batch]:
    batches = reader.batches(len(reading.header.names), BATCH_ROWS)
    yield from islice(batches, 1)  # that with the header, which has to be taken apart
    reader.finds_spans = finds_spans
    yield from batches


def _behind(batches: Iterable[Batch], reading: Reading, skip: int) -> Iterator[Batch]:
    """The batches behind the header and ``skip`` rows."""
    left = skip + (1 if reading.header.is_in_file else 0)
    for batch in batches:
        if not left:
            yield batch
        elif (rows := batch.rows) <= left:
            left -= rows
        else:
            records = [record for record in batch.records() if not record.is_blank]
            yield from_records(records[left:], reading.dialect, len(reading.header.names))
            left = 0
    if left and skip:
        raise SourceError(f"The file has fewer than the {skip:,} rows that were imported: it has changed")


def _check_one(result: Checked, record: Record, text: str, checker: Checker) -> None:
    checked = checker.check(record)
    if isinstance(checked, BookRow):
        result.candidates.add(record.row_number, text, checked)
    else:
        result.rejections.append(Rejection(record.row_number, text, checked))
