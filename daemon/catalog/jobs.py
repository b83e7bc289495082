"""``import_jobs``: one row per job, from its creation to its end."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from daemon.catalog import notices
from daemon.catalog.database import Connection, is_out_of_reach
from daemon.catalog.ids import uuid7
from daemon.catalog.job import Job, JobStatus, Kind, Source
from daemon.catalog.storable import storable

SHORTEST_PREFIX = 4
"""Fewer characters of an id name a job by accident rather than on purpose."""


class NoSuchJobError(Exception):
    """No job, or more than one, goes by the given id."""


def create(
    connection: Connection,
    *,
    job_id: UUID | None = None,
    filename: str,
    source: Source,
    options: dict[str, Any],
    kind: Kind = "import",
    target_job_id: UUID | None = None,
    file_sha256: str | None = None,
    file_size: int | None = None,
    spool_path: str | None = None,
    task_id: str | None = None,
    submitted_by: str | None = None,
    inbox: dict[str, Any] | None = None,
) -> Job:
    """Add a PENDING job and return it. Raises :class:`NoSuchJobError` if that which it is about has gone."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Job)) as cursor:
        try:
            cursor.execute(
                "INSERT INTO import_jobs (id, filename, source, kind, target_job_id, file_sha256, file_size,"
                " spool_path, options, task_id, submitted_by, inbox)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING *",
                [
                    job_id or uuid7(),
                    storable(filename),
                    source,
                    kind,
                    target_job_id,
                    file_sha256,
                    file_size,
                    spool_path,
                    Jsonb(options),
                    task_id,
                    submitted_by,
                    Jsonb(inbox) if inbox else None,
                ],
            )
        except errors.ForeignKeyViolation:
            raise NoSuchJobError(f"The job {target_job_id} was cleaned up at this moment") from None
        job = cursor.fetchone()
        if job is None:
            raise RuntimeError("INSERT ... RETURNING returned no row")
        notices.send(connection, job.id)
    return job


def get(connection: Connection, job_id: UUID) -> Job:
    """The job with this id. Raises :class:`NoSuchJobError`."""
    job = get_if_there(connection, job_id)
    if job is None:
        raise NoSuchJobError(f"There is no job {job_id}")
    return job


def get_if_there(connection: Connection, job_id: UUID | None) -> Job | None:
    """The job with this id; None if it is deleted, or if there is no id."""
    if job_id is None:
        return None
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute("SELECT * FROM import_jobs WHERE id = %s", [job_id]).fetchone()


def find(connection: Connection, text: str) -> Job:
    """The job whose id is, or unambiguously starts with, ``text``. Raises :class:`NoSuchJobError`."""
    digits = text.strip().lower().replace("-", "")
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        raise NoSuchJobError(f"{text} is not a job id; `bibliflow jobs` lists them")
    if len(digits) < SHORTEST_PREFIX:
        raise NoSuchJobError(f"{text} is too short for a job id; give {SHORTEST_PREFIX} characters or more")
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        found = cursor.execute(
            "SELECT * FROM import_jobs WHERE id BETWEEN %s AND %s ORDER BY id LIMIT 2",
            [UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))],
        ).fetchall()
    if not found:
        raise NoSuchJobError(f"There is no job {text}; `bibliflow jobs` lists them")
    if len(found) > 1:
        raise NoSuchJobError(f"More than one job starts with {text}; give more of its id")
    return found[0]


def unfinished(connection: Connection) -> list[UUID]:
    """Ids of the PENDING and PROCESSING jobs, oldest first."""
    rows = connection.execute(
        "SELECT id FROM import_jobs WHERE status IN ('PENDING', 'PROCESSING') ORDER BY id"
    ).fetchall()
    return [row[0] for row in rows]


def unfinished_about(connection: Connection, target_job_id: UUID, kind: Kind) -> bool:
    """Whether a job of this kind that is about another one waits or is at work."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM import_jobs WHERE target_job_id = %s AND kind = %s"
        " AND status IN ('PENDING', 'PROCESSING'))",
        [target_job_id, kind],
    ).fetchone()
    return bool(row and row[0])


def start(connection: Connection, job_id: UUID, worker: str | None = None) -> Job | None:
    """Mark the job PROCESSING by ``worker``; the job with its checkpoint, None if it is finished or gone."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Job)) as cursor:
        job = cursor.execute(
            "UPDATE import_jobs SET status = 'PROCESSING', started_at = coalesce(started_at, now()),"
            " worker = %s, failure_reason = NULL"
            " WHERE id = %s AND status IN ('PENDING', 'PROCESSING') RETURNING *",
            [worker, job_id],
        ).fetchone()
        notices.send(connection, job_id)
    return job


def succeed(connection: Connection, job_id: UUID, total_rows: int) -> bool:
    """Mark the job SUCCESS, its file having this many rows; False if it is not PROCESSING any more.

    The table refuses it for a job whose checkpoint counts other than ``total_rows``.
    """
    return _finish(connection, job_id, JobStatus.SUCCESS, None, total_rows)


def fail(connection: Connection, job_id: UUID, reason: str) -> bool:
    """Mark the job FAILURE for ``reason``; False if it was finished already."""
    return _finish(connection, job_id, JobStatus.FAILURE, reason)


def _finish(
    connection: Connection,
    job_id: UUID,
    status: JobStatus,
    reason: str | None,
    total_rows: int | None = None,
) -> bool:
    with connection.transaction():
        # On the server's disk when this returns, and with it all that was committed before.
        connection.execute("SET LOCAL synchronous_commit TO DEFAULT")
        updated = connection.execute(
            "UPDATE import_jobs SET status = %s, failure_reason = %s, finished_at = now(),"
            " total_rows = coalesce(%s, total_rows)"
            " WHERE id = %s AND status IN ('PENDING', 'PROCESSING')",
            [status, storable(reason) if reason else None, total_rows, job_id],
        )
        notices.send(connection, job_id)
    return updated.rowcount == 1


def cancel(connection: Connection, job_id: UUID) -> bool:
    """Mark an unfinished job CANCELLED; its worker stops at the next chunk. False if it is finished."""
    return _finish(connection, job_id, JobStatus.CANCELLED, None)


def retry(connection: Connection, job_id: UUID) -> bool:
    """Make a failed or cancelled job PENDING again, to go on from its checkpoint; False if it is neither."""
    with connection.transaction():
        updated = connection.execute(
            "UPDATE import_jobs SET status = 'PENDING', failure_reason = NULL, finished_at = NULL,"
            " undone_at = NULL"
            " WHERE id = %s AND status IN ('FAILURE', 'CANCELLED')",
            [job_id],
        )
        notices.send(connection, job_id)
    return updated.rowcount == 1


_FINISHED_BEFORE = "status NOT IN ('PENDING', 'PROCESSING') AND finished_at < now() - %s"


def lock_finished(
    connection: Connection, older_than: timedelta, limit: int, *, but: Collection[UUID] = ()
) -> list[UUID]:
    """At most ``limit`` jobs that were finished longer ago, and are none of ``but``.

    Until the transaction ends nobody lets them go on, or makes another job that is about them; those to which
    somebody does so at this moment are not among them.
    """
    rows = connection.execute(
        f"SELECT id FROM import_jobs WHERE {_FINISHED_BEFORE} AND id <> ALL(%s)"  # noqa: S608
        " LIMIT %s FOR UPDATE SKIP LOCKED",
        [older_than, list(but), limit],
    ).fetchall()
    return [row[0] for row in rows]


def delete_unneeded(connection: Connection, job_ids: Collection[UUID]) -> list[UUID]:
    """Delete those of the jobs, with their row errors, that no unfinished one is about; their ids.

    An undo of a repair needs the import whose rows were repaired, too; corrections, that which they are to
    correct. The caller has locked them
    (:func:`lock_finished`): what was begun before that is seen here.
    """
    rows = connection.execute(
        "WITH RECURSIVE needed AS ("
        " SELECT coalesce(target_job_id, (options ->> 'corrects')::uuid) AS id FROM import_jobs"
        " WHERE status IN ('PENDING', 'PROCESSING')"
        " UNION SELECT target_job_id FROM import_jobs JOIN needed USING (id)"
        " WHERE target_job_id IS NOT NULL)"
        " DELETE FROM import_jobs WHERE id = ANY(%s)"
        " AND NOT EXISTS (SELECT FROM needed WHERE needed.id = import_jobs.id) RETURNING id",
        [list(job_ids)],
    ).fetchall()
    return [row[0] for row in rows]


def count_finished(connection: Connection, older_than: timedelta) -> int:
    """How many jobs were finished longer ago."""
    row = connection.execute(
        f"SELECT count(*) FROM import_jobs WHERE {_FINISHED_BEFORE}",  # noqa: S608
        [older_than],
    ).fetchone()
    return int(row[0]) if row else 0


def status(connection: Connection, job_id: UUID) -> JobStatus | None:
    """How the job stands; None if it is gone."""
    row = connection.execute("SELECT status FROM import_jobs WHERE id = %s", [job_id]).fetchone()
    return JobStatus(row[0]) if row else None


def may_exist(connection: Connection, job_id: UUID) -> bool:
    """Whether there is such a job; also if nobody can tell, as the connection is lost."""
    try:
        return status(connection, job_id) is not None
    except Exception as error:
        if not is_out_of_reach(error):
            raise
        return True


def mark_undone(connection: Connection, job_id: UUID) -> None:
    """Record that what the job brought was taken back."""
    with connection.transaction():
        connection.execute("UPDATE import_jobs SET undone_at = now() WHERE id = %s", [job_id])
        notices.send(connection, job_id)


def put_back(connection: Connection, job_id: UUID, reason: str | None = None) -> None:
    """Return an interrupted job to PENDING; its checkpoint stays. ``reason`` is shown meanwhile."""
    with connection.transaction():
        connection.execute(
            "UPDATE import_jobs SET status = 'PENDING', failure_reason = %s"
            " WHERE id = %s AND status = 'PROCESSING'",
            [storable(reason) if reason else None, job_id],
        )
        notices.send(connection, job_id)
