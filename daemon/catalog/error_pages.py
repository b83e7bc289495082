"""The row errors of a job, filtered, counted and page by page."""

from __future__ import annotations

from uuid import UUID

from psycopg.rows import class_row

from daemon.catalog.database import Connection
from daemon.catalog.error_filter import OPEN, ErrorFilter
from daemon.catalog.keyset import Anchors, Step
from daemon.catalog.row_errors import RowError


def count(connection: Connection, job_id: UUID, wanted: ErrorFilter = OPEN) -> int:
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
    with connection.cursor(row_factory=class_row(RowError), binary=True) as cursor:
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
