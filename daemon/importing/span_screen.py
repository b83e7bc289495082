"""Finds the rows that are certainly valid among records whose fields are known as spans of bytes.

As :mod:`daemon.importing.screen`, only speed: what it does not take goes there. It knows the commonest forms
only, and compares bytes of all rows at once: a row costs 0.15 microseconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.catalog.book_spans import ISBN, ISBN_DIGITS, BookSpans
from daemon.catalog.byte_items import Bytes, Mask, Places, Span, items
from daemon.importing.certain import CertainRows
from daemon.importing.header import Header
from daemon.importing.rules import EARLIEST_YEAR, LATEST_YEAR, LONGEST_TEXT
from daemon.importing.spans import Spans
from daemon.values import IsbnCheck

_SPACE = ord(" ")
_YEAR_DIGITS = 4
_WORD = np.dtype("<u8")
_WORD_DIGITS = _WORD.itemsize
_ZEROS = int.from_bytes(b"0" * _WORD_DIGITS)
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
        # The bytes of a number are looked at before it is known that they are its.
        array = np.concatenate((spans.array, np.zeros(2 * _WORD_DIGITS, np.uint8)))
        is_certain = _is_text(array, titles) & _is_text(array, authors)
        numbers, is_isbn = _isbns(array, isbns)
        is_certain &= is_isbn
        if self._isbn_check == "checksum":
            digits = items(array, ISBN)[isbns[0]].view(np.uint8).reshape(-1, ISBN_DIGITS) - np.uint8(ord("0"))
            is_certain &= digits @ _WEIGHTS % 10 == 0
        years, is_year = self._years(spans, array)
        is_certain &= is_year
        books = BookSpans(spans.data, titles, authors, isbns[0], numbers, years)
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
        numbers, are_digits = _numbers(array, starts, _YEAR_DIGITS)
        is_year = are_digits & (ends - starts == _YEAR_DIGITS)
        is_year &= (numbers >= EARLIEST_YEAR) & (numbers <= LATEST_YEAR)
        years = np.where(is_year, numbers, 0).astype(np.int32)
        return years, is_year if len(columns) > 1 else is_year | (starts == ends)


def _is_text(array: Bytes, span: Span) -> Mask:
    """Whether the fields are texts of a length that is allowed, certainly without white space around them."""
    starts, ends = span
    lengths = ends - starts
    # Before the first field, counting goes on from the end.
    first, second = array[starts], array[starts + 1]
    last, second_last = array[ends - 1], array[ends - 2]
    return (
        (lengths > 0)
        & (lengths <= LONGEST_TEXT)
        & (first > _SPACE)
        & (last > _SPACE)
        & ~(_FIRST_OF_SPACE[first] & _SECOND_OF_SPACE[second])
        & ~((last >= 0x80) & _SECOND_LAST_OF_SPACE[second_last])
    )


def _isbns(array: Bytes, span: Span) -> tuple[npt.NDArray[np.int64], Mask]:
    """The values of fields that are thirteen ASCII digits, and which those are."""
    starts, ends = span
    first, are_digits = _numbers(array, starts, _WORD_DIGITS)
    rest, are_digits_too = _numbers(array, starts + _WORD_DIGITS, ISBN_DIGITS - _WORD_DIGITS)
    values = first * 10 ** (ISBN_DIGITS - _WORD_DIGITS) + rest
    return values, (ends - starts == ISBN_DIGITS) & are_digits & are_digits_too


def _numbers(array: Bytes, starts: Places, count: int) -> tuple[npt.NDArray[np.int64], Mask]:
    """The values of ``count`` ASCII digits, up to eight, from each of these places on; where they are digits.

    All digits of a number are looked at in one word, the first of them in its lowest byte. Source:
    https://lemire.me/blog/2022/01/21/swar-explained-parsing-eight-digits/
    """
    words = items(array, _WORD)[starts]
    if count < _WORD_DIGITS:  # with zeros before them, it is eight digits
        words = (words << 8 * (_WORD_DIGITS - count)) | (_ZEROS >> 8 * count)
    digits = words ^ _ZEROS
    # 9 + 0x76 does not reach the highest bit of a byte. What is carried over comes from one that has it.
    are_digits = (digits | (digits + 0x7676767676767676)) & 0x8080808080808080 == 0
    pairs = (digits * (1 + (10 << 8)) >> 8) & 0x00FF00FF00FF00FF
    fours = (pairs * (1 + (100 << 16)) >> 16) & 0x0000FFFF0000FFFF
    return (fours * (1 + (10_000 << 32)) >> 32).astype(np.int64), are_digits
