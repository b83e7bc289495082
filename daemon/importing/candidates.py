"""Rows that passed the rules, by columns; whether their ISBNs are new is not known yet."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any
from uuid import UUID

from daemon.catalog import row_errors
from daemon.catalog.books import NewBook
from daemon.catalog.row_errors import Problem
from daemon.importing.dialect import Dialect
from daemon.importing.rules import BookRow, duplicate


@dataclass(slots=True)
class Candidates:
    """One entry per row in every column, in any order."""

    numbers: list[int] = field(default_factory=list)
    """Row numbers."""
    texts: list[str] = field(default_factory=list)
    """The records as CSV in the file's delimiter, quoted where need be; perhaps with their line ends."""
    isbns: list[str] = field(default_factory=list)
    """In their canonical form."""
    titles: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    years: list[int | None] = field(default_factory=list)
    written: dict[int, str] = field(default_factory=dict)
    """By row number, the ISBNs that the rows have in another form, cleaned."""

    def __len__(self) -> int:
        return len(self.numbers)

    def add(self, number: int, text: str, row: BookRow) -> None:
        """One more row."""
        book = row.book()
        self.numbers.append(number)
        self.texts.append(text)
        self.isbns.append(book.isbn)
        self.titles.append(book.title)
        self.authors.append(book.author)
        self.years.append(book.publication_year)
        if row.isbn != book.isbn:
            self.written[number] = row.isbn

    def extend(self, more: Candidates) -> None:
        """More rows."""
        self.numbers += more.numbers
        self.texts += more.texts
        self.isbns += more.isbns
        self.titles += more.titles
        self.authors += more.authors
        self.years += more.years
        self.written |= more.written

    def pick(self, places: Sequence[int]) -> Candidates:
        """The rows at these places."""
        return self._each(lambda column: [column[place] for place in places])

    def where(self, is_wanted: Sequence[bool]) -> Candidates:
        """The rows for which it is true."""
        return self._each(lambda column: list(compress(column, is_wanted)))

    def _each(self, take: Callable[[list[Any]], list[Any]]) -> Candidates:
        """What ``take`` takes of every column."""
        return Candidates(
            take(self.numbers),
            take(self.texts),
            take(self.isbns),
            take(self.titles),
            take(self.authors),
            take(self.years),
            self.written,
        )

    def in_order(self) -> Candidates:
        """The rows in the order of the file."""
        return self.pick(sorted(range(len(self)), key=self.numbers.__getitem__))

    def first_of_each(self, seen: Container[str] = frozenset()) -> tuple[Candidates, Candidates]:
        """The first row in the file with each ISBN that was not ``seen``, and the rows that repeat one."""
        ordered = self.in_order()
        first: dict[str, int] = {}
        is_first = [
            isbn not in seen and first.setdefault(isbn, place) == place
            for place, isbn in enumerate(ordered.isbns)
        ]
        repeated = [place for place, is_one in enumerate(is_first) if not is_one]
        return ordered.pick(list(first.values())), ordered.pick(repeated)

    def books(self) -> list[NewBook]:
        """The books that the rows describe."""
        return list(map(NewBook, self.titles, self.authors, self.isbns, self.years))

    def as_duplicates(self) -> list[tuple[int, Problem]]:
        """The row numbers and errors of these rows, whose ISBNs are in the file or the catalogue already."""
        return list(zip(self.numbers, map(duplicate, self._cleaned()), strict=True))

    def encode_duplicates(self, job_id: UUID, dialect: Dialect) -> list[bytes]:
        """The same as the table of errors takes them."""
        raw_data = list(map(dialect.raw_data, self.texts))
        return row_errors.encode_alike(job_id, self.numbers, raw_data, self._cleaned(), duplicate)

    def _cleaned(self) -> list[str]:
        """The ISBNs as the rows have them, but for spaces and hyphens."""
        if not self.written:
            return self.isbns
        return [self.written.get(number, isbn) for number, isbn in zip(self.numbers, self.isbns, strict=True)]
