"""Every rule of a row, with its code and its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import isbn as stdnum_isbn

from daemon import isbn
from daemon.catalog.row_errors import Problem
from daemon.importing import header, rules
from daemon.importing.header import Header
from daemon.importing.records import Record
from daemon.importing.rules import BookRow, Checker
from daemon.values import IsbnCheck

GOOD = ["The Time Machine", "H. G. Wells", "9780141439976", "2005"]


def named(*names: str) -> Header:
    return Header(names, header.match(names), is_in_file=True)


HEADER = named("title", "author", "isbn", "publication_year")


def check(fields: list[str], isbn_check: IsbnCheck = "format") -> BookRow | list[Problem]:
    return Checker(HEADER, "utf-8", isbn_check).check(Record(2, fields))


def changed(index: int, value: str) -> list[str]:
    return [value if place == index else field for place, field in enumerate(GOOD)]


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        (changed(0, "  "), "missing_field", "Missing required field: title"),
        (changed(1, ""), "missing_field", "Missing required field: author"),
        (changed(2, '=""'), "missing_field", "Missing required field: isbn"),
        (changed(0, "x" * 2001), "too_long", "Field title is longer than 2000 characters"),
        (changed(1, "x" * 2001), "too_long", "Field author is longer than 2000 characters"),
        (changed(2, "12345"), "isbn_format", "Invalid ISBN: 12345"),
        (changed(2, "{value} {field}"), "isbn_format", "Invalid ISBN: {value} {field}"),
        (changed(2, "9.78E+12"), "isbn_scientific", "Invalid ISBN: 9.78E+12 (rounded by a spreadsheet)"),
        (
            changed(2, "9.7804515293e+12"),
            "isbn_scientific",
            "Invalid ISBN: 9.7804515293e+12 (rounded by a spreadsheet)",
        ),
        (changed(2, "195153448"), "isbn_lost_zeros", "Invalid ISBN: 195153448 (lost leading zeros?)"),
        (changed(3, "19x4"), "year_format", "Invalid publication year format: 19x4"),
        (changed(3, "9" * 5000), "year_format", f"Invalid publication year format: {'9' * 5000}"),
        (changed(3, "3021"), "year_range", "Invalid publication year: 3021"),
        (changed(3, "999"), "year_range", "Invalid publication year: 999"),
        ([*GOOD, "5"], "field_count", "Row has 5 fields, header has 4"),
        (changed(0, "a\x00b"), "nul_character", "Row contains a NUL character"),
        (changed(0, "caf\udce9"), "encoding", "Row is not valid UTF-8"),
    ],
)
def test_each_rule(fields: list[str], code: str, message: str) -> None:
    problems = check(fields)
    assert isinstance(problems, list)
    assert [(problem.code, problem.message) for problem in problems] == [(code, message)]


def test_lost_zeros_come_with_a_suggestion() -> None:
    problems = check(changed(2, "195153448"))
    assert isinstance(problems, list)
    assert problems[0].suggestion == "0195153448"


def test_a_wrong_check_digit_is_looked_at_only_when_asked() -> None:
    assert isinstance(check(changed(2, "9780743273566")), BookRow)
    problems = check(changed(2, "9780743273566"), "checksum")
    assert isinstance(problems, list)
    assert problems[0].code == "isbn_checksum"
    assert problems[0].message == "Invalid ISBN check digit: 9780743273566"


def test_a_row_has_all_its_problems_at_once() -> None:
    problems = check(["", "", "x", "y"])
    assert isinstance(problems, list)
    assert [problem.code for problem in problems] == [
        "missing_field",
        "missing_field",
        "isbn_format",
        "year_format",
    ]


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("978-0-14-143997-6", "9780141439976"),
        (" 978 0 14 143997 6 ", "9780141439976"),
        ('="9780141439976"', "9780141439976"),
        ("[9780141439976]", "9780141439976"),
        ("978\u20110\u201114\u2013143997\u20146", "9780141439976"),
        ("0-439-78596-0", "9780439785969"),
        ("080442957x", "9780804429573"),
        ("1234567890", "1234567890"),
    ],
)
def test_cleaning_an_isbn(written: str, stored: str) -> None:
    row = check(changed(2, written))
    assert isinstance(row, BookRow)
    assert row.book().isbn == stored


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("1997", 1997),
        ("1997.0", 1997),
        ("", None),
        ("2006-09-16", 2006),
        ("9/16/2006", 2006),
        ("16.9.2006", 2006),
        ("11/31/2000", 2000),
        ("2006-09-16T00:00:00+00:00", 2006),
        ("2006-09-16 12:30:00.5", 2006),
        ("2006年9月16日", 2006),
        ("1000", 1000),
        ("2100", 2100),
    ],
)
def test_years(written: str, year: int | None) -> None:
    row = check(changed(3, written))
    assert isinstance(row, BookRow)
    assert row.publication_year == year


@pytest.mark.parametrize(
    "written",
    ["c1999", "[1999?]", "2012.", "2012.5", "2006-09-16 x", "99", "1.2.3", "2006-13-01", "2006/09-16"],
)
def test_uncertain_years_are_rejected(written: str) -> None:
    assert isinstance(check(changed(3, written)), list)


@given(st.from_regex(r"\A[0-9]{9}[0-9X]\Z"))
def test_canonical_form_agrees_with_stdnum(number: str) -> None:
    if stdnum_isbn.is_valid(number):
        assert isbn.canonical(number) == stdnum_isbn.to_isbn13(number)
        assert stdnum_isbn.is_valid(isbn.canonical(number))
    else:
        assert isbn.canonical(number) == number


@given(st.text())
def test_any_text_is_accepted_or_explained(text: str) -> None:
    for index in range(4):
        result = check(changed(index, text))
        assert isinstance(result, BookRow) or all(problem.message for problem in result)


def test_the_first_well_formed_of_several_columns_wins() -> None:
    checker = Checker(named("ISBN", "ISBN13", "Title", "Authors"), "utf-8", "format")
    row = checker.check(Record(2, ["0439785960", "9.78E+12", "T", "A"]))
    assert isinstance(row, BookRow)
    assert row.isbn == "0439785960"
    problems = checker.check(Record(2, ["43978", "9.78E+12", "T", "A"]))
    assert isinstance(problems, list)
    assert problems[0].code == "isbn_scientific"
    assert rules.duplicate(row.isbn).message == "Duplicate ISBN: 0439785960"
