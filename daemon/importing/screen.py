"""Finds the rows that are certainly valid, many at a time.

Only speed: every other row goes to :class:`~daemon.importing.rules.BookRow`, which alone rejects, and which
would make the same books of these. A row costs 0.5 microseconds here and 15 there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from daemon import isbn
from daemon.catalog.storable import is_storable
from daemon.importing.batch import Batch
from daemon.importing.candidates import Candidates
from daemon.importing.header import Header
from daemon.importing.rules import EARLIEST_YEAR, LATEST_YEAR, LONGEST_TEXT, parse_year
from daemon.values import BookField, IsbnCheck

_THIRTEEN_DIGITS = re.compile("[0-9]{13}")
_PLAIN_LINES = re.compile("(?:[0-9]{13}\n)*")
_PLAIN_LINE = 14
"""Characters of an ISBN in thirteen digits, and of the end of its line."""

_YEARS = {str(year): year for year in range(EARLIEST_YEAR, LATEST_YEAR + 1)}


class Screen:
    """Looks at the records of one file."""

    def __init__(self, header: Header, isbn_check: IsbnCheck) -> None:
        self._columns = header.columns
        self._isbn_check = isbn_check

    def certain(self, batch: Batch) -> tuple[Candidates, Sequence[int]]:
        """The rows of ``batch`` that are certainly valid, and the places in it of those that may not be."""
        doubtful = _unstorable(batch.texts)
        titles = self._texts("title", batch, doubtful)
        authors = self._texts("author", batch, doubtful)
        isbns, written = self._isbns(batch, doubtful)
        years = self._years(batch, doubtful)
        found = Candidates(list(batch.numbers), list(batch.texts), isbns, titles, authors, years, written)
        if doubtful:
            is_certain = [True] * len(found)
            for place in doubtful:
                is_certain[place] = False
            found = found.where(is_certain)
        return found, sorted(doubtful)

    def _texts(self, field: BookField, batch: Batch, doubtful: set[int]) -> list[str]:
        # Of several columns the first that is not empty is chosen: so this one, if it is not.
        values = list(map(str.strip, batch.columns[self._columns[field][0]]))
        if not all(values):
            doubtful.update(_places(values, ""))
        if max(map(len, values), default=0) > LONGEST_TEXT:
            doubtful.update([place for place, value in enumerate(values) if len(value) > LONGEST_TEXT])
        return values

    def _isbns(self, batch: Batch, doubtful: set[int]) -> tuple[list[str], dict[int, str]]:
        """ISBNs in their canonical form, and by row number as cleaned where that is another."""
        # Of several columns the first that is well-formed is chosen: so this one, if it is.
        values = list(map(str.strip, batch.columns[self._columns["isbn"][0]]))
        written: dict[int, str] = {}
        for place in _not_plain(values) if self._isbn_check == "format" else range(len(values)):
            value = values[place]
            cleaned = isbn.clean(value)
            if not self._is_certain(value, cleaned):
                doubtful.add(place)
                continue
            values[place] = isbn.canonical(cleaned)
            if values[place] != cleaned:
                written[batch.numbers[place]] = cleaned
        return values, written

    def _is_certain(self, value: str, cleaned: str) -> bool:
        return (
            isbn.is_well_formed(cleaned)
            and not isbn.is_scientific(value)
            and (self._isbn_check == "format" or isbn.has_right_check_digit(cleaned))
        )

    def _years(self, batch: Batch, doubtful: set[int]) -> list[int | None]:
        places = self._columns.get("publication_year")
        if not places:
            return [None] * len(batch.numbers)
        values = batch.columns[places[0]]
        years = list(map(_YEARS.get, values))
        for place in _places(years, None):
            value = values[place]
            if len(places) > 1 or (value and not value.isspace()):
                years[place] = _certain_year(value)
                if years[place] is None:
                    doubtful.add(place)
        return years


def _not_plain(values: Sequence[str]) -> Iterable[int]:
    """The places of the values that are not just thirteen digits."""
    text = "\n".join(values) + "\n"
    if text.count("\n") > len(values):  # a value has line ends in it
        return [place for place, value in enumerate(values) if _THIRTEEN_DIGITS.fullmatch(value) is None]
    return _lines_not_plain(text)


def _lines_not_plain(text: str) -> Iterator[int]:
    # From one of them to the next in one step each: they are few.
    place = start = 0
    while (match := _PLAIN_LINES.match(text, start)) and match.end() < len(text):
        place += (match.end() - start) // _PLAIN_LINE
        yield place
        place += 1
        start = text.index("\n", match.end()) + 1


def _places(values: Sequence[object], wanted: object) -> Iterator[int]:
    """The places at which ``wanted`` stands."""
    place = -1
    with suppress(ValueError):
        while True:
            yield (place := values.index(wanted, place + 1))


def _certain_year(value: str) -> int | None:
    year = parse_year(value)
    return year if year is not None and EARLIEST_YEAR <= year <= LATEST_YEAR else None


def _unstorable(texts: Sequence[str]) -> set[int]:
    """The places of texts that PostgreSQL cannot hold."""
    if is_storable("".join(texts)):
        return set()
    return {place for place, text in enumerate(texts) if not is_storable(text)}
