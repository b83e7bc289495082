"""``import_jobs``: one row per import, its progress, its checkpoint and its lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from daemon.catalog import notices
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7
from daemon.catalog.storable import storable

SHORTEST_PREFIX = 4
"""Fewer characters of an id name a job by accident rather than on purpose."""

Source = Literal["cli", "dashboard", "watch"]


class JobStatus(StrEnum):
    """Where an import stands."""

    PENDING = "PENDING"
    """Waits for a worker, for the first time or after an interruption."""
    PROCESSING = "PROCESSING"
    """A worker has it, or had it and died."""
    SUCCESS = "SUCCESS"
    """Every row is a book, a row error or skipped."""
    FAILURE = "FAILURE"
    """Stopped for the reason in ``failure_reason``."""
    CANCELLED = "CANCELLED"
    """Stopped by its user."""

    @property
    def is_final(self) -> bool:
        """Whether nothing will happen any more by itself."""
        return self not in (JobStatus.PENDING, JobStatus.PROCESSING)


class NoSuchJobError(Exception):
    """No job, or more than one, goes by the given id."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by outcome, of a chunk or of a whole job."""

    success: int = 0
    error: int = 0
    skipped: int = 0

    @property
    def processed(self) -> int:
        """All of them."""
        return self.success + self.error + self.skipped

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.success + other.success, self.error + other.error, self.skipped + other.skipped)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of ``import_jobs``. Counts are rows, sizes are bytes."""

    id: UUID
    filename: str
    status: JobStatus
    source: Source
    file_sha256: str | None = None
    file_size: int | None = None
    spool_path: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    read_as: dict[str, Any] | None = None
    """How the importer understood the file: its dialect, and its header."""
    total_rows: int | None = None
    """Data rows of the file; known when it was read to its end."""
    processed_rows: int = 0
    success_count: int = 0
    error_count: int = 0
    skipped_count: int = 0
    bytes_read: int = 0
    task_id: str | None = None
    failure_reason: str | None = None
    submitted_by: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    undone_at: datetime | None = None
    error_codes: dict[str, int] = field(default_factory=dict)
    """How many rows in error have each code; a row may have several."""
    inbox: dict[str, Any] | None = None
    """Where in the inbox its file came from, if it did: ``path``, percent-encoded and relative to the inbox,
    and ``kept``, whether the file is still there."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", JobStatus(self.status))

    @property
    def rows(self) -> int:
        """The rows of the file, as far as they are known."""
        return self.processed_rows if self.total_rows is None else self.total_rows

    @property
    def share(self) -> float:
        """How much of the file's bytes is done, 0.0 to 1.0."""
        return min(self.bytes_read / self.file_size, 1.0) if self.file_size else 0.0

    @property
    def progress_percent(self) -> float:
        """0.0 to 100.0; 100.0 only for a job that has done every row."""
        return 100.0 if self.status is JobStatus.SUCCESS else min(round(100 * self.share, 1), 99.9)

    @property
    def rows_to_go(self) -> int | None:
        """About how many rows are left, as far as the bytes of the file tell; None when they do not."""
        if self.status is not JobStatus.PROCESSING or not self.share:
            return None
        return round(self.processed_rows * (1 / self.share - 1))

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        if self.started_at is None:
            return 0.0
        end = self.finished_at or datetime.now(UTC)
        return max((end - self.started_at).total_seconds(), 0.0)

    @property
    def rows_per_second(self) -> float | None:
        """Average speed since the start; None before the first checkpoint."""
        if not self.processed_rows or not self.seconds:
            return None
        return round(self.processed_rows / self.seconds, 1)

    @property
    def eta_seconds(self) -> float | None:
        """Time that the remaining rows take at that speed; None when it cannot be told."""
        if self.rows_to_go is None or not self.rows_per_second:
            return None
        return round(self.rows_to_go / self.rows_per_second, 1)

    def status_object(self, errors_preview: list[dict[str, Any]]) -> dict[str, Any]:
        """The job as the commands print it in JSON."""
        return {
            "id": str(self.id),
            "filename": self.filename,
            "status": self.status.value,
            "total_rows": self.total_rows,
            "processed_rows": self.processed_rows,
            "success_count": self.success_count,
            "error_count": self.error_count,
            "skipped_count": self.skipped_count,
            "progress_percent": self.progress_percent,
            "rows_per_second": self.rows_per_second,
            "eta_seconds": self.eta_seconds,
            "errors_preview": errors_preview,
            "failure_reason": self.failure_reason,
            "source": self.source,
            "file_sha256": self.file_sha256,
            "task_id": self.task_id,
            "created_at": _iso(self.created_at),
            "started_at": _iso(self.started_at),
            "finished_at": _iso(self.finished_at),
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def create(
    connection: Connection,
    *,
    job_id: UUID | None = None,
    filename: str,
    source: Source,
    file_sha256: str | None,
    file_size: int | None,
    spool_path: str | None,
    options: dict[str, Any],
    task_id: str | None = None,
    submitted_by: str | None = None,
    inbox: dict[str, Any] | None = None,
) -> Job:
    """Add a PENDING job and return it."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Job)) as cursor:
        cursor.execute(
            "INSERT INTO import_jobs (id, filename, source, file_sha256, file_size, spool_path, options,"
            " task_id, submitted_by, inbox) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING *",
            [
                job_id or uuid7(),
                storable(filename),
                source,
                file_sha256,
                file_size,
                spool_path,
                Jsonb(options),
                task_id,
                submitted_by,
                Jsonb(inbox) if inbox else None,
            ],
        )
        job = cursor.fetchone()
        if job is None:
            raise RuntimeError("INSERT ... RETURNING returned no row")
        notices.send(connection, job.id)
    return job


def get(connection: Connection, job_id: UUID) -> Job:
    """The job with this id. Raises :class:`NoSuchJobError`."""
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        job = cursor.execute("SELECT * FROM import_jobs WHERE id = %s", [job_id]).fetchone()
    if job is None:
        raise NoSuchJobError(f"There is no job {job_id}")
    return job


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


def start(connection: Connection, job_id: UUID) -> Job | None:
    """Mark the job PROCESSING and return it with its checkpoint; None if it is finished or gone."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Job)) as cursor:
        job = cursor.execute(
            "UPDATE import_jobs SET status = 'PROCESSING', started_at = coalesce(started_at, now()),"
            " failure_reason = NULL WHERE id = %s AND status IN ('PENDING', 'PROCESSING') RETURNING *",
            [job_id],
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
            "UPDATE import_jobs SET status = 'PENDING', failure_reason = NULL, finished_at = NULL"
            " WHERE id = %s AND status IN ('FAILURE', 'CANCELLED')",
            [job_id],
        )
        notices.send(connection, job_id)
    return updated.rowcount == 1


_FINISHED_BEFORE = "status NOT IN ('PENDING', 'PROCESSING') AND finished_at < now() - %s"


def delete_finished(
    connection: Connection, older_than: timedelta, limit: int, *, but: Sequence[UUID] = ()
) -> list[UUID]:
    """Delete at most ``limit`` jobs that were finished longer ago, with their row errors; their ids.

    Those of ``but`` are left.
    """
    rows = connection.execute(
        "DELETE FROM import_jobs WHERE id IN"  # noqa: S608
        f" (SELECT id FROM import_jobs WHERE {_FINISHED_BEFORE} AND id <> ALL(%s) LIMIT %s) RETURNING id",
        [older_than, list(but), limit],
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


def put_back(connection: Connection, job_id: UUID, reason: str | None = None) -> None:
    """Return an interrupted job to PENDING; its checkpoint stays. ``reason`` is shown meanwhile."""
    with connection.transaction():
        connection.execute(
            "UPDATE import_jobs SET status = 'PENDING', failure_reason = %s"
            " WHERE id = %s AND status = 'PROCESSING'",
            [storable(reason) if reason else None, job_id],
        )
        notices.send(connection, job_id)
