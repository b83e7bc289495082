"""Lines into records, with what one stray quote can swallow bounded.

The csv module reads the records. A quote that was never meant to open a field makes it join lines, quietly,
until the next quote. So a record of several lines is looked at again: where the quote that opened it turns
out to be a stray one, its first line is the damaged record and reading goes on at the next line.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daemon import isbn
from daemon.catalog.row_errors import Problem
from daemon.importing.dialect import LONGEST_RECORD, Dialect

MOST_STRAYS = 8
"""Stray quotes in one stretch of lines that none of them closes, before each further line of the stretch is
read by itself. Looking ahead from every one of them would take time in the square of their number."""

_END = "\x1e end of lines \x1e"
"""A line added at the end: where the csv module gives it back alone, no quoted field is open."""


class Record(NamedTuple):
    """One record of a file."""

    row_number: int
    """Counts all records, blank ones too; the first of the file is 1."""
    fields: list[str]
    """Undecodable bytes are lone surrogates (PEP 383)."""
    damage: Problem | None = None
    """Why the record could not be read as CSV; ``fields`` then holds its text in one piece."""

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in it: an empty line, or separators and white space only."""
        return self.damage is None and not any(field and not field.isspace() for field in self.fields)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the records of a file look like; it tells a record from a piece of text."""

    width: int
    """Fields of a record."""
    isbn_columns: tuple[int, ...]


class Piece(NamedTuple):
    """A record within a list of lines."""

    fields: list[str]
    """If it is damaged, its line in one piece."""
    end: int
    """Index of the line behind it."""
    is_damaged: bool = False
    """Its quoted field is never closed."""


def split(
    lines: Sequence[str],
    dialect: Dialect,
    layout: Layout | None = None,
    *,
    start: int = 0,
    is_last: bool = True,
) -> Iterator[Piece]:
    """The complete records of ``lines`` from index ``start`` on.

    Without ``layout`` they are what the csv module reads, but for quotes that are never closed at all.
    With ``is_last`` no further lines follow; otherwise a record that is still open at the end, and not
    longer than :data:`LONGEST_RECORD`, is left for the next call with more lines.
    """
    size = len(lines)
    strays, stretch_end = 0, start
    while start < size:
        if start >= stretch_end:
            strays = 0
        stop = start + 1 if strays >= MOST_STRAYS else size
        end = stop
        for fields, end in _read(lines, start, stop, dialect):
            if end - start > 1 and layout and _is_stray(lines, start, end, dialect, layout):
                break
            yield Piece(fields, end)
            start = end
        else:
            if start == stop:
                continue
            if stop == size and not is_last and sum(map(len, lines[start:])) <= LONGEST_RECORD:
                return
            end = stop
        yield Piece([lines[start].rstrip("\r\n")], start + 1, is_damaged=True)
        start += 1
        strays += 1
        stretch_end = max(stretch_end, end)


def _read(lines: Sequence[str], start: int, stop: int, dialect: Dialect) -> Iterator[tuple[list[str], int]]:
    """The complete records of ``lines[start:stop]``, each with the index of the line behind it."""
    count = stop - start
    # Behind a stray quote it begins anew: without a copy of all the lines that follow, for it may be often.
    part = lines if count == len(lines) else map(lines.__getitem__, range(start, stop))
    reader = dialect.reader(itertools.chain(part, (_END,)))
    for fields in reader:
        if reader.line_num > count:
            return  # the added line, alone or swallowed by a quoted field that is still open
        yield fields, start + reader.line_num


def _is_stray(lines: Sequence[str], start: int, end: int, dialect: Dialect, layout: Layout) -> bool:
    """Whether the quote that joined these lines to one record is a stray one."""
    if dialect.backslash and lines[start].rstrip("\r\n").endswith("\\"):
        return False  # not a quote: an escaped line end
    following = lines[start + 1 : end]
    return (
        _is_swallowed(lines[start], dialect, layout)
        or any(_is_record(line, dialect, layout) for line in following)
        or not _closes(following, dialect)
    )


def _is_swallowed(line: str, dialect: Dialect, layout: Layout) -> bool:
    """Whether the field that is open at the end of ``line`` holds the rest of a whole record: an ISBN too."""
    fields = next(iter(dialect.reader([line])), [])
    whole = [*fields[:-1], *fields[-1].rstrip("\r\n").split(dialect.delimiter)]
    return len(whole) == layout.width and any(
        column >= len(fields) and isbn.resembles(whole[column]) for column in layout.isbn_columns
    )


def _is_record(line: str, dialect: Dialect, layout: Layout) -> bool:
    """Whether ``line`` is a whole record by itself; hardly ever is a line of a text that goes on.

    Its quotes must be in pairs: the last line of a quoted field has an odd number of them.
    """
    if line.count(dialect.delimiter) < layout.width - 1 or dialect.count_quotes(line) % 2:
        return False
    fields = next(iter(dialect.reader([line])), [])
    return len(fields) == layout.width and any(
        isbn.resembles(fields[column]) for column in layout.isbn_columns
    )


def _closes(following: Sequence[str], dialect: Dialect) -> bool:
    """Whether the quote that ends a quoted field in these lines ends it as it should: at a delimiter.

    Otherwise it is likely one that opens a field, and the field that it closes was opened by accident.
    """
    try:
        for _ in dialect.reader(['"\n', *following], strict=True):
            pass
    except csv.Error:
        return False
    return True
