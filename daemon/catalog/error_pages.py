"""The row errors of a job, filtered, counted and page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from daemon.catalog.database import Connection
from daemon.catalog.keyset import Anchors, Step
from daemon.catalog.row_errors import RowError
from daemon.catalog.text_search import like


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Which of the errors."""

    code: str | None = None
    """Those with this code among their problems."""
    text: str = ""
    """Those with this in message or record, without regard to case."""
    ids: tuple[UUID, ...] = ()
    """Those with these ids; none means all."""
    is_suggested: bool = False
    """Those every problem of which has a suggestion."""
    with_resolved: bool = False
    """Also those whose rows were brought in since."""

    @property
    def conditions(self) -> str:
        """In SQL, for :meth:`parameters`."""
        found = "import_job_id = %(job)s"
        if not self.with_resolved:
            found += " AND resolved_at IS NULL"
        if self.code:
            found += " AND problems @> %(code)s"
        if self.text:
            found += " AND (error_message ILIKE %(text)s OR raw_data ILIKE %(text)s)"
        if self.ids:
            found += " AND id = ANY(%(ids)s)"
        if self.is_suggested:
            found += " AND NOT jsonb_path_exists(problems, '$[*] ? (@.suggestion == null)')"
        return found

    def parameters(self, job_id: UUID) -> dict[str, Any]:
        """Values for them."""
        return {
            "job": job_id,
            "code": Jsonb([{"code": self.code}]),
            "text": like(self.text),
            "ids": list(self.ids),
        }


def count(connection: Connection, job_id: UUID, wanted: ErrorFilter) -> int:
    """How many of a job's errors are wanted."""
    row = connection.execute(
        f"SELECT count(*) FROM import_row_errors WHERE {wanted.conditions}",  # noqa: S608
        wanted.parameters(job_id),
    ).fetchone()
    return int(row[0]) if row else 0


def following(
    connection: Connection, job_id: UUID, wanted: ErrorFilter, after: tuple[int, UUID], limit: int
) -> list[RowError]:
    """The next ``limit`` of a job's errors that are wanted, behind a row number and id."""
    with connection.cursor(row_factory=class_row(RowError)) as cursor:
        return cursor.execute(
            f"SELECT * FROM import_row_errors WHERE {wanted.conditions}"  # noqa: S608
            " AND (row_number, id) > (%(row)s, %(after)s) ORDER BY row_number, id LIMIT %(limit)s",
            wanted.parameters(job_id) | {"row": after[0], "after": after[1], "limit": limit},
        ).fetchall()


def has_suggestions(connection: Connection, job_id: UUID) -> bool:
    """Whether a job has an open error every problem of which has a suggestion."""
    return bool(following(connection, job_id, ErrorFilter(is_suggested=True), (-1, UUID(int=0)), 1))


class ErrorPages:
    """One filtered list of errors. Its order is that of the file."""

    def __init__(self, job_id: UUID, wanted: ErrorFilter) -> None:
        self.job_id = job_id
        self.wanted = wanted
        self._anchors = Anchors[RowError]()

    def count(self, connection: Connection) -> int:
        """How many there are."""
        return count(connection, self.job_id, self.wanted)

    def page(self, connection: Connection, offset: int, limit: int, total: int) -> list[RowError]:
        """``limit`` of them from the ``offset``-th on, of ``total``."""
        return self._anchors.page(offset, limit, total, lambda step: self._fetch(connection, step))

    def _fetch(self, connection: Connection, step: Step[RowError]) -> list[RowError]:
        order, compare = ("DESC", "<") if step.backwards else ("ASC", ">")
        parameters = self.wanted.parameters(self.job_id) | {"offset": step.offset, "limit": step.limit}
        conditions = self.wanted.conditions
        if step.row is not None:
            conditions += f" AND (row_number, id) {compare} (%(row)s, %(id)s)"
            parameters |= {"row": step.row.row_number, "id": step.row.id}
        with connection.transaction(), connection.cursor(row_factory=class_row(RowError)) as cursor:
            # A server that does not know yet how many errors a job has just got would sort all of them.
            cursor.execute("SET LOCAL enable_sort = off")
            return cursor.execute(
                f"SELECT * FROM import_row_errors WHERE {conditions}"  # noqa: S608
                f" ORDER BY row_number {order}, id {order} OFFSET %(offset)s LIMIT %(limit)s",
                parameters,
            ).fetchall()
