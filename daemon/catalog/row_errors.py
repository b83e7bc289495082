"""``import_row_errors``: one row per rejected record, with all its problems."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from daemon.catalog import copying
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7_block
from daemon.catalog.storable import storable
from daemon.settings import BookField

PREVIEW_LENGTH = 10
"""Errors shown with the status of a job."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a record."""

    field: BookField | None
    """The book's field, or None where the whole record is meant."""
    code: str
    """Stable name of the rule, such as ``isbn_format``."""
    message: str
    """What is wrong, for people."""
    value: str | None = None
    """The offending value as the file has it."""
    suggestion: str | None = None
    """What was probably meant, where that can be told."""
    evidence: str | None = None
    """Why that is likely; without a suggestion, what it might be."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that did not become a book."""

    row_number: int
    """Counts the records of the file, the header being row 1: what a spreadsheet shows."""
    raw_data: str
    """The record as CSV in the file's own delimiter."""
    problems: Sequence[Problem]

    @property
    def error_message(self) -> str:
        """The messages of all problems in one line."""
        return "; ".join(problem.message for problem in self.problems)


@dataclass(frozen=True, slots=True)
class RowError:
    """One row of ``import_row_errors``."""

    id: UUID
    import_job_id: UUID
    row_number: int
    raw_data: str
    error_message: str
    problems: list[dict[str, Any]]
    resolved_at: datetime | None
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The error as the commands print it in JSON."""
        return {
            "row_number": self.row_number,
            "error_message": self.error_message,
            "problems": self.problems,
            "raw_data": self.raw_data,
            "resolved_at": self.resolved_at.isoformat() if self.resolved_at else None,
        }


def encode(job_id: UUID, rejections: Sequence[Rejection]) -> bytes:
    """``rejections`` of a job as :func:`copy` takes them."""
    return b"".join(
        copying.rows(
            copying.uuids(uuid7_block(len(rejections))),
            copying.same_uuid(job_id),
            copying.big_integers(rejection.row_number for rejection in rejections),
            copying.texts([storable(rejection.raw_data) for rejection in rejections]),
            copying.texts([storable(rejection.error_message) for rejection in rejections]),
            copying.texts([_problems(rejection.problems) for rejection in rejections], prefix=_JSONB),
        )
    )


def copy(connection: Connection, encoded: Iterable[bytes]) -> None:
    """Store encoded rejections; to be called in the transaction of their chunk."""
    copying.copy(
        connection,
        "import_row_errors (id, import_job_id, row_number, raw_data, error_message, problems)",
        encoded,
    )


_JSONB = b"\x01"
"""The version of jsonb's binary form, before the JSON itself."""

_text = json.JSONEncoder(ensure_ascii=False).encode


def _problems(problems: Iterable[Problem]) -> str:
    """``problems`` in JSON: by hand, as there may be a million; json.dumps takes three times as long."""
    return f"[{', '.join(map(_problem, problems))}]"


def _problem(problem: Problem) -> str:
    evidence = f', "evidence": {_value(problem.evidence)}' if problem.evidence is not None else ""
    return (
        f'{{"field": {_value(problem.field)}, "code": {_value(problem.code)},'
        f' "message": {_value(problem.message)}, "value": {_value(problem.value)},'
        f' "suggestion": {_value(problem.suggestion)}{evidence}}}'
    )


def _value(value: str | None) -> str:
    return "null" if value is None else _text(storable(value))


def delete_all(connection: Connection, job_id: UUID) -> None:
    """Forget the errors of a job."""
    connection.execute("DELETE FROM import_row_errors WHERE import_job_id = %s", [job_id])


def resolve(connection: Connection, ids: Sequence[UUID]) -> None:
    """Mark errors as resolved: their rows are in."""
    connection.execute("UPDATE import_row_errors SET resolved_at = now() WHERE id = ANY(%s)", [list(ids)])


def add_problems(connection: Connection, added: Mapping[UUID, Problem]) -> None:
    """Append one more problem to each of these errors."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE import_row_errors SET problems = problems || %s::jsonb,"
            " error_message = error_message || '; ' || %s WHERE id = %s",
            [
                (_problems([problem]), storable(problem.message), identifier)
                for identifier, problem in added.items()
            ],
        )


def fixable(
    connection: Connection, job_id: UUID, *, after: tuple[int, UUID] = (0, UUID(int=0)), limit: int
) -> list[RowError]:
    """The next open errors of a job, every problem of which has a suggestion, behind (row number, id)."""
    with connection.cursor(row_factory=class_row(RowError)) as cursor:
        return cursor.execute(
            f"SELECT * FROM import_row_errors WHERE {_OPEN}"  # noqa: S608
            " AND (row_number, id) > (%(row)s, %(id)s)"
            " AND NOT jsonb_path_exists(problems, '$[*] ? (@.suggestion == null)')"
            " ORDER BY row_number, id LIMIT %(limit)s",
            {"job": job_id, "row": after[0], "id": after[1], "limit": limit},
        ).fetchall()


_OPEN = "import_job_id = %(job)s AND resolved_at IS NULL"
_WITH_CODE = " AND problems @> %(code)s"


def _conditions(code: str | None) -> str:
    return _OPEN + (_WITH_CODE if code else "")


def _parameters(job_id: UUID, code: str | None) -> dict[str, Any]:
    return {"job": job_id, "code": Jsonb([{"code": code}])}


def stream(connection: Connection, job_id: UUID, *, code: str | None = None) -> Iterator[RowError]:
    """The open errors of a job in the order of the file, optionally those with one problem code."""
    with connection.transaction(), connection.cursor("row_errors", row_factory=class_row(RowError)) as cursor:
        cursor.execute(
            f"SELECT * FROM import_row_errors WHERE {_conditions(code)} ORDER BY row_number, id",  # noqa: S608
            _parameters(job_id, code),
        )
        yield from cursor


def page(
    connection: Connection,
    job_id: UUID,
    *,
    code: str | None = None,
    offset: int = 0,
    limit: int = PREVIEW_LENGTH,
) -> list[RowError]:
    """``limit`` open errors of a job in the order of the file, beginning at the ``offset``-th."""
    with connection.cursor(row_factory=class_row(RowError)) as cursor:
        return cursor.execute(
            f"SELECT * FROM import_row_errors WHERE {_conditions(code)} ORDER BY row_number, id"  # noqa: S608
            " OFFSET %(offset)s LIMIT %(limit)s",
            _parameters(job_id, code) | {"offset": offset, "limit": limit},
        ).fetchall()


def preview(connection: Connection, job_id: UUID) -> list[dict[str, Any]]:
    """The first errors of a job as its status shows them."""
    return [
        {"row_number": error.row_number, "error_message": error.error_message, "raw_data": error.raw_data}
        for error in page(connection, job_id)
    ]


def count(connection: Connection, job_id: UUID, *, code: str | None = None) -> int:
    """How many open errors a job has."""
    row = connection.execute(
        f"SELECT count(*) FROM import_row_errors WHERE {_conditions(code)}",  # noqa: S608
        _parameters(job_id, code),
    ).fetchone()
    return int(row[0]) if row else 0
