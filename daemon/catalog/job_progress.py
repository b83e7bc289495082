"""How far a job has come: what is written chunk by chunk, and when rows in error are repaired."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from daemon.catalog import notices
from daemon.catalog.database import Connection
from daemon.catalog.job import Counts

_ADD_CODES = """error_codes = CASE WHEN %(codes)s = '{}'::jsonb THEN error_codes ELSE (
    SELECT coalesce(jsonb_object_agg(code, rows), '{}') FROM (
        SELECT key AS code, sum(value::bigint) AS rows
        FROM (
            SELECT * FROM jsonb_each_text(error_codes) UNION ALL SELECT * FROM jsonb_each_text(%(codes)s)
        ) AS added
        GROUP BY key HAVING sum(value::bigint) > 0
    ) AS summed
) END"""


def describe(connection: Connection, job_id: UUID, read_as: dict[str, Any]) -> None:
    """Record how the file was understood."""
    with connection.transaction():
        connection.execute("UPDATE import_jobs SET read_as = %s WHERE id = %s", [Jsonb(read_as), job_id])
        notices.send(connection, job_id)


def aim(connection: Connection, job_id: UUID, target_job_id: UUID) -> None:
    """Record which job's rows the job's file brings back corrected."""
    connection.execute("UPDATE import_jobs SET target_job_id = %s WHERE id = %s", [target_job_id, job_id])


def expect(connection: Connection, job_id: UUID, rows: int) -> None:
    """Record how many rows there are to do."""
    with connection.transaction():
        connection.execute("UPDATE import_jobs SET total_rows = %s WHERE id = %s", [rows, job_id])
        notices.send(connection, job_id)


def hold(connection: Connection, job_id: UUID) -> bool:
    """Keep the job from being deleted until the transaction ends; False if it is deleted already."""
    found = connection.execute("SELECT FROM import_jobs WHERE id = %s FOR KEY SHARE", [job_id])
    return found.rowcount == 1


def checkpoint(
    connection: Connection,
    job_id: UUID,
    counts: Counts,
    bytes_read: int = 0,
    codes: Mapping[str, int] = MappingProxyType({}),
    *,
    position: dict[str, Any] | None = None,
    done: int | None = None,
) -> bool:
    """Add a chunk's ``counts``, and the ``codes`` of its errors; in the transaction that stores the chunk.

    False if the job is not PROCESSING any more (cancelled, deleted), or its checkpoint does not count just
    the ``done`` rows before the chunk: then this must be rolled back.
    """
    updated = connection.execute(
        "UPDATE import_jobs SET processed_rows = processed_rows + %(processed)s,"  # noqa: S608
        " success_count = success_count + %(success)s, error_count = error_count + %(error)s,"
        " open_error_count = open_error_count + %(error)s,"
        " skipped_count = skipped_count + %(skipped)s, bytes_read = %(bytes_read)s,"
        f" position = %(position)s, {_ADD_CODES} WHERE id = %(job)s AND status = 'PROCESSING'"
        " AND processed_rows = coalesce(%(done)s, processed_rows)",
        {
            "processed": counts.processed,
            "success": counts.success,
            "error": counts.error,
            "skipped": counts.skipped,
            "bytes_read": bytes_read,
            "position": Jsonb(position) if position else None,
            "codes": Jsonb(dict(codes)),
            "job": job_id,
            "done": done,
        },
    )
    notices.send(connection, job_id)
    return updated.rowcount == 1


def resolve(connection: Connection, job_id: UUID, *, resolved: int, codes: Mapping[str, int]) -> None:
    """Count so many open errors less; in the transaction that resolves them. Negative: they are open again.

    ``codes`` are added to those of the open errors; what is gone is negative.
    """
    connection.execute(
        "UPDATE import_jobs SET open_error_count = open_error_count - %(resolved)s,"  # noqa: S608
        f" {_ADD_CODES} WHERE id = %(job)s",
        {"resolved": resolved, "codes": Jsonb(dict(codes)), "job": job_id},
    )
    notices.send(connection, job_id)


def reset(connection: Connection, job_id: UUID) -> None:
    """Forget a job's checkpoint and how its file was read; with what it brought, in one transaction."""
    connection.execute(
        "UPDATE import_jobs SET processed_rows = 0, success_count = 0, error_count = 0, skipped_count = 0,"
        " open_error_count = 0, bytes_read = 0, total_rows = NULL, read_as = NULL, started_at = NULL,"
        " error_codes = '{}' WHERE id = %s",
        [job_id],
    )
