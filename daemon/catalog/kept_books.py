"""Books that the undo of a job left as they are, for somebody edited them since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from daemon.catalog.books import CLOCKS_DIFFER, Book
from daemon.catalog.database import Connection
from daemon.catalog.ids import earlier

IDS = (
    "SELECT id FROM books WHERE id > %(undone_from)s AND import_job_id = %(undone)s"
    " UNION SELECT book_id FROM book_changes WHERE import_job_id = %(undone)s AND is_kept"
    " UNION SELECT books.id FROM row_repairs JOIN books USING (isbn)"
    " WHERE repair_job_id = %(undone)s AND undone_at IS NULL AND is_kept"
)
"""Their ids in SQL, for :func:`parameters`."""


def parameters(job_id: UUID) -> dict[str, Any]:
    """Values for it; ``job_id`` is that of the job that was undone."""
    return {"undone_from": earlier(job_id, CLOCKS_DIFFER), "undone": job_id}


def stream(connection: Connection, job_id: UUID) -> Iterator[Book]:
    """Those that the job brought, changed or brought by repairs, in the order of their ISBNs."""
    with connection.transaction(), connection.cursor("kept_books", row_factory=class_row(Book)) as cursor:
        cursor.execute(f"SELECT * FROM books WHERE id IN ({IDS}) ORDER BY isbn", parameters(job_id))  # noqa: S608
        yield from cursor
