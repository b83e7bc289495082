"""What the columns of a file without header are, where its records leave no doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from daemon import isbn
from daemon.importing.header import FIELDS, REQUIRED, Header

ISBN_COLUMN = 2
"""Where the service that Bibliflow replaces had the ISBN in such files: behind title and author."""

YEAR_COLUMN = 3

MOST = 0.8
"""Share of the records from which a column is taken for what it looks like."""


def header_of(rows: Sequence[Sequence[str]]) -> Header | None:
    """The header of a file that begins with ``rows``: title, author, ISBN and year, or None.

    In every other order one cannot tell a title from an author.
    """
    rows = _rectangular(rows)
    if not rows or not is_isbn(rows[0][ISBN_COLUMN]):
        return None
    width = len(rows[0])
    has_year = width == len(FIELDS) or (
        width > len(FIELDS) and _share(rows, len(FIELDS) - 1, _is_year) >= MOST
    )
    if has_year and _share(rows, len(FIELDS) - 1, is_isbn) >= MOST:
        has_year = False  # the ISBN in its other form
    fields = FIELDS if has_year else REQUIRED
    names = (*fields, *(f"column {number}" for number in range(len(fields) + 1, width + 1)))
    return Header(names, {field: (place,) for place, field in enumerate(fields)}, is_in_file=False)


def isbn_column(rows: Sequence[Sequence[str]]) -> int | None:
    """The index of the one column that holds ISBNs with right check digits, from the first record on."""
    rows = _rectangular(rows)
    if not rows:
        return None
    # Were there none in the first record, it could be a header in words that are not known.
    found = [
        column
        for column, value in enumerate(rows[0])
        if is_isbn(value) and _share(rows, column, is_certain_isbn) >= MOST
    ]
    return found[0] if len(found) == 1 else None


def is_isbn(value: str) -> bool:
    """Whether it has the form of an ISBN."""
    return isbn.is_well_formed(isbn.clean(value)) and not isbn.is_scientific(value)


def is_certain_isbn(value: str) -> bool:
    """Whether it has the check digit of one too."""
    return is_isbn(value) and isbn.has_right_check_digit(isbn.clean(value))


def _rectangular(rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The rows that are as wide as most, if that is wide enough and the first one is among them."""
    if not rows:
        return []
    (width, _), *_ = Counter(map(len, rows)).most_common(1)
    if len(rows[0]) != width or width < len(REQUIRED):
        return []
    return [row for row in rows if len(row) == width]


def _is_year(value: str) -> bool:
    return not value.strip() or (len(value.strip()) == 4 and value.strip().isdecimal())


def _share(rows: Sequence[Sequence[str]], column: int, holds: Callable[[str], bool]) -> float:
    return sum(holds(row[column]) for row in rows) / len(rows)
