"""A catalogue in memory, as simple as can be: what imports, repairs, edits and undos must come to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple

from daemon.values import DuplicatePolicy


class Row(NamedTuple):
    """A row of a file; a spoiled one is rejected, with a suggestion that mends it."""

    isbn: str
    title: str
    year: int | None
    is_spoiled: bool


@dataclass(frozen=True)
class Values:
    """What an import or an edit gives a book, and when that was."""

    title: str
    year: int | None
    moment: int


@dataclass
class Book:
    """A book; another one with the same ISBN later is not the same."""

    number: int
    owner: int
    added: int
    now: Values


class Change(NamedTuple):
    """What a job overwrote."""

    book: int
    before: Values
    moment: int


@dataclass
class Error:
    """A rejected row."""

    row: Row
    is_open: bool = True
    has_suggestion: bool = True


class Repair(NamedTuple):
    """A rejected row that was brought in."""

    error: Error
    isbn: str
    outcome: str
    change: Change | None


@dataclass
class Job:
    """An import, or a repair of another job's rows."""

    policy: DuplicatePolicy
    owner: int | None = None
    changes: list[Change] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    is_undone: bool = False


class Model:
    """The catalogue and its history."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.jobs: list[Job] = []
        self._moments = count(1)
        self._numbers = count(1)

    def shelf(self) -> dict[str, tuple[str, int | None]]:
        """What the catalogue holds, by ISBN."""
        return {isbn: (book.now.title, book.now.year) for isbn, book in self.books.items()}

    def open_errors(self, job: int) -> int:
        """How many rows of a job are still to be repaired."""
        return sum(error.is_open for error in self.jobs[job].errors)

    def do_import(self, rows: list[Row], policy: DuplicatePolicy) -> None:
        """One more job."""
        job, number, moment = Job(policy), len(self.jobs), next(self._moments)
        self.jobs.append(job)
        for row in rows:
            if row.is_spoiled:
                job.errors.append(Error(row))
            elif self._store(row, number, moment, job.policy)[0] == "rejected":
                job.errors.append(Error(row, has_suggestion=False))

    def repair(self, owner: int) -> None:
        """One more job: what has a suggestion is brought in."""
        job, moment, target = Job("error", owner), next(self._moments), self.jobs[owner]
        self.jobs.append(job)
        for error in target.errors:
            if error.is_open and error.has_suggestion:
                outcome, change = self._store(error.row, owner, moment, target.policy)
                if outcome == "rejected":
                    error.has_suggestion = False
                    continue
                error.is_open = False
                job.repairs.append(Repair(error, error.row.isbn, outcome, change))

    def _store(self, row: Row, owner: int, moment: int, policy: DuplicatePolicy) -> tuple[str, Change | None]:
        new = Values(row.title, row.year, moment)
        book = self.books.get(row.isbn)
        if book is None:
            self.books[row.isbn] = Book(next(self._numbers), owner, moment, new)
            return "added", None
        if policy == "error":
            return "rejected", None
        old = book.now
        if policy == "update":
            new = replace(new, year=row.year or old.year)
        elif policy == "fill":
            new = replace(old, year=old.year or row.year)
        if policy == "skip" or (new.title, new.year) == (old.title, old.year):
            return "skipped", None
        change = Change(book.number, old, moment)
        self.jobs[owner].changes.append(change)
        book.now = replace(new, moment=moment)
        return "changed", change

    def edit(self, isbn: str, title: str) -> None:
        """By hand."""
        if book := self.books.get(isbn):
            book.now = replace(book.now, title=title, moment=next(self._moments))

    def delete(self, isbn: str) -> None:
        """By hand."""
        self.books.pop(isbn, None)

    def undo(self, number: int) -> None:
        """Take back what a job brought, but for what was edited since."""
        job = self.jobs[number]
        job.is_undone = True
        for repair in reversed(job.repairs):
            if self._take_back(repair, job.owner):
                repair.error.is_open = True
        for change in reversed(job.changes):
            self._restore(change)
        mine = [isbn for isbn, book in self.books.items() if book.owner == number]
        for isbn in mine:
            self._remove(isbn)

    def _take_back(self, repair: Repair, owner: int | None) -> bool:
        if repair.change:
            self.jobs[owner or 0].changes.remove(repair.change)
            return self._restore(repair.change)
        book = self.books.get(repair.isbn)
        return repair.outcome == "skipped" or bool(book and book.owner == owner and self._remove(repair.isbn))

    def _restore(self, change: Change) -> bool:
        book = next((book for book in self.books.values() if book.number == change.book), None)
        if book is None or book.now.moment != change.moment:
            return False
        book.now = change.before
        return True

    def _remove(self, isbn: str) -> bool:
        if self.books[isbn].now.moment != self.books[isbn].added:
            return False
        del self.books[isbn]
        return True
