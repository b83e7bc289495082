"""``import_jobs`` filtered, counted, and page by page in several orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from enum import StrEnum
from typing import Any

from psycopg.rows import class_row

from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.catalog.keyset import Anchors, Sort, Step
from daemon.catalog.text_search import like


class JobOrder(StrEnum):
    """In which order jobs are listed; the value is its words for people."""

    NEWEST = "newest first"
    OLDEST = "oldest first"
    NAME = "by name"
    ROWS = "most rows first"
    REJECTED = "most rejected first"
    DURATION = "longest first"


_NOT_OVER = timedelta(days=-1)
"""Stands for how long a job took that did not begin or is not over: those come last."""


def _duration(job: Job) -> timedelta:
    if job.started_at is None or job.finished_at is None:
        return _NOT_OVER
    # In UTC: between times of one zone Python counts the hands of the clock.
    return job.finished_at.astimezone(UTC) - job.started_at.astimezone(UTC)


_SORTS: dict[JobOrder, Sort[Job]] = {
    JobOrder.NEWEST: Sort("import_jobs.id", descending=True),
    JobOrder.OLDEST: Sort("import_jobs.id"),
    JobOrder.NAME: Sort(
        "import_jobs.id", "lower(filename)", "lower(%(key)s::text)", lambda job: job.filename
    ),
    JobOrder.ROWS: Sort(
        "import_jobs.id",
        "coalesce(total_rows, processed_rows)",
        "%(key)s::bigint",
        lambda job: job.rows,
        descending=True,
    ),
    JobOrder.REJECTED: Sort(
        "import_jobs.id",
        "open_error_count",
        "%(key)s::bigint",
        lambda job: job.open_error_count,
        descending=True,
    ),
    JobOrder.DURATION: Sort(
        "import_jobs.id",
        "coalesce(finished_at - started_at, interval '-1 day')",
        "%(key)s::interval",
        _duration,
        descending=True,
    ),
}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which of the jobs."""

    status: JobStatus | None = None
    text: str = ""
    """Those with this in their file's name or the reason of their failure, without regard to case."""

    @property
    def conditions(self) -> str:
        """In SQL, for :attr:`parameters`."""
        found = "true"
        if self.status:
            found += " AND status = %(status)s"
        if self.text:
            found += " AND (filename ILIKE %(text)s OR failure_reason ILIKE %(text)s)"
        return found

    @property
    def parameters(self) -> dict[str, Any]:
        """Values for them."""
        return {"status": self.status, "text": like(self.text)}


class JobPages:
    """One filtered list of jobs in an order."""

    def __init__(self, wanted: JobFilter, order: JobOrder = JobOrder.NEWEST) -> None:
        self.wanted = wanted
        self.order = order
        self._anchors = Anchors[Job]()

    def is_like(self, other: JobPages) -> bool:
        """Whether both list the same jobs in the same order, though perhaps as they were at other times."""
        return (self.wanted, self.order) == (other.wanted, other.order)

    def count(self, connection: Connection) -> int:
        """How many there are."""
        row = connection.execute(
            f"SELECT count(*) FROM import_jobs WHERE {self.wanted.conditions}",  # noqa: S608
            self.wanted.parameters,
        ).fetchone()
        return int(row[0]) if row else 0

    def page(self, connection: Connection, offset: int, limit: int, total: int) -> list[Job]:
        """``limit`` of them from the ``offset``-th on, of ``total``."""
        return self._anchors.page(offset, limit, total, lambda step: self._fetch(connection, step))

    def _fetch(self, connection: Connection, step: Step[Job]) -> list[Job]:
        sort = _SORTS[self.order]
        conditions = self.wanted.conditions
        parameters = self.wanted.parameters | {"offset": step.offset, "limit": step.limit}
        if step.row is not None:
            conditions += f" AND {sort.beyond(backwards=step.backwards)}"
            parameters |= sort.parameters(step.row)
        by = f"ORDER BY {sort.by(backwards=step.backwards)}"
        with connection.cursor(row_factory=class_row(Job)) as cursor:
            # Identifiers first: what is sorted or passed over is small.
            return cursor.execute(
                "SELECT import_jobs.* FROM import_jobs"  # noqa: S608
                f" JOIN (SELECT import_jobs.id FROM import_jobs WHERE {conditions}"
                f" {by} OFFSET %(offset)s LIMIT %(limit)s) AS page USING (id) {by}",
                parameters,
            ).fetchall()


def newest(
    connection: Connection, *, status: JobStatus | None = None, limit: int | None = None
) -> Iterator[Job]:
    """Jobs from the newest to the oldest, streamed."""
    wanted = JobFilter(status)
    with connection.transaction(), connection.cursor("newest_jobs", row_factory=class_row(Job)) as cursor:
        cursor.execute(
            f"SELECT * FROM import_jobs WHERE {wanted.conditions} ORDER BY id DESC LIMIT %(limit)s",  # noqa: S608
            wanted.parameters | {"limit": limit},
        )
        yield from cursor


def count(connection: Connection) -> int:
    """How many jobs there are."""
    return JobPages(JobFilter()).count(connection)


def count_by_status(connection: Connection) -> dict[JobStatus, int]:
    """How many jobs there are in each status that occurs."""
    rows = connection.execute("SELECT status, count(*) FROM import_jobs GROUP BY status").fetchall()
    return {JobStatus(status): count for status, count in rows}
