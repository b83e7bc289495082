"""The rules of a row: what makes a record a book, and the words for what does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from daemon import isbn
from daemon.catalog.books import NewBook
from daemon.catalog.row_errors import Problem
from daemon.catalog.storable import is_storable, storable
from daemon.importing import encoding, repair
from daemon.importing.header import Header
from daemon.importing.records import Record
from daemon.values import BookField, IsbnCheck

LONGEST_TEXT = 2000
"""Characters of a title or author; real author fields pass 256."""

EARLIEST_YEAR = 1000
LATEST_YEAR = 2100

_YEAR = re.compile(r"^([+-]?[0-9]+)(?:\.0+)?$")
_DATE = re.compile(
    # Month and day are looked at loosely: real catalogues hold an 11/31/2000, and its year is certain.
    r"^(?:([0-9]{4})([-/.])(?:1[0-2]|0?[1-9])\2(?:3[01]|[12][0-9]|0?[1-9])"
    r"|(?:3[01]|[12][0-9]|0?[1-9])([-/.])(?:3[01]|[12][0-9]|0?[1-9])\3([0-9]{4})"
    r"|([0-9]{4})年(?:1[0-2]|0?[1-9])月(?:3[01]|[12][0-9]|0?[1-9])日)"
    # A time of day, as databases write it: 2006-09-16T00:00:00+00:00
    r"(?:[T ][0-9]{1,2}:[0-9]{2}[0-9:.]*(?: ?[AP]M)?(?:Z| ?[+-][0-9:]{2,6})?)?$"
)


def _required(field: str, value: str) -> str:
    value = value.strip()
    if not value:
        raise PydanticCustomError("missing_field", "Missing required field: {field}", {"field": field})
    return value


def _check_text(value: str, info: ValidationInfo) -> str:
    field = str(info.field_name)
    value = _required(field, value)
    if len(value) > LONGEST_TEXT:
        raise PydanticCustomError(
            "too_long",
            "Field {field} is longer than {limit} characters",
            {"field": field, "limit": LONGEST_TEXT},
        )
    return value


def _check_isbn(value: str, info: ValidationInfo) -> str:
    value = _required("isbn", value)
    if isbn.is_scientific(value):
        raise PydanticCustomError(
            "isbn_scientific",
            "Invalid ISBN: {value} (rounded by a spreadsheet)",
            {"value": isbn.unwrap(value)},
        )
    cleaned = isbn.clean(value)
    if not cleaned:
        return _required("isbn", "")
    if not isbn.is_well_formed(cleaned):
        if isbn.with_lost_zeros(isbn.unwrap(value).upper()):
            raise PydanticCustomError(
                "isbn_lost_zeros",
                "Invalid ISBN: {value} (lost leading zeros?)",
                {"value": cleaned},
            )
        raise PydanticCustomError("isbn_format", "Invalid ISBN: {value}", {"value": isbn.unwrap(value)})
    if (info.context or {}).get("isbn_check") == "checksum" and not isbn.has_right_check_digit(cleaned):
        raise PydanticCustomError("isbn_checksum", "Invalid ISBN check digit: {value}", {"value": cleaned})
    return cleaned


def parse_year(value: str) -> int | None:
    """The year that ``value`` certainly means, in any range; None if it is not certain."""
    value = value.strip()
    if match := _YEAR.match(value):
        # More digits than a year has; int() refuses thousands of them.
        return int(match[1]) if len(match[1]) <= 18 else None
    if match := _DATE.match(value):
        return int(match[1] or match[4] or match[5])
    return None


def _check_year(value: str | None) -> int | None:
    if value is None or not value.strip():
        return None
    year = parse_year(value)
    if year is None:
        raise PydanticCustomError(
            "year_format", "Invalid publication year format: {value}", {"value": value.strip()}
        )
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise PydanticCustomError("year_range", "Invalid publication year: {value}", {"value": year})
    return year


class BookRow(BaseModel):
    """A row that may enter the catalogue. Nothing else rejects rows or words their errors.

    Fields take the text of the file. Validation context: ``isbn_check`` as in the settings.
    """

    model_config = ConfigDict(frozen=True)

    title: Annotated[str, BeforeValidator(_check_text)]
    author: Annotated[str, BeforeValidator(_check_text)]
    isbn: Annotated[str, BeforeValidator(_check_isbn)]
    """Cleaned, otherwise as the row has it; :meth:`book` makes it canonical."""
    publication_year: Annotated[int | None, BeforeValidator(_check_year)] = None

    def book(self) -> NewBook:
        """The book, under the canonical form of its ISBN."""
        return NewBook(self.title, self.author, isbn.canonical(self.isbn), self.publication_year)


def check(values: dict[BookField, str], isbn_check: IsbnCheck) -> BookRow | list[Problem]:
    """A row's values by field: the valid row, or everything that is wrong with it."""
    try:
        return BookRow.model_validate(values, context={"isbn_check": isbn_check})
    except ValidationError as error:
        return [_problem(details) for details in error.errors(include_url=False, include_context=False)]


def _problem(details: Any) -> Problem:
    value = details["input"] if isinstance(details["input"], str) else None
    return Problem(details["loc"][0], details["type"], details["msg"], value)


DUPLICATE = "duplicate_isbn"
"""The code of rows whose ISBN is there already: the one that only the catalogue can tell."""


def duplicate(isbn: str) -> Problem:
    """The problem of a row whose ISBN, as cleaned from it, is in the file or the catalogue already."""
    return Problem("isbn", DUPLICATE, f"Duplicate ISBN: {isbn}", isbn)


@dataclass(frozen=True, slots=True)
class Checker:
    """Applies the rules to the records of one file."""

    header: Header
    encoding: str
    isbn_check: IsbnCheck

    def check(self, record: Record) -> BookRow | list[Problem]:
        """The valid row, or all problems of the record, with suggestions."""
        if record.damage:
            return [record.damage]
        problems = []
        fields = record.fields
        if not is_storable("".join(fields)):
            problems = self._unstorable(fields)
            fields = [storable(field) for field in fields]
        if len(fields) != len(self.header.names):
            message = f"Row has {len(fields)} fields, header has {len(self.header.names)}"
            return [*problems, Problem(None, "field_count", message)]
        checked = check(self.values(fields), self.isbn_check)
        if isinstance(checked, list):
            return problems + [self._with_suggestion(problem, fields) for problem in checked]
        return problems or checked

    def _unstorable(self, fields: Sequence[str]) -> list[Problem]:
        text = "".join(fields)
        problems = []
        if "\x00" in text:
            problems.append(Problem(None, "nul_character", "Row contains a NUL character"))
        if not is_storable(text.replace("\x00", "")):
            name = encoding.label(self.encoding)
            problems.append(Problem(None, "encoding", f"Row is not valid {name}"))
        return problems

    def values(self, fields: Sequence[str]) -> dict[BookField, str]:
        """What a record with as many fields as the header has for each field of a book, as written."""
        return {
            field: fields[columns[0]] if len(columns) == 1 else self._choose(field, columns, fields)
            for field, columns in self.header.columns.items()
        }

    def _choose(self, field: BookField, columns: tuple[int, ...], fields: Sequence[str]) -> str:
        """Of several columns for one field, the first well-formed value; else the first that is not empty."""
        values = [fields[column] for column in columns]
        for value in values:
            if _is_well_formed(field, value):
                return value
        return next((value for value in values if not _is_blank(field, value)), "")

    def _with_suggestion(self, problem: Problem, fields: Sequence[str]) -> Problem:
        columns = self.header.columns.get(problem.field, ()) if problem.field else ()
        return repair.with_suggestion(problem, [fields[column] for column in columns])


def _is_blank(field: BookField, value: str) -> bool:
    return not (isbn.clean(value) if field == "isbn" else value.strip())


def _is_well_formed(field: BookField, value: str) -> bool:
    if field == "isbn":
        return not isbn.is_scientific(value) and isbn.is_well_formed(isbn.clean(value))
    if field == "publication_year":
        year = parse_year(value)
        return year is not None and EARLIEST_YEAR <= year <= LATEST_YEAR
    return bool(value.strip())
