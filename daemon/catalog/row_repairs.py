"""``row_repairs``: which rejected rows were brought in after all, by whom and how."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from daemon.catalog import copying
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7_block
from daemon.catalog.storable import storable
from daemon.values import BookField

Outcome = Literal["added", "changed", "skipped"]
"""What became of a row: a new book, other values for one that was there, or nothing, by the job's policy."""

Changes = Mapping[BookField, tuple[str, str]]
"""By field, what the file has and what was put in its place."""


class NewRepair(NamedTuple):
    """A repair that is about to be recorded."""

    row_error_id: UUID
    changes: Changes
    isbn: str
    """Of the book, in its canonical form."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RowRepair:
    """One row of ``row_repairs``."""

    id: UUID
    import_job_id: UUID
    """The job that the row is of."""
    row_error_id: UUID
    repair_job_id: UUID | None
    """The job that did it, among many others or from a file; None if it was done by hand."""
    changes: dict[BookField, tuple[str, str]]
    isbn: str
    outcome: Outcome
    repaired_by: str | None
    repaired_at: datetime
    undone_at: datetime | None
    is_kept: bool
    """An undo came upon it, and the book was edited since."""

    def as_dict(self) -> dict[str, Any]:
        """The repair as the commands print it in JSON."""
        return {
            "changes": self.changes,
            "isbn": self.isbn,
            "outcome": self.outcome,
            "repaired_by": self.repaired_by,
            "repaired_at": self.repaired_at.isoformat(),
            "repair_job_id": str(self.repair_job_id) if self.repair_job_id else None,
            "undone_at": self.undone_at.isoformat() if self.undone_at else None,
        }


def record(
    connection: Connection,
    job_id: UUID,
    repairs: Sequence[NewRepair],
    *,
    repair_job_id: UUID | None,
    repaired_by: str | None,
) -> None:
    """Record repairs of rows of a job, whose row the transaction has locked, when it makes them."""
    count = len(repairs)
    with copying.unchecked_keys(connection):
        copying.copy(
            connection,
            "row_repairs (id, import_job_id, row_error_id, repair_job_id, repaired_by, changes, isbn,"
            " outcome)",
            copying.rows(
                copying.uuids(uuid7_block(count)),
                copying.same_uuid(job_id),
                copying.uuids(repair.row_error_id.bytes for repair in repairs),
                copying.same_uuid(repair_job_id),
                copying.same_text(storable(repaired_by) if repaired_by else None),
                copying.texts([_json(repair.changes) for repair in repairs], prefix=copying.JSONB),
                copying.texts([repair.isbn for repair in repairs]),
                copying.texts([repair.outcome for repair in repairs]),
            ),
        )


def _json(changes: Changes) -> str:
    return json.dumps({field: [storable(old), storable(new)] for field, (old, new) in changes.items()})


def of_error(connection: Connection, row_error_id: UUID) -> list[RowRepair]:
    """The repairs of a row, the last one first."""
    with connection.cursor(row_factory=class_row(RowRepair)) as cursor:
        return cursor.execute(
            "SELECT * FROM row_repairs WHERE row_error_id = %s ORDER BY id DESC", [row_error_id]
        ).fetchall()


def of_errors(connection: Connection, row_error_ids: Sequence[UUID]) -> dict[UUID, list[RowRepair]]:
    """The repairs of these rows, the last one first, by the ids of their errors."""
    found: dict[UUID, list[RowRepair]] = defaultdict(list)
    with connection.cursor(row_factory=class_row(RowRepair)) as cursor:
        for repair in cursor.execute(
            "SELECT * FROM row_repairs WHERE row_error_id = ANY(%s) ORDER BY id DESC", [list(row_error_ids)]
        ):
            found[repair.row_error_id].append(repair)
    return dict(found)


_TO_UNDO = "repair_job_id = %s AND undone_at IS NULL AND NOT is_kept"


def latest(connection: Connection, repair_job_id: UUID, limit: int) -> list[RowRepair]:
    """The last repairs of a job that no undo has looked at, the last one first."""
    with connection.cursor(row_factory=class_row(RowRepair)) as cursor:
        return cursor.execute(
            f"SELECT * FROM row_repairs WHERE {_TO_UNDO} ORDER BY id DESC LIMIT %s",  # noqa: S608
            [repair_job_id, limit],
        ).fetchall()


def count(connection: Connection, repair_job_id: UUID) -> int:
    """How many repairs of a job can still be taken back."""
    row = connection.execute(
        f"SELECT count(*) FROM row_repairs WHERE {_TO_UNDO}",  # noqa: S608
        [repair_job_id],
    ).fetchone()
    return int(row[0]) if row else 0


def mark(connection: Connection, *, undone: Iterable[UUID], kept: Iterable[UUID]) -> None:
    """Record that repairs were taken back, and that others could not be."""
    connection.execute("UPDATE row_repairs SET undone_at = now() WHERE id = ANY(%s)", [list(undone)])
    connection.execute("UPDATE row_repairs SET is_kept = true WHERE id = ANY(%s)", [list(kept)])


def delete_all(connection: Connection, job_id: UUID) -> None:
    """Forget the repairs of a job's rows."""
    connection.execute("DELETE FROM row_repairs WHERE import_job_id = %s", [job_id])
