"""Many records at once, by columns: reading them one by one takes five times as long."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from daemon.importing.dialect import Dialect
from daemon.importing.records import Record, are_blank

if TYPE_CHECKING:  # numpy takes time and memory, and only long files need it
    from daemon.importing.spans import Spans


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of a file. Those of each kind are in the file's order."""

    numbers: Sequence[int]
    """Row numbers of the records in ``columns``."""
    texts: Sequence[str]
    """Each of them as CSV in the file's delimiter, quoted where need be; perhaps with its line end."""
    columns: Sequence[Sequence[str]]
    """Their fields: as many columns as the header has."""
    others: Sequence[Record]
    """The records that are damaged, or have another number of fields."""
    size: int
    """Characters of all of them, or bytes."""
    spans: Spans | None = None
    """More records."""

    def __len__(self) -> int:
        return len(self.numbers) + len(self.others) + (len(self.spans) if self.spans else 0)

    @property
    def rows(self) -> int:
        """Records that are not blank."""
        blank = sum(record.is_blank for record in self.others)
        blank += sum(map(are_blank, zip(*self.columns, strict=True)))
        if self.spans:
            doubtful = self.spans.where(self.spans.may_be_blank)
            blank += sum(map(are_blank, zip(*doubtful.columns(), strict=True)))
        return len(self) - blank

    def record(self, index: int) -> Record:
        """One of those in ``columns``."""
        return Record(self.numbers[index], [column[index] for column in self.columns])

    def records(self) -> list[Record]:
        """All of them, in the order of the file."""
        if self.spans:
            return self.unfold(self.spans).records()
        return sorted(
            [*map(self.record, range(len(self.numbers))), *self.others], key=lambda record: record.row_number
        )

    def unfold(self, spans: Spans) -> Batch:
        """The batch with the records of ``spans``, and no other spans, among those of its columns."""
        columns = [[*mine, *more] for mine, more in zip(self.columns, spans.columns(), strict=True)]
        numbers, texts = [*self.numbers, *spans.numbers.tolist()], [*self.texts, *spans.texts()]
        return Batch(numbers, texts, columns, self.others, self.size)


def from_lines(lines: Sequence[str], numbers: Sequence[int], dialect: Dialect, width: int) -> Batch | None:
    """The records that ``lines`` are; None if a record has several of them, or quotes in wrong places.

    What comes is what :func:`~daemon.importing.records.split` makes of them. ``numbers`` are their row
    numbers, ``width`` is the number of the header's fields.
    """
    if dialect.backslash or dialect.skip_spaces:
        return None
    delimiter = dialect.delimiter
    is_plain = ['"' not in line for line in lines]
    columns = _columns(list(compress(lines, is_plain)), delimiter, width)
    if columns is None:
        is_plain = ['"' not in line and line.count(delimiter) == width - 1 for line in lines]
        columns = _columns(list(compress(lines, is_plain)), delimiter, width) or []
    matching_numbers = list(compress(numbers, is_plain))
    texts = list(compress(lines, is_plain))
    others = []
    if len(texts) < len(lines):
        rest = [place for place, plainly in enumerate(is_plain) if not plainly]
        records = _one_each([lines[place] for place in rest], dialect)
        if records is None:
            return None
        matching = []
        for place, fields in zip(rest, records, strict=True):
            if len(fields) == width:
                matching.append(fields)
                matching_numbers.append(numbers[place])
                texts.append(lines[place])
            else:
                others.append(Record(numbers[place], fields))
        for column, values in zip(columns, zip(*matching, strict=True), strict=False):
            column += values
    return Batch(matching_numbers, texts, columns, others, sum(map(len, lines)))


def _columns(lines: Sequence[str], delimiter: str, width: int) -> list[list[str]] | None:
    """The columns of lines without quotes; None if one of them has not ``width`` fields."""
    if not lines:
        return [[] for _ in range(width)]
    text = "".join(lines)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Behind each record a field that no record can have: where these stand tells whether all have ``width``.
    fields = text.removesuffix("\n").replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
    ends = fields[width :: width + 1]
    if len(fields) != len(lines) * (width + 1) - 1 or ends.count("\n") != len(lines) - 1:
        return None
    return [fields[place :: width + 1] for place in range(width)]


def _one_each(lines: Sequence[str], dialect: Dialect) -> list[list[str]] | None:
    """The records of ``lines``, if each line is one of them, and all quotes are where they should be."""
    try:
        records = list(dialect.reader(lines, strict=True))
    except csv.Error:
        return None
    # Each record has a line at least: if there are as many, none has two.
    return records if len(records) == len(lines) else None


def from_records(records: Iterable[Record], dialect: Dialect, width: int) -> Batch:
    """The batch of ``records`` that were read one by one."""
    numbers, texts, rows, others = [], [], [], []
    size = 0
    for record in records:
        if record.damage or len(record.fields) != width:
            others.append(record)
            size += sum(map(len, record.fields))
        else:
            numbers.append(record.row_number)
            rows.append(record.fields)
            text = dialect.format(record.fields)
            texts.append(text)
            size += len(text)
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    return Batch(numbers, texts, columns, others, size)
