"""Quotes in wrong places: which of them are strays, and what a record with such quotes says.

The csv module takes whatever comes: a quote that was never meant to open a field makes it join lines until
the next quote, and of quotes inside of fields it drops some. Here such records are looked at again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from daemon import isbn
from daemon.importing.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Layout:
    """What the records of a file look like; it tells a record from a piece of text."""

    width: int
    """Fields of a record."""
    isbn_columns: tuple[int, ...]

    def fits(self, fields: Sequence[str]) -> bool:
        """Whether they are a whole record: as many as the header has, with an ISBN in its place."""
        return len(fields) == self.width and any(
            isbn.resembles(fields[column]) for column in self.isbn_columns
        )


def is_clean(lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether all quotes in the records that these lines are, are where they should be."""
    try:
        for _ in dialect.reader(lines, strict=True):
            pass
    except csv.Error:
        return False
    return True


def is_stray(lines: Sequence[str], dialect: Dialect, layout: Layout) -> bool:
    """Whether the quote that joined these lines to one record is a stray one.

    It is if it swallowed a whole record, which hardly ever is a line of a text that goes on; or if the quote
    that closes its field rather opens one.
    """
    first, *following = lines
    if dialect.backslash and first.rstrip("\r\n").endswith("\\"):
        return False  # not a quote: an escaped line end
    return (
        _swallows_record(first, dialect, layout)
        or any(_is_record(line, dialect, layout) for line in following)
        or not _closes(following, dialect)
    )


def _swallows_record(line: str, dialect: Dialect, layout: Layout) -> bool:
    """Whether the field that is open at the end of ``line`` holds the rest of a record, its ISBN too."""
    fields = next(iter(dialect.reader([line])), [])
    opened = len(fields) - 1
    whole = [*fields[:-1], *fields[-1].rstrip("\r\n").split(dialect.delimiter)]
    return layout.fits(whole) and any(
        column > opened and isbn.resembles(whole[column]) for column in layout.isbn_columns
    )


def _is_record(line: str, dialect: Dialect, layout: Layout) -> bool:
    """Whether ``line`` is a record. Its quotes are in pairs; where a quoted field ends they are not."""
    if line.count(dialect.delimiter) < layout.width - 1 or dialect.count_quotes(line) % 2:
        return False
    return layout.fits(next(iter(dialect.reader([line])), []))


def _closes(following: Sequence[str], dialect: Dialect) -> bool:
    """Whether the quote that ends a quoted field in these lines does so before a delimiter."""
    closing = _closing(dialect.delimiter)
    return is_clean(['"\n', *(closing.sub('"', line) for line in following)], dialect)


def reread(line: str, dialect: Dialect, width: int) -> list[str] | None:
    """The fields of a record that has quotes in wrong places; None if a quote is missing.

    ``"Best" of Rock`` keeps its quotes, as they do not enclose a field. Two ways to read it are tried; the
    first that gives as many fields as the header has is right.
    """
    line = line.rstrip("\r\n")
    literal = _split(line, dialect.delimiter, _quoted(dialect.delimiter).match)
    if len(literal) == width:
        return None if any(map(_lacks_quote, literal)) else [_unquoted(field) for field in literal]
    loose = _split(line, dialect.delimiter, _Closing(dialect.delimiter).match)
    if len(loose) == width and not any(_holds_field(field, dialect.delimiter) for field in loose):
        return [_unquoted(field) for field in loose]
    if len(next(iter(dialect.reader([line])), [])) == width:
        return None  # by chance: with a delimiter that belongs to a text, or a quote that does not
    return [_unquoted(field) for field in literal]


@lru_cache
def _quoted(delimiter: str) -> re.Pattern[str]:
    """A quoted field as it should be, with spaces behind it at most."""
    return re.compile(rf'"[^"]*(?:""[^"]*)*" *(?={re.escape(delimiter)}|$)')


@lru_cache
def _closing(delimiter: str) -> re.Pattern[str]:
    """A quote before a delimiter, with the spaces between them."""
    return re.compile(rf'" *(?={re.escape(delimiter)}|[\r\n]|$)')


class _Closing:
    """Matches a field from the quote that it begins with up to the first one before a delimiter."""

    def __init__(self, delimiter: str) -> None:
        self._search = _closing(delimiter).search
        self._is_over = False

    def match(self, line: str, position: int) -> re.Match[str] | None:
        if self._is_over or not line.startswith('"', position):
            return None
        found = self._search(line, position + 1)
        self._is_over = found is None  # and none is found from further on: a long line is searched once
        return found


def _split(line: str, delimiter: str, match_quoted: Callable[[str, int], re.Match[str] | None]) -> list[str]:
    """The fields of ``line`` as they are written, quotes included."""
    fields = []
    position = 0
    while True:
        if match := match_quoted(line, position):
            end = match.end()
        else:
            end = line.find(delimiter, position)
            end = len(line) if end < 0 else end
        fields.append(line[position:end])
        position = end + 1
        if position > len(line):
            return fields


def _lacks_quote(field: str) -> bool:
    return field.startswith('"') and field.count('"') % 2 == 1


def _holds_field(field: str, delimiter: str) -> bool:
    """Whether a quote inside of it looks like one that opens or closes another field."""
    inner = field.rstrip(" ")[1:-1]
    return field.startswith('"') and (f'{delimiter}"' in inner or inner.count('"') % 2 == 1)


def _unquoted(field: str) -> str:
    text = field.rstrip(" ")
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return text[1:-1].replace('""', '"')
    return field
