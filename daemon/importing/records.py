"""Lines into records, with what one stray quote can swallow bounded.

The csv module reads the records; what it makes of quotes in wrong places is looked at again. Where the quote
that opened a record of several lines turns out to be a stray one, the first line is the damaged record and
reading goes on at the next line.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from daemon.catalog.row_errors import Problem
from daemon.importing import quotes
from daemon.importing.dialect import LONGEST_RECORD, Dialect
from daemon.importing.quotes import Layout

if TYPE_CHECKING:
    from _csv import Reader

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
        return self.damage is None and are_blank(self.fields)


def are_blank(fields: Iterable[str]) -> bool:
    """Whether there is nothing in them but white space."""
    return not any(field and not field.isspace() for field in fields)


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

    Without ``layout`` they are what the csv module reads, but for quotes that are never closed at all; with
    it, quotes in wrong places are made the best of. With ``is_last`` no further lines follow; otherwise a
    record that is still open at the end, and not longer than :data:`LONGEST_RECORD`, is left for the next
    call with more lines.
    """
    size = len(lines)
    strays, stretch_end = 0, start
    while start < size:
        stop = start + 1 if strays >= MOST_STRAYS and start < stretch_end else size
        end = stop
        for fields, end, is_clean in _read(lines, start, stop, dialect, strict=layout is not None):
            if layout and end - start > 1 and quotes.is_stray(lines[start:end], dialect, layout):
                break
            if is_clean or layout is None or end - start > 1:
                yield Piece(fields, end)
            else:
                yield _reread(lines[start], fields, end, dialect, layout)
            start = end
        else:
            if start == stop:
                continue
            if stop == size and not is_last and sum(map(len, lines[start:])) <= LONGEST_RECORD:
                return
            end = stop
        yield _damaged(lines[start], start + 1)
        strays = strays + 1 if start < stretch_end else 1
        stretch_end = max(stretch_end, end)
        start += 1


def _reread(line: str, fields: list[str], end: int, dialect: Dialect, layout: Layout) -> Piece:
    """The record of one line with quotes in wrong places, which the csv module takes for ``fields``."""
    if dialect.backslash or dialect.skip_spaces:
        return Piece(fields, end)
    again = quotes.reread(line, dialect, layout.width)
    return _damaged(line, end) if again is None else Piece(again, end)


def _damaged(line: str, end: int) -> Piece:
    return Piece([line.rstrip("\r\n")], end, is_damaged=True)


def _read(
    lines: Sequence[str], start: int, stop: int, dialect: Dialect, *, strict: bool
) -> Iterator[tuple[list[str], int, bool]]:
    """The complete records of ``lines[start:stop]``, each with the index of the line behind it.

    The last is, with ``strict``, whether all its quotes are where they should be.
    """
    while start < stop:
        reader = _reader(lines, start, stop, dialect, strict=strict)
        begin = start
        try:
            for fields in reader:
                if reader.line_num > stop - begin:
                    return  # the added line, alone or swallowed by a quoted field that is still open
                start = begin + reader.line_num
                yield fields, start, True
            return
        except csv.Error:
            reader = _reader(lines, start, stop, dialect, strict=False)
            fields = next(iter(reader))
            if reader.line_num > stop - start:
                return
            start += reader.line_num
            yield fields, start, False


def _reader(lines: Sequence[str], start: int, stop: int, dialect: Dialect, *, strict: bool) -> Reader:
    # Behind a stray quote it begins anew: without a copy of all the lines that follow, for it may be often.
    part = lines if stop - start == len(lines) else map(lines.__getitem__, range(start, stop))
    return dialect.reader(itertools.chain(part, (_END,)), strict=strict)
