"""``books``: the catalogue itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise, repeat
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from daemon.catalog import copying
from daemon.catalog.copying import EncodedRows
from daemon.catalog.database import Connection
from daemon.catalog.ids import ID_SIZE, earlier, uuid7_block
from daemon.catalog.text_search import like
from daemon.values import BookField

CLOCKS_DIFFER = timedelta(hours=12)
"""How far the clock of a machine that makes a job may be ahead of that of the one that imports its file."""


@dataclass(frozen=True, slots=True)
class NewBook:
    """What an import brings of one book; the ISBN is in its canonical form."""

    title: str
    author: str
    isbn: str
    publication_year: int | None

    def as_dict(self) -> dict[str, Any]:
        """The book as the commands print it in JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Book:
    """One row of ``books``."""

    id: UUID
    title: str
    author: str
    isbn: str
    publication_year: int | None
    import_job_id: UUID | None
    created_at: datetime
    updated_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The book as the commands print it in JSON."""
        return {
            "id": str(self.id),
            "title": self.title,
            "author": self.author,
            "isbn": self.isbn,
            "publication_year": self.publication_year,
            "import_job_id": str(self.import_job_id) if self.import_job_id else None,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }


COLUMNS = ("id", "isbn", "import_job_id", "title", "author", "publication_year")
"""In the order in which they are sent; those of the same size in all rows first."""

BEGIN = copying.begin(len(COLUMNS), ID_SIZE)
"""Of a row, before the bytes of its identifier."""


def encode_rows(
    job_id: UUID,
    *,
    isbns: Sequence[str],
    titles: Sequence[str],
    authors: Sequence[str],
    years: Sequence[int | None],
) -> list[tuple[str, bytes]]:
    """New books of a job, given by columns: their ISBNs, in canonical form, and rows behind the identifiers.

    In the order of the ISBNs: that makes the index a third cheaper, and it is the order in which every
    import takes its locks, so that two with the same ISBNs wait for each other instead of deadlocking.
    """
    rows = copying.joined(
        copying.texts(isbns),
        copying.same_uuid(job_id),
        copying.texts(titles),
        copying.texts(authors),
        copying.small_integers(years),
    )
    return [(isbns[place], rows[place]) for place in sorted(range(len(isbns)), key=isbns.__getitem__)]


def add_identifiers(rows: Sequence[tuple[str, bytes]]) -> EncodedRows:
    """Rows of :func:`encode_rows`, complete. Identifiers ascend in the order in which they are stored."""
    complete = copying.joined((repeat(BEGIN), uuid7_block(len(rows))), ([row for _, row in rows],))
    return copying.join((isbn for isbn, _ in rows), complete)


def encode(job_id: UUID, books: Sequence[NewBook]) -> EncodedRows:
    """New books of a job, given one by one. Raises :class:`ValueError` if two have the same ISBN."""
    rows = encode_rows(
        job_id,
        isbns=[book.isbn for book in books],
        titles=[book.title for book in books],
        authors=[book.author for book in books],
        years=[book.publication_year for book in books],
    )
    if any(isbn == following for (isbn, _), (following, _) in pairwise(rows)):
        raise ValueError("Two books have the same ISBN")
    return add_identifiers(rows)


def copy(connection: Connection, books: EncodedRows) -> bool:
    """COPY ``books`` into the catalogue; False, and nothing stored, if it has one of their ISBNs."""
    try:
        with connection.transaction():
            copying.copy(connection, f"books ({', '.join(COLUMNS)})", [books.data])
    except psycopg.errors.UniqueViolation:
        return False
    return True


def existing(connection: Connection, isbns: Sequence[str]) -> set[str]:
    """Those of ``isbns``, in their canonical form, that the catalogue has."""
    # As one text each way, for ISBNs have no characters that would need quotes: a third of the time of lists.
    row = connection.execute(
        "SELECT string_agg(isbn, ',') FROM books WHERE isbn = ANY(%s::text[])", [f"{{{','.join(isbns)}}}"]
    ).fetchone()
    return set(row[0].split(",")) if row and row[0] else set()


def lock_existing(connection: Connection, isbns: Iterable[str]) -> dict[str, NewBook]:
    """The books with these ISBNs that the catalogue has, by ISBN, locked until the transaction ends."""
    with connection.cursor(row_factory=class_row(NewBook)) as cursor:
        found = cursor.execute(
            "SELECT title, author, isbn, publication_year FROM books WHERE isbn = ANY(%s::text[])"
            " ORDER BY isbn FOR UPDATE",
            [sorted(isbns)],
        )
        return {book.isbn: book for book in found}


def update_all(connection: Connection, books: Sequence[NewBook]) -> None:
    """Give the catalogue's books with these ISBNs these titles, authors and years."""
    connection.execute(
        "UPDATE books SET title = new.title, author = new.author, publication_year = new.publication_year,"
        " updated_at = now() FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[])"
        " AS new (title, author, isbn, publication_year) WHERE books.isbn = new.isbn",
        [
            [book.title for book in books],
            [book.author for book in books],
            [book.isbn for book in books],
            [book.publication_year for book in books],
        ],
    )


class DuplicateIsbnError(Exception):
    """Another book has this ISBN."""


def update_one(
    connection: Connection, book_id: UUID, changes: Mapping[BookField, str | int | None]
) -> Book | None:
    """Give a book these values, the ISBN in its canonical form; the book, or None if it is gone.

    Raises :class:`DuplicateIsbnError`, and then nothing is changed.
    """
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in changes.items()]
    statement = sql.SQL("UPDATE books SET {}, updated_at = now() WHERE id = {} RETURNING *")
    try:
        with connection.cursor(row_factory=class_row(Book)) as cursor:
            return cursor.execute(statement.format(sql.SQL(", ").join(assignments), book_id)).fetchone()
    except psycopg.errors.UniqueViolation:
        raise DuplicateIsbnError from None


def delete_one(connection: Connection, book_id: UUID) -> bool:
    """Delete a book; False if it is gone already."""
    return connection.execute("DELETE FROM books WHERE id = %s", [book_id]).rowcount == 1


class Removed(NamedTuple):
    """What became of some of a job's books, in the order of their identifiers."""

    deleted: int
    kept: int
    """They were edited since."""
    last: UUID | None
    """Of the last book that was looked at; None if there are no more."""


def delete_untouched(connection: Connection, job_id: UUID, after: UUID | None, limit: int) -> Removed:
    """Delete those of the next ``limit`` books that a job brought which nobody edited since.

    A job's books have UUIDv7 identifiers younger than its own: so this reads one range of the primary key.
    """
    row = connection.execute(
        "WITH page AS MATERIALIZED ("
        " SELECT id FROM books WHERE id > %(after)s AND import_job_id = %(job)s ORDER BY id LIMIT %(limit)s"
        "), gone AS ("
        " DELETE FROM books USING page WHERE books.id = page.id AND updated_at = created_at RETURNING 1"
        ") SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM page),"
        " (SELECT id FROM page ORDER BY id DESC LIMIT 1)",
        {"after": after or earlier(job_id, CLOCKS_DIFFER), "job": job_id, "limit": limit},
    ).fetchone()
    deleted, looked_at, last = row or (0, 0, None)
    return Removed(deleted, looked_at - deleted, last)


def delete_brought(connection: Connection, job_id: UUID, isbns: Sequence[str]) -> set[str]:
    """Delete those books with these ISBNs that a job brought and nobody edited since; their ISBNs."""
    rows = connection.execute(
        "DELETE FROM books WHERE isbn = ANY(%s::text[]) AND import_job_id = %s AND updated_at = created_at"
        " RETURNING isbn",
        [sorted(isbns), job_id],
    ).fetchall()
    return {row[0] for row in rows}


def search(
    connection: Connection, *, text: str | None = None, isbn: str | None = None, limit: int | None = None
) -> Iterator[Book]:
    """Books from the newest to the oldest, streamed.

    ``text`` is looked for in title and author without regard to case, ``isbn`` (canonical) as a whole;
    with both, either will do.
    """
    pattern = like(text) if text else None
    conditions = []
    if pattern is not None:
        conditions.append("title ILIKE %(pattern)s OR author ILIKE %(pattern)s")
    if isbn is not None:
        conditions.append("isbn = %(isbn)s")
    where = f"WHERE {' OR '.join(conditions)}" if conditions else ""
    with connection.transaction(), connection.cursor("books", row_factory=class_row(Book)) as cursor:
        cursor.execute(
            f"SELECT * FROM books {where} ORDER BY id DESC LIMIT %(limit)s",  # noqa: S608
            {"pattern": pattern, "isbn": isbn, "limit": limit},
        )
        yield from cursor


def count(connection: Connection) -> int:
    """How many books the catalogue has."""
    row = connection.execute("SELECT count(*) FROM books").fetchone()
    return int(row[0]) if row else 0
