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
"""Digits that a rounded ISBN-13 must have kept for an ISBN-10 of the row to agree with it by more than chance."""

ISBN13_DIGITS = 13

LONGEST_NUMBER = 30
"""Characters of a number that a spreadsheet writes, and more."""

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
        others = [value for value in values if value.strip() and value != problem.value]
        suggestion = _suggest_isbn(problem, others)
    elif problem.code == "year_format":
        suggestion = _suggest_year(problem.value)
    if suggestion is None:
        return problem
    return replace(problem, suggestion=suggestion.value, evidence=suggestion.evidence)


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
    for other in filter(isbn.is_scientific, others):
        if not _rounds_to(isbn.canonical(padded), isbn.unwrap(other)):
            return None
        evidence += f", and it agrees with {isbn.unwrap(other)}"
    return Suggestion(padded, evidence)


def _unrounded(rounded: str, others: Sequence[str]) -> Suggestion | None:
    """The ISBN-13 before a spreadsheet rounded it."""
    digits, exponent = _parts(rounded)
    if len(digits) + exponent != ISBN13_DIGITS:
        return None
    complete = {other: _complete(other) for other in others}
    if len(digits) >= TELLING_DIGITS:
        agreeing = {found for found in complete.values() if found and _rounds_to(found, rounded)}
        if len(agreeing) == 1 and len(complete) == 1:
            (found,) = agreeing
            return Suggestion(found, f"agrees with {next(iter(complete)).strip()} in the same row")
    # What else the row says speaks for another book, or cannot be understood.
    if complete or exponent != 1:
        return None
    number = int(digits) * 10
    candidates = sorted(
        str(near) for near in range(number - 5, number + 6) if isbn.is_isbn13(str(near))
    )
    if len(candidates) == 1:
        return Suggestion(candidates[0], f"the only ISBN that is rounded to {rounded}")
    return Suggestion(None, f"{' or '.join(candidates)}") if candidates else None


def _parts(rounded: str) -> tuple[str, int]:
    """Significant digits and exponent of a number like ``9.78043902348e+12``: its value is digits x 10^exponent."""
    if len(rounded) > LONGEST_NUMBER:
        return "", 0
    number = Decimal(rounded.replace(",", ".")).as_tuple()
    return "".join(map(str, number.digits)), int(number.exponent)


def _rounds_to(isbn13: str, rounded: str) -> bool:
    digits, exponent = _parts(rounded)
    if len(digits) + exponent != ISBN13_DIGITS or not isbn13.isdigit():
        return False
    step = 10**exponent
    return 2 * abs(int(isbn13) - int(digits) * step) <= step


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
        return Suggestion(whole, "without decimals its check digit is right") if isbn.has_right_check_digit(whole) else None
    found = isbn.written_in(value)
    if len(found) != 1:
        return Suggestion(None, " or ".join(sorted(found))) if found else None
    return Suggestion(found.pop(), "the only ISBN in it")


def _suggest_year(value: str) -> Suggestion | None:
    for pattern in _LIKELY_YEARS:
        if match := pattern.fullmatch(value.strip()):
            return Suggestion(match[1], "the only year in it")
    return None
