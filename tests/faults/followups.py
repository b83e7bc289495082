"""Repairs and undos that are killed at named points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from daemon import followups, settings
from daemon.catalog import book_changes, books, job_progress, jobs, row_errors, row_repairs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job
from daemon.importing import bulk, undo
from daemon.importing.bulk import BulkRepair
from daemon.importing.fix import Fixer
from daemon.queue import JobQueue
from tests.faults.points import Point, work
from tests.faults.stage import result
from tests.files import HEADER, isbn13, written
from tests.imports import import_text

CHUNK_ROWS = 100
ROWS = 400


def _points(**own: Point) -> dict[str, Point]:
    """By name, in the order in which a job comes to them."""
    return {
        "the job is started": (jobs, "start", True),
        **{name.replace("_", " "): point for name, point in own.items()},
        "before the checkpoint": (job_progress, "checkpoint", False),
        "the checkpoint is written, not committed": (job_progress, "checkpoint", True),
        "before success": (jobs, "succeed", False),
        "success is written": (jobs, "succeed", True),
    }


REPAIRING = _points(
    the_rows_are_stored=(Fixer, "store", True),
    before_the_repairs_are_recorded=(row_repairs, "record", False),
    the_errors_are_resolved=(row_errors, "resolve", True),
)
MARKED: dict[str, Point] = {"the import is marked": (jobs, "mark_undone", True)}
UNDOING_IMPORTS = (
    _points(
        changes_are_taken_back=(book_changes, "take_back", True),
        books_are_deleted=(books, "delete_untouched", True),
    )
    | MARKED
)
UNDOING_REPAIRS = (
    _points(
        changes_are_taken_back=(book_changes, "take_back", True),
        books_are_deleted=(books, "delete_brought", True),
        the_errors_are_open_again=(row_errors, "reopen", True),
    )
    | MARKED
)


class Scene(NamedTuple):
    """A catalogue, and a job about one of its imports that nobody works on yet."""

    begin: Callable[[Connection, settings.Paths], Job]
    points: dict[str, Point]


def _imported(connection: Connection, paths: settings.Paths) -> Job:
    """An import that added, changed and rejected rows; among the rejected, some with suggestions."""
    file = paths.spool / "list.csv"
    before = [[f"Before {number}", "A", isbn13(number), "1999"] for number in range(ROWS)]
    import_text(connection, file, written([HEADER, *before]))
    rows = []
    for number in range(2 * ROWS):
        isbn = isbn13(number + ROWS // 2)
        rows.append([f"New {number}", "B", f"{isbn}.0" if number % 3 else isbn, "2001"])
    return import_text(connection, file, written([HEADER, *rows]), on_duplicate="update")


def _repair(connection: Connection, paths: settings.Paths) -> Job:
    job = _imported(connection, paths)
    with _queue(paths) as queue:
        return followups.repair_many(connection, queue, job, BulkRepair(suggestions=True), source="cli")


def _undo_of(connection: Connection, paths: settings.Paths, job: Job) -> Job:
    for number in range(0, 2 * ROWS, 7):  # by somebody, since
        isbn = isbn13(number)
        connection.execute("UPDATE books SET author = 'Me', updated_at = now() WHERE isbn = %s", [isbn])
    with _queue(paths) as queue:
        return followups.undo(connection, queue, job, source="cli")


def _undo_of_import(connection: Connection, paths: settings.Paths) -> Job:
    return _undo_of(connection, paths, _imported(connection, paths))


def _undo_of_repair(connection: Connection, paths: settings.Paths) -> Job:
    repair = _repair(connection, paths)
    work(repair.id)
    return _undo_of(connection, paths, jobs.get(connection, repair.id))


@contextmanager
def _queue(paths: settings.Paths) -> Iterator[JobQueue]:
    with JobQueue.of(settings.Settings(), paths) as queue:
        yield queue


SCENES = {
    "repair": Scene(_repair, REPAIRING),
    "undo of an import": Scene(_undo_of_import, UNDOING_IMPORTS),
    "undo of a repair": Scene(_undo_of_repair, UNDOING_REPAIRS),
}


@contextmanager
def small_chunks() -> Iterator[None]:
    """So that a few hundred rows are several of them."""
    before = bulk.CHUNK_ROWS, undo.CHUNK_ROWS
    bulk.CHUNK_ROWS = undo.CHUNK_ROWS = CHUNK_ROWS
    yield
    bulk.CHUNK_ROWS, undo.CHUNK_ROWS = before


def state(connection: Connection) -> dict[str, Any]:
    """All that is in the database, but for identifiers and times."""
    queries = {
        "touched": "SELECT isbn, updated_at = created_at FROM books ORDER BY 1",
        "changes": "SELECT title, is_kept FROM book_changes ORDER BY 1, 2",
        "resolved": "SELECT row_number, resolved_at IS NULL FROM import_row_errors ORDER BY 1",
        "repairs": "SELECT isbn, changes::text, outcome, undone_at IS NULL, is_kept FROM row_repairs"
        " ORDER BY 1, 2",
        "jobs": "SELECT kind, open_error_count, error_codes::text, undone_at IS NULL, position -> 'rejected'"
        " FROM import_jobs ORDER BY 1, 2",
    }
    found: dict[str, Any] = {name: connection.execute(query).fetchall() for name, query in queries.items()}
    return found | {"result": result(connection)}
