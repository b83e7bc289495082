"""Finds the rows that are certainly valid among records whose fields are known as spans of bytes.

As :mod:`daemon.importing.screen`, only speed: what it does not take goes there. It knows the commonest forms
only, and compares bytes of all rows at once: a row costs 0.15 microseconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.catalog.book_spans import ISBN_DIGITS, BookSpans
from daemon.catalog.byte_items import Bytes, Mask, Span
from daemon.importing.certain import CertainRows
from daemon.importing.header import Header
from daemon.importing.rules import EARLIEST_YEAR, LATEST_YEAR, LONGEST_TEXT
from daemon.importing.spans import Spans
from daemon.values import IsbnCheck

_SPACE = ord(" ")
_YEAR_DIGITS = 4
_POWERS = 10 ** np.arange(ISBN_DIGITS - 1, -1, -1, dtype=np.int64)
_WEIGHTS = np.array([1, 3] * 6 + [1], np.int64)
"""Of an ISBN's digits, in the sum that is divisible by ten."""

# The white space beyond ASCII in UTF-8, as str.strip knows it: C2 85, C2 A0, E1 9A 80, E2 80 80 to 8A, A8, A9
# and AF, E2 81 9F, E3 80 80. What looks like it at the edge of a field is left to be looked at.
_FIRST_OF_SPACE = np.isin(np.arange(256), [0xC2, 0xE1, 0xE2, 0xE3])
_SECOND_OF_SPACE = np.isin(np.arange(256), [0x85, 0xA0, 0x9A, 0x80, 0x81])
_SECOND_LAST_OF_SPACE = np.isin(np.arange(256), [0xC2, 0x9A, 0x80, 0x81])


class SpanScreen:
    """Looks at the records of one file."""

    def __init__(self, header: Header, isbn_check: IsbnCheck) -> None:
        self._columns = header.columns
        self._isbn_check = isbn_check

    def certain(self, spans: Spans) -> tuple[CertainRows, Spans]:
        """The rows that are certainly valid, and the records that may not be."""
        # Of several columns the first that is not empty, or well-formed, is chosen: so this one, if it is.
        titles, authors, isbns = (
            spans.fields[self._columns[field][0]] for field in ("title", "author", "isbn")
        )
        array = spans.array
        is_certain = _is_text(array, titles) & _is_text(array, authors)
        digits, is_isbn = _digits(array, isbns, ISBN_DIGITS)
        is_certain &= is_isbn
        if self._isbn_check == "checksum":
            is_certain &= digits @ _WEIGHTS % 10 == 0
        years, is_year = self._years(spans, array)
        is_certain &= is_year
        books = BookSpans(spans.data, titles, authors, isbns[0], digits @ _POWERS, years)
        rows = CertainRows(books, spans.numbers, spans.records)
        if is_certain.all():
            return rows, spans.where(~is_certain)
        return rows.where(is_certain), spans.where(~is_certain)

    def _years(self, spans: Spans, array: Bytes) -> tuple[npt.NDArray[np.int32], Mask]:
        """The years, 0 where there is none, and whether it is certain."""
        columns = self._columns.get("publication_year")
        if not columns:
            return np.zeros(len(spans), np.int32), np.ones(len(spans), np.bool_)
        starts, ends = spans.fields[columns[0]]
        digits, is_number = _digits(array, (starts, ends), _YEAR_DIGITS)
        years = (digits @ _POWERS[-_YEAR_DIGITS:]).astype(np.int32)
        is_year = is_number & (years >= EARLIEST_YEAR) & (years <= LATEST_YEAR)
        years[~is_year] = 0
        return years, is_year if len(columns) > 1 else is_year | (starts == ends)


def _is_text(array: Bytes, span: Span) -> Mask:
    """Whether the fields are texts of a length that is allowed, certainly without white space around them."""
    starts, ends = span
    lengths = ends - starts
    # There is a line end behind the last field; before the first one, counting goes on from the end.
    first, second = array[starts], array.take(starts + 1, mode="clip")
    last, second_last = array[ends - 1], array[ends - 2]
    return (
        (lengths > 0)
        & (lengths <= LONGEST_TEXT)
        & (first > _SPACE)
        & (last > _SPACE)
        & ~(_FIRST_OF_SPACE[first] & _SECOND_OF_SPACE[second])
        & ~((last >= 0x80) & _SECOND_LAST_OF_SPACE[second_last])
    )


def _digits(array: Bytes, span: Span, count: int) -> tuple[npt.NDArray[np.int64], Mask]:
    """The values of fields that are ``count`` ASCII digits, digit by digit, and which those are."""
    starts, ends = span
    # Clipped, as behind the last field there need not be so many bytes.
    digits = array.take(starts[:, None] + np.arange(count), mode="clip") - np.uint8(ord("0"))
    return digits.astype(np.int64), (ends - starts == count) & (digits < 10).all(axis=1)
