"""``import_jobs`` by the files that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from daemon.catalog.database import Connection
from daemon.catalog.job import Job


def with_content(connection: Connection, sha256: str) -> Job | None:
    """The oldest job of a file with this content that is done, or on its way; None if there is none.

    If one is being undone, the job that does so.

    To be called in the transaction that may create another one: until it ends, nobody else gets an answer.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [sha256])
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            "SELECT * FROM import_jobs WHERE id = coalesce("
            " (SELECT undoing.id FROM import_jobs AS undoing JOIN import_jobs AS target"
            " ON target.id = undoing.target_job_id WHERE target.file_sha256 = %s AND undoing.kind = 'undo'"
            " AND undoing.status IN ('PENDING', 'PROCESSING') ORDER BY undoing.id LIMIT 1),"
            " (SELECT id FROM import_jobs WHERE file_sha256 = %s AND undone_at IS NULL"
            " AND status IN ('SUCCESS', 'PENDING', 'PROCESSING') ORDER BY id LIMIT 1))",
            [sha256, sha256],
        ).fetchone()


def of_inbox(connection: Connection, job_ids: Sequence[UUID]) -> list[Job]:
    """Those of the jobs that are finished and whose files came from the inbox."""
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            "SELECT * FROM import_jobs WHERE id = ANY(%s) AND inbox IS NOT NULL"
            " AND status NOT IN ('PENDING', 'PROCESSING') ORDER BY id",
            [list(job_ids)],
        ).fetchall()
