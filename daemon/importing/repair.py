"""What a rejected value was probably meant to be. Never applied unless the user says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from daemon import isbn
from daemon.catalog.row_errors import Problem

TELLING_DIGITS = 10
"""Digits that a rounded ISBN-13 must have kept, or an ISBN-10 agrees with it by chance."""

ISBN13_DIGITS = 13

TELLING_VALUE = 4
"""Digits that a value of another column must have to speak for or against a suggestion; 0 and n/a do not."""

_ROUNDED = re.compile(r"^[0-9](?:[.,][0-9]{0,15})?E\+?12$", re.IGNORECASE)
_FLOAT = re.compile(r"^([0-9]{10}|[0-9]{13})[.,]0*$")
_YEAR = "(1[0-9]{3}|20[0-9]{2}|2100)"
_DAY = "(?:[12][0-9]|3[01]|0?[1-9])"
_MONTH = "(?:1[0-2]|0?[1-9])"
_WORD = r"[^\W\d_]{3,12}\.?,?"
_LIKELY_YEARS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # c1999, ca. 1999, cop. 1999, ©1999, p1999, [1999?], (1999), 1999., 1999?
        rf"[\[(<]*(?:(?:ca?|circa|cop|copyright|p|publ|um|vers|©|℗)\.? ?)?{_YEAR}[\])>?.,:; ]*",
        # Without a day it is not a date: 2006-09, 2006/9, 09/2006
        rf"{_YEAR}[-/.]{_MONTH}",
        rf"{_MONTH}[-/.]{_YEAR}",
        # September 2006, Sept. 16, 2006, 16 September 2006, Spring 2006
        rf"{_WORD} (?:{_DAY}(?:st|nd|rd|th)?,? )?{_YEAR}",
        rf"{_DAY}\.? {_WORD} {_YEAR}",
    )
)


class Suggestion(NamedTuple):
    """A value to put in place of a rejected one."""

    value: str | None
    """None if there are several that are equally likely, or only a clue."""
    evidence: str
    """Why it is likely."""


def with_suggestion(problem: Problem, values: Sequence[str]) -> Problem:
    """``problem`` with what was probably meant, if that can be told.

    ``values`` are all that the row has for the problem's field, from every column that can fill it.
    """
    if problem.value is None:
        return problem
    suggestion = None
    if problem.field == "isbn":
        others = [value for value in values if _is_telling(value) and value != problem.value]
        suggestion = _suggest_isbn(problem, others)
    elif problem.code == "year_format":
        suggestion = _suggest_year(problem.value)
    if suggestion is None:
        return problem
    return replace(problem, suggestion=suggestion.value, evidence=suggestion.evidence)


def _is_telling(value: str) -> bool:
    return sum(map(str.isdigit, value)) >= TELLING_VALUE


def _suggest_isbn(problem: Problem, others: Sequence[str]) -> Suggestion | None:
    value = problem.value or ""
    match problem.code:
        case "isbn_scientific":
            return _unrounded(isbn.unwrap(value), others)
        case "isbn_lost_zeros":
            return _padded(isbn.clean(value), others)
        case "isbn_format":
            return _picked(value, others)
    return None


def _padded(cleaned: str, others: Sequence[str]) -> Suggestion | None:
    """An ISBN-10 with its leading zeros, unless the row's rounded ISBN-13 is that of another book."""
    padded = isbn.with_lost_zeros(cleaned)
    if padded is None:
        return None
    evidence = "with leading zeros its check digit is right"
    for other in map(isbn.unwrap, filter(isbn.is_scientific, others)):
        rounded = _Rounded.parse(other)
        if rounded and not rounded.is_of(isbn.canonical(padded)):
            return None
        evidence += f", and it agrees with {other}" if rounded else ""
    return Suggestion(padded, evidence)


def _unrounded(text: str, others: Sequence[str]) -> Suggestion | None:
    """The ISBN-13 before a spreadsheet rounded it."""
    rounded = _Rounded.parse(text)
    if rounded is None:
        return None
    complete = {other.strip(): _complete(other) for other in others}
    if len(complete) == 1 and rounded.digits >= TELLING_DIGITS:
        ((other, found),) = complete.items()
        if found and rounded.is_of(found):
            return Suggestion(found, f"agrees with {other} in the same row")
    # What else the row says speaks for another book, or cannot be understood.
    if complete or rounded.digits < ISBN13_DIGITS - 1:
        return None
    around = range(int(rounded.number) - 5, int(rounded.number) + 6)
    candidates = [str(near) for near in around if rounded.is_of(str(near)) and isbn.is_isbn13(str(near))]
    if len(candidates) == 1:
        return Suggestion(candidates[0], f"the only ISBN that is rounded to {text}")
    return Suggestion(None, " or ".join(candidates)) if candidates else None


class _Rounded(NamedTuple):
    """A number of thirteen digits, the last of which a spreadsheet may have rounded away."""

    number: Decimal
    digits: int
    """How many of its digits are significant."""

    @classmethod
    def parse(cls, text: str) -> _Rounded | None:
        """The number that ``text``, such as ``9.78043902348e+12``, means; None if it has not 13 digits."""
        if _ROUNDED.match(text) is None:
            return None
        number = Decimal(text.replace(",", "."))
        digits = len(number.as_tuple().digits)
        return cls(number, digits) if number.adjusted() == ISBN13_DIGITS - 1 else None

    def is_of(self, isbn13: str) -> bool:
        """Whether the ISBN becomes this number when it is rounded."""
        step = Decimal(1).scaleb(ISBN13_DIGITS - self.digits)
        return 2 * abs(int(isbn13) - self.number) <= step


def _complete(other: str) -> str | None:
    """The ISBN-13 of an ISBN-10 that may have lost its leading zeros."""
    cleaned = isbn.clean(other)
    padded = cleaned if len(cleaned) == 10 else isbn.with_lost_zeros(cleaned)
    found = isbn.canonical(padded) if padded and isbn.is_well_formed(padded) else None
    return found if found and len(found) == 13 else None


def _picked(value: str, others: Sequence[str]) -> Suggestion | None:
    """The ISBN that stands in the value among other things: ``9780439023481 (pbk.)``."""
    if any(isbn.written_in(other) for other in others):
        return None
    if match := _FLOAT.match(isbn.unwrap(value)):
        whole = match[1]
        return (
            Suggestion(whole, "without decimals its check digit is right")
            if isbn.has_right_check_digit(whole)
            else None
        )
    found = isbn.written_in(value)
    if len(found) != 1:
        return Suggestion(None, " or ".join(sorted(found))) if found else None
    return Suggestion(found.pop(), "the only ISBN in it")


def _suggest_year(value: str) -> Suggestion | None:
    for pattern in _LIKELY_YEARS:
        if match := pattern.fullmatch(value.strip()):
            return Suggestion(match[1], "the only year in it")
    return None
