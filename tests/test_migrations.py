"""Every earlier schema, with data in it, brought up to date; and schemas that this program does not know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from daemon.catalog import database, jobs, row_errors
from daemon.catalog.database import Connection, DatabaseError, migrate, migrations
from daemon.catalog.ids import uuid7
from tests.processes import bibliflow, run

NEWEST = migrations()[-1][0]
_numbers = count()

ALL_STATES = {
    # name: (status, total, success, error, skipped, open errors, resolved errors)
    "waiting": ("PENDING", None, 0, 0, 0, 0, 0),
    "stopped": ("PENDING", None, 3, 1, 1, 1, 0),
    "running": ("PROCESSING", None, 2, 2, 0, 2, 0),
    "clean": ("SUCCESS", 4, 4, 0, 0, 0, 0),
    "repaired": ("SUCCESS", 6, 3, 2, 1, 2, 1),  # before version 4, error_count is what is open
    "all repaired": ("SUCCESS", 2, 1, 0, 1, 0, 2),
    "failed": ("FAILURE", None, 1, 1, 0, 1, 0),
    "cancelled": ("CANCELLED", None, 1, 0, 0, 0, 0),
}


@dataclass
class Filled:
    """What the rows of a version are about."""

    connection: Connection
    jobs: dict[str, Any]
    """Their ids by name."""


def fill_1(filled: Filled) -> None:
    """Jobs in all states, their books, their errors open and resolved."""
    isbns = count(1)
    for name, (status, total, success, error, skipped, is_open, resolved) in ALL_STATES.items():
        job_id = filled.jobs[name] = uuid7()
        filled.connection.execute(
            "INSERT INTO import_jobs (id, filename, status, source, file_sha256, options, read_as,"
            " total_rows, processed_rows, success_count, error_count, skipped_count, bytes_read,"
            " failure_reason)"
            " VALUES (%s, %s, %s, 'cli', %s, '{}', '{}', %s, %s, %s, %s, %s, 99, %s)",
            [
                *(job_id, f"{name}.csv", status, f"{name:0>64}", total, success + error + skipped),
                *(success, error, skipped, "Größe" if status == "FAILURE" else None),
            ],
        )
        for _ in range(success):
            filled.connection.execute(
                "INSERT INTO books (id, title, author, isbn, publication_year, import_job_id)"
                " VALUES (%s, 'Größe', 'A', %s, 2005, %s)",
                [uuid7(), f"{next(isbns):013}", job_id],
            )
        for number in range(is_open + resolved):
            problems = [{"field": "isbn", "code": "isbn_format", "message": "m", "value": "x"}]
            if number % 2:
                problems.append({"field": "title", "code": "missing_field", "message": "m", "value": ""})
            filled.connection.execute(
                "INSERT INTO import_row_errors (id, import_job_id, row_number, raw_data, error_message,"
                " problems, resolved_at) VALUES (%s, %s, %s, ',A,x,', 'm', %s, "
                + ("NULL)" if number < is_open else "now())"),
                [uuid7(), job_id, number + 2, Jsonb(problems)],
            )


def fill_2(filled: Filled) -> None:
    """A file of the inbox, and corrections of what was rejected: of one that is known, and one forgotten."""
    for name, corrects in (("corrections", filled.jobs["repaired"]), ("orphans", uuid7())):
        job_id = filled.jobs[name] = uuid7()
        filled.connection.execute(
            "INSERT INTO import_jobs (id, filename, status, source, read_as, total_rows, processed_rows,"
            " success_count, inbox) VALUES (%s, %s, 'SUCCESS', 'watch', %s, 1, 1, 1, %s)",
            [
                *(job_id, f"{name}.csv", Jsonb({"corrects": str(corrects)})),
                Jsonb({"path": "a%20b.csv", "kept": False}),
            ],
        )


def fill_3(filled: Filled) -> None:
    """The codes of open errors are counted with their jobs."""
    for job_id in filled.jobs.values():
        filled.connection.execute(
            "UPDATE import_jobs SET error_codes = %s WHERE id = %s",
            [Jsonb(row_errors.codes(open_problems(filled.connection, job_id))), job_id],
        )


def fill_4(filled: Filled) -> None:
    """A repair and an undo, what the one changed, what the other has still to do."""
    owner = filled.jobs["repaired"]
    filled.connection.execute(
        "UPDATE import_jobs SET open_error_count = (SELECT count(*) FROM import_row_errors"
        " WHERE import_job_id = import_jobs.id AND resolved_at IS NULL)"
    )
    for name, kind, status, total in (("repair", "repair", "SUCCESS", 1), ("undo", "undo", "PENDING", None)):
        job_id = filled.jobs[name] = uuid7()
        filled.connection.execute(
            "INSERT INTO import_jobs (id, filename, status, source, kind, target_job_id, total_rows,"
            " processed_rows, success_count, position) VALUES (%s, 'x', %s, 'cli', %s, %s, %s, %s, %s, '{}')",
            [job_id, status, kind, owner, total, total or 0, total or 0],
        )
    book = filled.connection.execute("SELECT id, title, author, updated_at FROM books LIMIT 1").fetchone()
    assert book
    filled.connection.execute(
        "INSERT INTO book_changes (import_job_id, book_id, title, author, updated_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        [owner, *book],
    )
    filled.connection.execute(
        "INSERT INTO row_repairs (id, import_job_id, row_error_id, repair_job_id, changes, isbn, outcome)"
        " SELECT gen_random_uuid(), import_job_id, id, %s, '{}', '1', 'added' FROM import_row_errors"
        " WHERE import_job_id = %s AND resolved_at IS NOT NULL",
        [filled.jobs["repair"], owner],
    )


def fill_5(filled: Filled) -> None:
    """A daemon, and the worker that has a job."""
    filled.connection.execute(
        "INSERT INTO daemons (id, host, home, pid, workers, spool_mark) VALUES (%s, 'a', '/h', 7, 2, 'm')",
        [uuid7()],
    )
    filled.connection.execute(
        "UPDATE import_jobs SET worker = 'a, Worker-1' WHERE id = %s", [filled.jobs["running"]]
    )


FILL: dict[int, Callable[[Filled], None]] = {1: fill_1, 2: fill_2, 3: fill_3, 4: fill_4, 5: fill_5}
"""Rows as each version has them; a new migration wants its own."""

CHANGED = {4: {"error_count", "success_count", "skipped_count"}}
"""Columns of import_jobs that a migration gives another meaning."""


def open_problems(connection: Connection, job_id: object) -> Iterator[Any]:
    rows = connection.execute(
        "SELECT id FROM import_row_errors WHERE import_job_id = %s AND resolved_at IS NULL", [job_id]
    ).fetchall()
    for error in row_errors.stream(connection, job_id) if rows else ():  # type: ignore[arg-type]
        yield error.as_problems()


@pytest.fixture
def empty(server: str) -> Iterator[Connection]:
    """A database with nothing in it."""
    name = f"old_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        with psycopg.connect(make_conninfo(server, dbname=name), autocommit=True) as connection:
            yield connection
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def build(connection: Connection, version: int, monkeypatch: pytest.MonkeyPatch) -> Filled:
    """The schema as a program had it that knew ``version``, with rows of its time."""
    known = migrations()
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrations", lambda: known[:version])
        migrate(connection)
    filled = Filled(connection, {})
    for number in range(1, version + 1):
        FILL[number](filled)
    return filled


def rows(connection: Connection) -> dict[str, dict[Any, dict[str, Any]]]:
    """All rows of all tables, by table and primary key."""
    names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    found = {}
    for (name,) in names:
        if name != "schema_migrations":
            with connection.cursor(row_factory=dict_row) as cursor:
                found[name] = {row["id"]: row for row in cursor.execute(f"SELECT * FROM {name}")}
    return found


def test_every_version_has_rows() -> None:
    assert list(FILL) == [number for number, _, _ in migrations()]


@pytest.mark.parametrize("version", range(1, NEWEST + 1))
def test_from_each_version(empty: Connection, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = build(empty, version, monkeypatch)
    before = rows(empty)
    migrate(empty)
    assert database.schema_version(empty) == NEWEST
    after = rows(empty)
    changed = set().union(*(columns for number, columns in CHANGED.items() if number > version))
    for table, old_rows in before.items():
        assert after[table].keys() == old_rows.keys()
        for key, old in old_rows.items():
            left = {column: after[table][key][column] for column in old}
            for column in changed if table == "import_jobs" else ():
                old.pop(column)
                left.pop(column)
            assert left == old
    assert_consistent(empty)
    assert_named_jobs(empty, filled, version)


def assert_consistent(connection: Connection) -> None:
    """What the program relies on, of every job."""
    for job_id in rows(connection)["import_jobs"]:
        job = jobs.get(connection, job_id)
        assert job.processed_rows == job.success_count + job.error_count + job.skipped_count
        assert job.processed_rows == job.total_rows or job.status != "SUCCESS"
        problems = list(open_problems(connection, job_id))
        assert job.error_codes == row_errors.codes(problems)
        assert job.open_error_count == len(problems)
        assert job.status_object([])["id"] == str(job_id)


def assert_named_jobs(connection: Connection, filled: Filled, version: int) -> None:
    """What became of those that a migration says something new of."""
    read = {name: jobs.get(connection, job_id) for name, job_id in filled.jobs.items()}
    if version < 4:
        repaired, all_repaired = read["repaired"], read["all repaired"]
        assert (repaired.success_count, repaired.error_count, repaired.skipped_count) == (2, 3, 1)
        assert (all_repaired.success_count, all_repaired.error_count, all_repaired.skipped_count) == (0, 2, 0)
        assert {job.kind for job in read.values()} == {"import"}
    if 2 <= version < 4:
        assert read["corrections"].target_job_id == repaired.id
        assert read["orphans"].target_job_id is None


def test_a_migration_that_fails_changes_nothing(empty: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    build(empty, 1, monkeypatch)
    before = rows(empty)
    broken = [*migrations(), (NEWEST + 1, "broken", "SELECT 1/0")]
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrations", lambda: broken)
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(empty)
    assert database.schema_version(empty) == 1
    assert rows(empty) == before


def test_a_newer_schema_is_refused(home: object, connection: Connection) -> None:
    connection.execute("INSERT INTO schema_migrations (version, name) VALUES (%s, 'later')", [NEWEST + 1])
    with pytest.raises(DatabaseError, match="made by a newer Bibliflow"):
        migrate(connection)
    told = (
        f"has schema version {NEWEST + 1}, made by a newer Bibliflow; this one knows versions up to {NEWEST}"
    )
    refused = bibliflow("jobs")
    assert (refused.returncode, told in refused.stderr) == (3, True)
    refused = run("daemon.cli", "run")
    assert (refused.returncode, told in refused.stderr) == (3, True)
