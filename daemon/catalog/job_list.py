"""``import_jobs`` from the newest to the oldest, filtered, counted and page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.catalog.keyset import Anchors, Step
from daemon.catalog.text_search import like


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
    """One filtered list of jobs."""

    def __init__(self, wanted: JobFilter) -> None:
        self.wanted = wanted
        self._anchors = Anchors[Job]()

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
        order, compare = ("ASC", ">") if step.backwards else ("DESC", "<")
        conditions = self.wanted.conditions
        parameters = self.wanted.parameters | {"offset": step.offset, "limit": step.limit}
        if step.row is not None:
            conditions += f" AND id {compare} %(id)s"
            parameters |= {"id": step.row.id}
        with connection.cursor(row_factory=class_row(Job)) as cursor:
            return cursor.execute(
                f"SELECT * FROM import_jobs WHERE {conditions}"  # noqa: S608
                f" ORDER BY id {order} OFFSET %(offset)s LIMIT %(limit)s",
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
