"""What rejected values were probably meant to be, checked against python-stdnum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import isbn as stdnum_isbn

from daemon import isbn
from daemon.catalog.row_errors import Problem
from daemon.importing import header
from daemon.importing.header import Header
from daemon.importing.records import Record
from daemon.importing.rules import Checker
from tests.files import isbn13

NAMES = ["isbn13", "isbn", "title", "author", "year"]
CHECKER = Checker(Header(tuple(NAMES), header.match(NAMES), is_in_file=True), "utf-8", "format")

ISBN10 = st.integers(0, 999_999_999).map(lambda number: stdnum_isbn.to_isbn10(isbn13(number)))
"""ISBNs with right check digits, the smaller ones with leading zeros."""


def problem(isbn_13: str, isbn_10: str = "", year: str = "") -> Problem:
    found = CHECKER.check(Record(2, [isbn_13, isbn_10, "T", "A", year]))
    assert isinstance(found, list)
    (only,) = found
    return only


def rounded(number: str, digits: int) -> str:
    """As spreadsheets and pandas write it."""
    return f"{int(number):.{digits - 1}e}"


@pytest.mark.parametrize(
    ("isbn_13", "isbn_10", "suggestion", "evidence"),
    [
        ("", "439023483", "0439023483", "with leading zeros its check digit is right"),
        ("9.78043902348e+12", "439023483", "9780439023481", "agrees with 439023483 in the same row"),
        ("9,78043902348E+12", "0439023483", "0439023483", None),
        ("9.7806182603e+12", "618260307", "9780618260300", "agrees with 618260307 in the same row"),
        ("9.78043902348e+12", "", "9780439023481", "the only ISBN that is rounded to 9.78043902348e+12"),
        ("9.78043902348e+12", "n/a", "9780439023481", "the only ISBN that is rounded to 9.78043902348e+12"),
        ("9.780439023481E+12", "", "9780439023481", "the only ISBN that is rounded to 9.780439023481E+12"),
        # Another book, or a number that cannot be understood, stands beside it.
        ("9.78043955493e+12", "439023483", None, None),
        ("9.78043902348e+12", "439023484", None, None),
        # Nothing is left of these.
        ("9.78E+12", "", None, None),
        ("9.78E+12", "439023483", None, None),
        ("9.7804390235e+12", "", None, None),
        ("1E+99999999999999999999", "", None, None),
        ("9780439023481 (pbk.) : $9.99", "", "9780439023481", "the only ISBN in it"),
        ("0-439-02348-3 ; 978-0-439-02348-1", "", "9780439023481", "the only ISBN in it"),
        ("9780439023481, 9780439554930", "", None, "9780439023481 or 9780439554930"),
        ("9780439023481.0", "", "9780439023481", "without decimals its check digit is right"),
        ("9780439023482.0", "", None, None),
        ("12345", "", None, None),
        # What else stands in the row is another book.
        ("9780439554930.0", "439023483", None, None),
        ("9780439023481.0", "439023483", "9780439023481", "without decimals its check digit is right"),
        ("9780439554930 (pbk.)", "439023483", None, None),
        # Two numbers are not an ISBN, nor is an ISSN one without its zeros.
        ("no. 25455 74937", "", None, None),
        ("", "0378-5955", None, None),
        ("", "03785955", None, None),
        ("", "14764687", "0014764687", "with leading zeros its check digit is right; it may be an ISSN"),
    ],
)  # fmt: skip
def test_isbns(isbn_13: str, isbn_10: str, suggestion: str | None, evidence: str | None) -> None:
    if isbn.is_well_formed(isbn.clean(isbn_10)):
        assert not isinstance(CHECKER.check(Record(2, [isbn_13, isbn_10, "T", "A", ""])), list)
        return
    found = problem(isbn_13, isbn_10)
    assert (found.suggestion, found.evidence) == (suggestion, evidence)


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("c1999", "1999"), ("[1999?]", "1999"), ("2012.", "2012"), ("©1999", "1999"), ("ca. 1999", "1999"),
        ("cop. 1999", "1999"), ("[c1999]", "1999"), ("1999?", "1999"), ("p1999", "1999"), ("2006-09", "2006"),
        ("09/2006", "2006"), ("September 2006", "2006"), ("Sept. 16, 2006", "2006"),
        ("1st May, 2006", "2006"),
        ("16 September 2006", "2006"), ("Spring 2006", "2006"),
        ("1999-2000", None), ("1999, c1998", None), ("199-?", None), ("19x4", None), ("c3021", None),
        ("c99", None), ("9/06", None), ("MCMXCIX", None), ("1999 BC", None), ("before 1850", None),
        ("not 1999", None), ("2001年", "2001"), ("2001年9月", "2001"),
        ("2001-02", None), ("Fall 1999", "1999"), ("12345 1999", None),
    ],
)  # fmt: skip
def test_years(written: str, year: str | None) -> None:
    found = problem("", "0439023483", written)
    assert (found.code, found.suggestion) == ("year_format", year)


@given(ISBN10)
def test_lost_zeros_come_back(number: str) -> None:
    shortened = number.lstrip("0")
    found = CHECKER.check(Record(2, ["", shortened, "T", "A", ""]))
    if 7 <= len(shortened) <= 9:
        assert isinstance(found, list)
        assert found[0].suggestion == number
        assert stdnum_isbn.is_valid(found[0].suggestion)


@given(ISBN10, st.integers(10, 12))
def test_a_rounded_isbn_comes_back_with_its_isbn10(number: str, digits: int) -> None:
    complete = stdnum_isbn.to_isbn13(number)
    shortened = number.lstrip("0")
    if 7 <= len(shortened) <= 9:
        assert problem(rounded(complete, digits), shortened).suggestion == complete


@given(ISBN10, ISBN10, st.integers(3, 12))
def test_no_suggestion_contradicts_the_rows_isbn10(number: str, other: str, digits: int) -> None:
    shortened = other.lstrip("0")
    if number == other or not 7 <= len(shortened) <= 9:
        return
    found = problem(rounded(stdnum_isbn.to_isbn13(number), digits), shortened)
    assert found.suggestion in (None, stdnum_isbn.to_isbn13(other))


@given(st.integers(0, 999_999_999))
def test_a_suggested_isbn_is_valid_and_rounds_to_what_is_there(number: int) -> None:
    original = isbn13(number)
    found = problem(rounded(original, 12))
    if found.suggestion is None:
        assert original in (found.evidence or "").split(" or ")
    else:
        assert found.suggestion == original
        assert stdnum_isbn.is_valid(found.suggestion)
    assert problem(rounded(original, 6)).suggestion is None


@given(st.text(max_size=40), st.text(max_size=12), st.text(max_size=20))
def test_any_text_is_looked_at(isbn_13: str, isbn_10: str, year: str) -> None:
    CHECKER.check(Record(2, [isbn_13, isbn_10, "T", "A", year]))
