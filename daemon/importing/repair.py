"""What a rejected value was probably meant to be. Never applied unless the user says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from daemon import isbn
from daemon.catalog.row_errors import Problem

TELLING_DIGITS = 10
"""Digits that a rounded ISBN-13 must have kept, or an ISBN-10 agrees with it by chance."""

ISBN13_DIGITS = 13
ISSN_DIGITS = 8

TELLING_VALUE = 4
"""Digits that a value of another column must have to speak for or against a suggestion; 0 and n/a do not."""

_ROUNDED = re.compile(r"^[0-9](?:[.,][0-9]{0,15})?E\+?12$", re.IGNORECASE)
_FLOAT = re.compile(r"^([0-9]{10}|[0-9]{13})[.,]0*$")
_YEAR = "(1[0-9]{3}|20[0-9]{2}|2100)"
_DAY = "(?:[12][0-9]|3[01]|0?[1-9])"
_MONTH = "(?:1[0-2]|0?[1-9])"
_SEASON = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|spring|summer|autumn|fall|winter)\.?,?"
)
_LIKELY_YEARS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # c1999, ca. 1999, cop. 1999, ©1999, p1999, [1999?], (1999), 1999., 1999?
        rf"[\[(<]*(?:(?:ca?|circa|cop|copyright|p|publ|um|vers|©|℗)\.? ?)?{_YEAR}[\])>?.,:; ]*",
        # Without a day it is not a date: 2006-09, 2006/9, 09/2006
        rf"{_YEAR}[-/.]{_MONTH}",
        rf"{_MONTH}[-/.]{_YEAR}",
        # September 2006, Sept. 16, 2006, 16 September 2006, Spring 2006
        rf"{_SEASON} (?:{_DAY}(?:st|nd|rd|th)?,? )?{_YEAR}",
        rf"{_DAY}(?:st|nd|rd|th)? {_SEASON} {_YEAR}",
        rf"{_YEAR}年(?:{_MONTH}月)?",
    )
)
_RANGE = re.compile(r"^[0-9]{2}([0-9]{2})[-/]([0-9]{2})$")


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
    return problem._replace(suggestion=suggestion.value, evidence=suggestion.evidence)


def _is_telling(value: str) -> bool:
    return sum(map(str.isdigit, value)) >= TELLING_VALUE


def _suggest_isbn(problem: Problem, others: Sequence[str]) -> Suggestion | None:
    value = problem.value or ""
    match problem.code:
        case "isbn_scientific":
            return _unrounded(isbn.unwrap(value), others)
        case "isbn_lost_zeros":
            return _padded(isbn.unwrap(value), others)
        case "isbn_format":
            return _picked(value, others)
    return None


def _padded(text: str, others: Sequence[str]) -> Suggestion | None:
    """An ISBN-10 with its leading zeros."""
    padded = isbn.with_lost_zeros(text.upper())
    if padded is None or _contradicts(padded, others):
        return None
    evidence = "with leading zeros its check digit is right"
    agreeing = [isbn.unwrap(other) for other in others if _means(other)]
    if agreeing:
        evidence += f", and it agrees with {agreeing[0]}"
    elif len(text) == ISSN_DIGITS:  # their check digits are made in the same way
        evidence += "; it may be an ISSN"
    return Suggestion(padded, evidence)


def _unrounded(text: str, others: Sequence[str]) -> Suggestion | None:
    """The ISBN-13 before a spreadsheet rounded it."""
    rounded = _Rounded.parse(text)
    if rounded is None:
        return None
    if others:
        # What else the row says agrees, or speaks for another book, or cannot be understood.
        meant = set().union(*map(_means, others))
        if rounded.digits < TELLING_DIGITS or len(meant) != 1 or not rounded.is_of(min(meant)):
            return None
        return Suggestion(min(meant), f"agrees with {isbn.unwrap(others[0])} in the same row")
    if rounded.digits < ISBN13_DIGITS - 1:
        return None
    around = range(int(rounded.number) - 5, int(rounded.number) + 6)
    candidates = [str(near) for near in around if rounded.is_of(str(near)) and isbn.is_isbn13(str(near))]
    if len(candidates) == 1:
        return Suggestion(candidates[0], f"the only ISBN that is rounded to {text}")
    return Suggestion(None, " or ".join(candidates)) if candidates else None


def _picked(value: str, others: Sequence[str]) -> Suggestion | None:
    """The ISBN that stands in the value among other things: ``9780439023481 (pbk.)``."""
    if match := _FLOAT.match(isbn.unwrap(value)):
        found, evidence = {match[1]}, "without decimals its check digit is right"
        if not isbn.has_right_check_digit(match[1]):
            return None
    else:
        found, evidence = isbn.written_in(value), "the only ISBN in it"
    if len(found) != 1:
        return Suggestion(None, " or ".join(sorted(found))) if found else None
    return None if _contradicts(min(found), others) else Suggestion(min(found), evidence)


def _contradicts(suggested: str, others: Sequence[str]) -> bool:
    """Whether another value of the row is, or was before it was spoiled, the ISBN of another book."""
    book = isbn.canonical(suggested)
    for other in others:
        if isbn.is_scientific(other):
            rounded = _Rounded.parse(isbn.unwrap(other))
            if rounded and not rounded.is_of(book):
                return True
        elif (meant := _means(other)) and meant != {book}:
            return True
    return False


def _means(other: str) -> set[str]:
    """The ISBNs, in canonical form, that a value is or was before a spreadsheet spoiled it."""
    text = isbn.unwrap(other)
    if match := _FLOAT.match(text):
        text = match[1]
    text = isbn.with_lost_zeros(text.upper()) or text
    cleaned = isbn.clean(text)
    if isbn.is_well_formed(cleaned):
        return {isbn.canonical(cleaned)}
    return isbn.written_in(text)


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


def _suggest_year(value: str) -> Suggestion | None:
    if (years := _RANGE.match(value.strip())) and int(years[2]) == int(years[1]) + 1:
        return None  # 2001-02 is rather two years than a month
    for pattern in _LIKELY_YEARS:
        if match := pattern.fullmatch(value.strip()):
            return Suggestion(match[1], "the only year in it")
    return None
