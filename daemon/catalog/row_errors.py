"""``import_row_errors``: one row per rejected record, with all its problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from json.encoder import encode_basestring
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from daemon.catalog import copying
from daemon.catalog.database import Connection
from daemon.catalog.error_filter import OPEN, ErrorFilter
from daemon.catalog.ids import uuid7_block
from daemon.catalog.storable import is_storable, storable
from daemon.values import BookField

PREVIEW_LENGTH = 10
"""Errors shown with the status of a job."""


class Problem(NamedTuple):
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


class Rejection(NamedTuple):
    """A record that did not become a book."""

    row_number: int
    """Counts the records of the file, the header being row 1: what a spreadsheet shows."""
    raw_data: str
    """The record as CSV in the file's own delimiter."""
    problems: Sequence[Problem]

    @property
    def error_message(self) -> str:
        """The messages of all problems in one line."""
        if len(self.problems) == 1:
            return self.problems[0].message
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

    @property
    def codes(self) -> set[str]:
        """What is wrong with it."""
        return {problem["code"] for problem in self.problems}

    def as_problems(self) -> list[Problem]:
        """Its problems as they were stored."""
        return [Problem(**problem) for problem in self.problems]

    def as_dict(self) -> dict[str, Any]:
        """The error as the commands print it in JSON."""
        return {
            "row_number": self.row_number,
            "error_message": self.error_message,
            "problems": self.problems,
            "raw_data": self.raw_data,
            "resolved_at": self.resolved_at.isoformat() if self.resolved_at else None,
        }


def encode(job_id: UUID, rejections: Sequence[Rejection]) -> list[bytes]:
    """``rejections`` of a job as :func:`copy` takes them, each a row."""
    columns = _texts(rejections)
    joined = "".join(chain.from_iterable(columns))
    if _NUL_IN_JSON in joined or not is_storable(joined):
        columns = _texts([_storable(rejection) for rejection in rejections])
    return _rows(job_id, [rejection.row_number for rejection in rejections], *columns)


def suggested(problems: Iterable[Problem]) -> dict[BookField, str]:
    """What was probably meant in the fields of a row that has these problems."""
    return {problem.field: problem.suggestion for problem in problems if problem.field and problem.suggestion}


def codes(rows: Iterable[Iterable[Problem]]) -> Counter[str]:
    """How many of the rows, given by their problems, have each code."""
    return Counter(code for problems in rows for code in {problem.code for problem in problems})


def _rows(
    job_id: UUID,
    numbers: Sequence[int],
    raw_data: Sequence[str],
    messages: Sequence[str],
    problems: Sequence[str],
) -> list[bytes]:
    return copying.rows(
        copying.uuids(uuid7_block(len(numbers))),
        copying.same_uuid(job_id),
        copying.big_integers(numbers),
        copying.texts(raw_data),
        copying.texts(messages),
        copying.texts(problems, prefix=copying.JSONB),
    )


def words(problem: Problem) -> tuple[str, str]:
    """Message and problems, in JSON, of a row that has this one, which can be stored as it is."""
    return problem.message, _json([problem])


_MARK = "\x7f"


def encode_alike(
    job_id: UUID,
    numbers: Sequence[int],
    raw_data: Sequence[str],
    values: Sequence[str],
    problem: Callable[[str], Problem],
) -> list[bytes]:
    """As :func:`encode`, in a third of the time: rows that differ in the value of their one ``problem`` only.

    The values are plain letters and digits, and the rows can be stored as they are.
    """
    message, problems = (text.split(_MARK) for text in words(problem(_MARK)))
    return _rows(
        job_id,
        numbers,
        raw_data,
        [value.join(message) for value in values],
        [value.join(problems) for value in values],
    )


def _texts(rejections: Sequence[Rejection]) -> tuple[list[str], list[str], list[str]]:
    """Raw data, messages and problems in JSON."""
    return (
        [rejection.raw_data for rejection in rejections],
        [rejection.error_message for rejection in rejections],
        [_json(rejection.problems) for rejection in rejections],
    )


def _storable(rejection: Rejection) -> Rejection:
    return Rejection(
        rejection.row_number,
        storable(rejection.raw_data),
        [_storable_problem(problem) for problem in rejection.problems],
    )


def _storable_problem(problem: Problem) -> Problem:
    return Problem._make(storable(value) if value else value for value in problem)


def copy(connection: Connection, encoded: Iterable[bytes | memoryview]) -> None:
    """Store encoded rejections of a job that this transaction holds (:func:`job_progress.hold`).

    That keeps the job from being deleted, which is what the foreign key asks for row by row, and takes
    half of the time for. So where the server is our own, it is not asked.
    """
    with copying.unchecked_keys(connection):
        copying.copy(
            connection,
            "import_row_errors (id, import_job_id, row_number, raw_data, error_message, problems)",
            encoded,
        )


_NUL_IN_JSON = "\\u0000"
"""What JSON makes of NUL, and jsonb does not take."""


def _json(problems: Iterable[Problem]) -> str:
    """``problems`` in JSON: by hand, as there may be a million; json.dumps takes five times as long."""
    return f"[{', '.join(map(_object, problems))}]"


def _object(problem: Problem) -> str:
    field, code, message, value, suggestion, evidence = problem
    # Names of fields and codes are our own, and plain.
    return (
        f'{{"field": {_value(field)}, "code": "{code}", "message": {encode_basestring(message)},'
        f' "value": {_value(value)}, "suggestion": {_value(suggestion)}'
        f'{"" if evidence is None else f""", "evidence": {_value(evidence)}"""}}}'
    )


def _value(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def delete_all(connection: Connection, job_id: UUID) -> None:
    """Forget the errors of a job."""
    connection.execute("DELETE FROM import_row_errors WHERE import_job_id = %s", [job_id])


def resolve(connection: Connection, ids: Sequence[UUID]) -> None:
    """Mark errors as resolved: their rows are in."""
    connection.execute("UPDATE import_row_errors SET resolved_at = now() WHERE id = ANY(%s)", [list(ids)])


def reopen(connection: Connection, ids: Sequence[UUID]) -> list[RowError]:
    """Mark errors as open again, as their rows are not in any more; those that were resolved."""
    with connection.cursor(row_factory=class_row(RowError), binary=True) as cursor:
        return cursor.execute(
            "UPDATE import_row_errors SET resolved_at = NULL"
            " WHERE id = ANY(%s) AND resolved_at IS NOT NULL RETURNING *",
            [list(ids)],
        ).fetchall()


def replace_problems(connection: Connection, replaced: Mapping[UUID, Sequence[Problem]]) -> None:
    """Give each of these errors other problems, and their messages."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE import_row_errors SET problems = %s::jsonb, error_message = %s WHERE id = %s",
            [
                (
                    _json(map(_storable_problem, problems)),
                    storable(Rejection(0, "", problems).error_message),
                    identifier,
                )
                for identifier, problems in replaced.items()
            ],
        )


def by_id(connection: Connection, job_id: UUID, ids: Sequence[UUID]) -> dict[UUID, RowError]:
    """Those errors of a job, resolved or not, that have one of these ids, by these."""
    with connection.cursor(row_factory=class_row(RowError), binary=True) as cursor:
        cursor.execute(
            "SELECT * FROM import_row_errors WHERE import_job_id = %s AND id = ANY(%s)", [job_id, list(ids)]
        )
        return {error.id: error for error in cursor}


def owner(connection: Connection, ids: Sequence[UUID]) -> UUID | None:
    """The job that one of these errors belongs to; None if there are no such errors."""
    row = connection.execute(
        "SELECT import_job_id FROM import_row_errors WHERE id = ANY(%s) LIMIT 1", [list(ids)]
    ).fetchone()
    return row[0] if row else None


def stream(connection: Connection, job_id: UUID, wanted: ErrorFilter = OPEN) -> Iterator[RowError]:
    """The errors of a job that are wanted, in the order of the file."""
    with connection.transaction(), connection.cursor("row_errors", row_factory=class_row(RowError)) as cursor:
        cursor.execute(
            f"SELECT * FROM import_row_errors WHERE {wanted.conditions} ORDER BY row_number, id",  # noqa: S608
            wanted.parameters(job_id),
            binary=True,
        )
        yield from cursor


def preview(connection: Connection, job_id: UUID) -> list[dict[str, Any]]:
    """The first open errors of a job as its status shows them."""
    with connection.cursor(row_factory=class_row(RowError)) as cursor:
        cursor.execute(
            f"SELECT * FROM import_row_errors WHERE {OPEN.conditions}"  # noqa: S608
            " ORDER BY row_number, id LIMIT %(limit)s",
            OPEN.parameters(job_id) | {"limit": PREVIEW_LENGTH},
        )
        return [
            {"row_number": error.row_number, "error_message": error.error_message, "raw_data": error.raw_data}
            for error in cursor
        ]
