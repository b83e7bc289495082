"""``book_changes``: what imports and repairs overwrote in books that were there, so that it can come back.

A book's ``updated_at`` tells its states apart: a change can be taken back as long as the book has the one
that the change gave it. Then it gets the one before, and the change before that can be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row, dict_row

from daemon.catalog.database import Connection


@dataclass(frozen=True, slots=True)
class BookChange:
    """One row of ``book_changes``: a book as it was, and until when."""

    id: int
    import_job_id: UUID
    book_id: UUID
    title: str
    author: str
    publication_year: int | None
    updated_at: datetime
    changed_at: datetime
    is_kept: bool


def record(connection: Connection, job_id: UUID, isbns: Sequence[str]) -> None:
    """Remember books that the transaction has locked and is about to change for the job."""
    connection.execute(
        "INSERT INTO book_changes (import_job_id, book_id, title, author, publication_year, updated_at)"
        " SELECT %s, id, title, author, publication_year, updated_at FROM books WHERE isbn = ANY(%s::text[])",
        [job_id, list(isbns)],
    )


def count(connection: Connection, job_id: UUID) -> int:
    """How many changes of a job can still be taken back."""
    row = connection.execute(
        "SELECT count(*) FROM book_changes WHERE import_job_id = %s AND NOT is_kept", [job_id]
    ).fetchone()
    return int(row[0]) if row else 0


def latest(connection: Connection, job_id: UUID, limit: int) -> list[BookChange]:
    """The last changes of a job that no undo has looked at, the last one first."""
    with connection.cursor(row_factory=class_row(BookChange)) as cursor:
        return cursor.execute(
            "SELECT * FROM book_changes WHERE import_job_id = %s AND NOT is_kept ORDER BY id DESC LIMIT %s",
            [job_id, limit],
        ).fetchall()


def of_moments(
    connection: Connection, job_id: UUID, moments: Sequence[datetime], isbns: Sequence[str]
) -> list[tuple[str, BookChange]]:
    """The changes that a job made at these moments to books with these ISBNs; the last first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT isbn, book_changes.* FROM books JOIN book_changes ON books.id = book_changes.book_id"
            " WHERE book_changes.import_job_id = %s AND NOT is_kept AND changed_at = ANY(%s)"
            " AND isbn = ANY(%s::text[]) ORDER BY book_changes.id DESC",
            [job_id, list(moments), list(isbns)],
        )
        return [(row.pop("isbn"), BookChange(**row)) for row in cursor]


def take_back(connection: Connection, changes: Sequence[BookChange]) -> set[int]:
    """Restore books as they were before ``changes``, the last of which comes first; ids of those done.

    The others are of books that were deleted or changed by somebody else since: they are marked as kept.
    """
    states = _lock(connection, [change.book_id for change in changes])
    restored: dict[UUID, BookChange] = {}
    taken, kept = set(), []
    for change in changes:
        if states.get(change.book_id) == change.changed_at:
            states[change.book_id] = change.updated_at
            restored[change.book_id] = change
            taken.add(change.id)
        else:
            kept.append(change.id)
    connection.execute(
        "UPDATE books SET title = old.title, author = old.author, publication_year = old.publication_year,"
        " updated_at = old.updated_at FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[],"
        " %s::timestamptz[]) AS old (id, title, author, publication_year, updated_at)"
        " WHERE books.id = old.id",
        [
            list(restored),
            [change.title for change in restored.values()],
            [change.author for change in restored.values()],
            [change.publication_year for change in restored.values()],
            [change.updated_at for change in restored.values()],
        ],
    )
    connection.execute("DELETE FROM book_changes WHERE id = ANY(%s)", [list(taken)])
    connection.execute("UPDATE book_changes SET is_kept = true WHERE id = ANY(%s)", [kept])
    return taken


def _lock(connection: Connection, book_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When those of the books that are there were changed last, locked until the transaction ends."""
    # In the order in which imports lock them, so that both wait for each other instead of deadlocking.
    rows = connection.execute(
        "SELECT id, updated_at FROM books WHERE id = ANY(%s) ORDER BY isbn FOR UPDATE", [list(book_ids)]
    ).fetchall()
    return dict(rows)
