"""``import_jobs`` from the newest to the oldest, and how many there are."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg.rows import class_row

from daemon.catalog.database import Connection
from daemon.catalog.jobs import Job, JobStatus


def newest(
    connection: Connection, *, status: JobStatus | None = None, limit: int | None = None
) -> Iterator[Job]:
    """Jobs from the newest to the oldest, streamed."""
    where = "WHERE status = %(status)s" if status else ""
    with connection.transaction(), connection.cursor("newest_jobs", row_factory=class_row(Job)) as cursor:
        cursor.execute(
            f"SELECT * FROM import_jobs {where} ORDER BY id DESC LIMIT %(limit)s",  # noqa: S608
            {"status": status, "limit": limit},
        )
        yield from cursor


def page(connection: Connection, *, offset: int, limit: int) -> list[Job]:
    """``limit`` jobs from the newest to the oldest, beginning at the ``offset``-th."""
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            "SELECT * FROM import_jobs ORDER BY id DESC OFFSET %s LIMIT %s", [offset, limit]
        ).fetchall()


def count(connection: Connection) -> int:
    """How many jobs there are."""
    row = connection.execute("SELECT count(*) FROM import_jobs").fetchone()
    return int(row[0]) if row else 0


def count_by_status(connection: Connection) -> dict[JobStatus, int]:
    """How many jobs there are in each status that occurs."""
    rows = connection.execute("SELECT status, count(*) FROM import_jobs GROUP BY status").fetchall()
    return {JobStatus(status): count for status, count in rows}
