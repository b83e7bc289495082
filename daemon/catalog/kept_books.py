"""Books that the undo of a job left as they are, for somebody edited them since."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from psycopg.rows import class_row

from daemon.catalog.books import CLOCKS_DIFFER, Book
from daemon.catalog.database import Connection
from daemon.catalog.ids import earlier


def stream(connection: Connection, job_id: UUID) -> Iterator[Book]:
    """Those that the job brought, changed or brought by repairs, in the order of their ISBNs."""
    with connection.transaction(), connection.cursor("kept_books", row_factory=class_row(Book)) as cursor:
        cursor.execute(
            "SELECT * FROM books WHERE id IN ("
            " SELECT id FROM books WHERE id > %(after)s AND import_job_id = %(job)s"
            " UNION SELECT book_id FROM book_changes WHERE import_job_id = %(job)s AND is_kept"
            " UNION SELECT books.id FROM row_repairs JOIN books USING (isbn)"
            " WHERE repair_job_id = %(job)s AND undone_at IS NULL AND is_kept"
            ") ORDER BY isbn",
            {"after": earlier(job_id, CLOCKS_DIFFER), "job": job_id},
        )
        yield from cursor
