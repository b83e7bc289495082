"""What an import of a file would do, told without doing it: the same reading, rules and counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.catalog.row_errors import Problem, Rejection
from daemon.catalog.storable import storable
from daemon.importing.checking import Checked, checked
from daemon.importing.dialect import split
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading
from daemon.importing.rules import Checker

SHOWN_ROWS = 20
"""Rows at the beginning of a file that a preview holds."""


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row of the file."""

    row_number: int
    values: Mapping[str, str | int | None]
    """As they will be stored; of a rejected row as it has them, and none if its record is damaged."""
    problems: Sequence[Problem] = ()
    """What is wrong with it."""


@dataclass(slots=True)
class Preview:
    """What is known of the file so far. Counts are rows."""

    first: list[PreviewRow] = field(default_factory=list)
    """The first :data:`SHOWN_ROWS` rows."""
    total: int = 0
    rejected: int = 0
    """Rows that the rules reject."""
    repeated: int = 0
    """Rows that pass the rules, but whose ISBN an earlier row of the file has."""
    in_catalogue: int | None = None
    """Rows that pass the rules, but whose ISBN the catalogue has; None if it was not asked."""
    fixable: int = 0
    """Rejected rows every problem of which has a suggestion."""
    codes: Counter[str] = field(default_factory=Counter)
    """Rows by what the rules find wrong with them; a row may have several problems."""
    bytes_read: int = 0

    @property
    def new(self) -> int:
        """Rows that would become new books."""
        return self.total - self.rejected - self.repeated - (self.in_catalogue or 0)

    def as_dict(self) -> dict[str, Any]:
        """The counts for machines."""
        duplicates = self.repeated + (self.in_catalogue or 0)
        codes = dict(self.codes.most_common()) | ({"duplicate_isbn": duplicates} if duplicates else {})
        return {
            "total_rows": self.total,
            "new": self.new,
            "rejected": self.rejected,
            "fixable": self.fixable,
            "repeated_in_file": self.repeated,
            "in_catalogue": self.in_catalogue,
            "by_code": codes,
        }


def scan(
    path: Path,
    reading: Reading,
    options: ImportOptions,
    known: Callable[[Sequence[str]], set[str] | None] | None = None,
) -> Iterator[Preview]:
    """Go through the file at ``path``; the growing preview after each batch, the last time complete.

    ``known`` tells which of some ISBNs the catalogue has, None if that is no longer known. Stop asking for
    more to cancel. Raises :class:`~daemon.importing.source.SourceError`. Remembers the ISBNs of the file,
    100 bytes each.
    """
    preview = Preview(in_catalogue=None if known is None else 0)
    seen: set[str] = set()
    yield preview
    for part in checked(path, reading, options.isbn_check):
        _add(preview, part, reading)
        isbns = [isbn for isbn in set(part.candidates.isbns) if isbn not in seen]
        seen.update(isbns)
        preview.repeated += len(part.candidates) - len(isbns)
        if known is not None and preview.in_catalogue is not None and isbns:
            there = known(isbns)
            preview.in_catalogue = None if there is None else preview.in_catalogue + len(there)
        yield preview


def _add(preview: Preview, part: Checked, reading: Reading) -> None:
    if len(preview.first) < SHOWN_ROWS:
        rows = [
            *(
                PreviewRow(number, book.as_dict())
                for number, book in zip(part.candidates.numbers, part.candidates.books(), strict=True)
            ),
            *(_shown(rejection, reading) for rejection in part.rejections),
        ]
        rows.sort(key=lambda row: row.row_number)
        preview.first += rows[: SHOWN_ROWS - len(preview.first)]
    preview.total += len(part)
    preview.rejected += len(part.rejections)
    preview.bytes_read = part.bytes_read
    for rejection in part.rejections:
        preview.codes.update({problem.code for problem in rejection.problems})
        preview.fixable += all(problem.suggestion for problem in rejection.problems)


def _shown(rejection: Rejection, reading: Reading) -> PreviewRow:
    fields = split(storable(rejection.raw_data), reading.dialect.delimiter)
    checker = Checker(reading.header, reading.dialect.encoding, "format")
    is_whole = len(fields) == len(reading.header.names)
    values = dict[str, str](checker.values(fields).items()) if is_whole else {}
    return PreviewRow(rejection.row_number, values, rejection.problems)
