"""What users do with single books: correct, delete. For command line and dashboard alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.catalog import books
from daemon.catalog.books import Book, DuplicateIsbnError
from daemon.catalog.database import Connection
from daemon.catalog.row_errors import Problem
from daemon.importing import rules
from daemon.importing.rules import BookRow
from daemon.values import BookField, IsbnCheck


class GoneError(Exception):
    """The book was deleted meanwhile."""


class EditError(Exception):
    """The book cannot be like that; nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def check(book: Book, typed: Mapping[BookField, str], isbn_check: IsbnCheck) -> BookRow | list[Problem]:
    """``book`` with what was typed for some of its fields, by the rules of an import; or all its problems."""
    values: dict[BookField, str] = {
        "title": book.title,
        "author": book.author,
        "isbn": book.isbn,
        "publication_year": str(book.publication_year or ""),
    }
    # An ISBN that was taken in before the setting became stricter may stay.
    return rules.check(values | dict(typed), isbn_check if "isbn" in typed else "format")


def edit(connection: Connection, book: Book, typed: Mapping[BookField, str], isbn_check: IsbnCheck) -> Book:
    """Give ``book`` what was typed for some of its fields; the book as it is now.

    Raises :class:`EditError` and :class:`GoneError`.
    """
    checked = check(book, typed, isbn_check)
    if isinstance(checked, list):
        raise EditError(checked)
    new = checked.book()
    changes: dict[BookField, str | int | None] = {
        field: getattr(new, field) for field in typed if getattr(new, field) != getattr(book, field)
    }
    if not changes:
        return book
    try:
        edited = books.update_one(connection, book.id, changes)
    except DuplicateIsbnError:
        raise EditError([rules.duplicate(checked.isbn)]) from None
    if edited is None:
        raise GoneError(f"{book.title} was deleted meanwhile")
    return edited


def delete(connection: Connection, book: Book) -> Book:
    """Delete ``book``, and return it as the last copy. Raises :class:`GoneError`."""
    if not books.delete_one(connection, book.id):
        raise GoneError(f"{book.title} was deleted already")
    return book
