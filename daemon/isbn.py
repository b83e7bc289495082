"""ISBNs: cleaning what people write, telling well-formed from not, and one canonical form per book."""

from __future__ import annotations

import re
from functools import lru_cache

from stdnum import exceptions
from stdnum import isbn as stdnum_isbn

_WRAPPED = re.compile(r'^(?:="(?P<excel>[^"]*)"|\[(?P<brackets>[^\[\]]*)\])$')
"""``="..."`` (Goodreads, Excel) and ``[...]`` (LibraryThing)."""

_SEPARATORS = re.compile(r"[\s\u00AD\u200B\u2060\uFEFF\-\u2010-\u2015\u2043\u2212\uFE58\uFE63\uFF0D]+")
"""Spaces and hyphens of any kind."""

_WELL_FORMED = re.compile(r"^(?:[0-9]{13}|[0-9]{9}[0-9X])$")
_SCIENTIFIC = re.compile(r"^[+-]?[0-9]+(?:[.,][0-9]*)?E\+?[0-9]+$", re.IGNORECASE)
_SHORTENED = re.compile(r"^[0-9]{6,8}[0-9X]$")
_RESEMBLING = re.compile(r"^[0-9]{6,12}[0-9X]$")
_WRITTEN = re.compile(
    r"(?<![0-9-])(?:(?:97[89]-?)?[0-9]{9}[0-9Xx]"
    r"|(?:97[89][- ])?[0-9]{1,5}(?:-[0-9]{1,7}-[0-9]{1,7}-| [0-9]{1,7} [0-9]{1,7} )[0-9Xx])(?![0-9-])"
)
"""An ISBN amid other text: in one piece, or in the groups that ISBNs have."""


def unwrap(text: str) -> str:
    """``text`` without white space at its ends and without the wrapping of spreadsheets and LibraryThing."""
    text = text.strip()
    if text.startswith(("=", "[")) and (match := _WRAPPED.match(text)):
        return (match["excel"] or match["brackets"] or "").strip()
    return text


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet has turned the ISBN into a rounded number such as 9.78E+12.

    Ask before :func:`clean`: 9.7804515293e+12 stripped to its digits looks like an ISBN, and a wrong one.
    """
    return _SCIENTIFIC.match(unwrap(text)) is not None


def clean(text: str) -> str:
    """``text`` unwrapped, without spaces and hyphens, in upper case; not necessarily an ISBN."""
    if text.isdigit() and text.isascii():  # as most are
        return text
    return _SEPARATORS.sub("", unwrap(text)).upper()


def is_well_formed(cleaned: str) -> bool:
    """Whether it is 13 digits, or 9 digits and a digit or X; check digits are not looked at."""
    return _WELL_FORMED.match(cleaned) is not None


def resembles(text: str) -> bool:
    """Whether it could be an ISBN, or what a spreadsheet left of one."""
    return is_scientific(text) or _RESEMBLING.match(clean(text)) is not None


def has_right_check_digit(cleaned: str) -> bool:
    """Whether a well-formed ISBN ends in the check digit that its other digits ask for."""
    try:
        stdnum_isbn.validate(cleaned)
    except exceptions.InvalidComponent:
        # Thirteen digits with a right check digit, outside 978 and 979: another kind of article number.
        return True
    except exceptions.ValidationError:
        return False
    return True


def is_isbn13(text: str) -> bool:
    """Whether it is an ISBN-13: 978 or 979, thirteen digits, a right check digit."""
    return len(text) == 13 and bool(stdnum_isbn.is_valid(text))


def canonical(cleaned: str) -> str:
    """The form under which a book is stored: an ISBN-10 with a right check digit becomes its ISBN-13.

    So both forms of one book meet. With a wrong check digit it stays as written.
    """
    if len(cleaned) == 10 and has_right_check_digit(cleaned):
        return str(stdnum_isbn.to_isbn13(cleaned))
    return cleaned


def recognise(text: str) -> str | None:
    """The canonical form of the ISBN that ``text`` is, written in any way; None if it is something else."""
    cleaned = clean(text)
    return canonical(cleaned) if is_well_formed(cleaned) else None


def written_in(text: str) -> set[str]:
    """The canonical forms of the ISBNs with a right check digit that stand amid the words of ``text``."""
    cleaned = (clean(match) for match in _WRITTEN.findall(text))
    return {canonical(number) for number in cleaned if stdnum_isbn.is_valid(number)}


@lru_cache(maxsize=16)  # the rule asks, and then the suggestion
def with_lost_zeros(text: str) -> str | None:
    """The ISBN-10 that lost its leading zeros in a spreadsheet, or None if padding gives no right one.

    ``text`` is a number: one with hyphens has been no number to a spreadsheet.
    """
    if _SHORTENED.match(text) is None:
        return None
    if text.startswith("0"):
        return None  # it has them still
    padded = text.rjust(10, "0")
    return padded if has_right_check_digit(padded) else None
