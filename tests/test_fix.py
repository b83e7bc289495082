"""Suggestions applied: the same rules, true counts, and nothing to do the second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import settings
from daemon.catalog import books, job_lock, job_progress, jobs, row_errors
from daemon.catalog.database import Connection, Database
from daemon.catalog.jobs import Job
from daemon.importing import fix
from daemon.importing.fix import BusyError, Fixed, apply_suggestions
from tests.files import isbn13, written
from tests.imports import assert_codes, counts, import_text, messages, new_job, titles

HEADER = ["title", "author", "isbn13", "isbn", "year"]
ROWS = [
    ["The Hunger Games", "Suzanne Collins", "9.78043902348e+12", "439023483", "2008.0"],
    ["Good", "A", "9780141439976", "", "2001"],
    ["Two problems", "B", "9.78043955493e+12", "439554934", "c1997"],
    ["One without suggestion", "C", "", "316015849", "soon"],
    ["", "D", "", "61120081", ""],
    ["Again", "E", "", "439023483", ""],
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def imported(connection: Connection, path: Path, **options: object) -> Job:
    return import_text(connection, path, written([HEADER, *ROWS], delimiter=";"), **options)


def test_rows_whose_every_problem_has_a_suggestion_are_imported(connection: Connection, path: Path) -> None:
    job = imported(connection, path)
    assert counts(job) == (6, 1, 5, 0)
    seen: list[Fixed] = []
    assert apply_suggestions(connection, job, seen.append) == Fixed(imported=2, rejected=1) == seen[-1]
    assert_codes(connection, job)
    assert counts(jobs.get(connection, job.id)) == (6, 3, 3, 0)
    assert titles(connection) == {
        "9780439023481": "The Hunger Games",
        "9780141439976": "Good",
        "9780439554930": "Two problems",
    }
    found = {book.isbn: book for book in books.search(connection)}
    assert found["9780439554930"].publication_year == 1997
    assert {book.import_job_id for book in found.values()} == {job.id}
    assert messages(connection, job) == [
        (5, "Invalid ISBN: 316015849 (lost leading zeros?); Invalid publication year format: soon"),
        (6, "Missing required field: title; Invalid ISBN: 61120081 (lost leading zeros?)"),
        (7, "Invalid ISBN: 439023483 (lost leading zeros?); Duplicate ISBN: 0439023483"),
    ]
    assert apply_suggestions(connection, job) == Fixed()
    assert_codes(connection, job)
    assert counts(jobs.get(connection, job.id)) == (6, 3, 3, 0)


def test_resolved_errors_stay_on_record(connection: Connection, path: Path) -> None:
    job = imported(connection, path)
    before = {error.id: error for error in row_errors.stream(connection, job.id)}
    apply_suggestions(connection, job)
    left = {error.id for error in row_errors.stream(connection, job.id)}
    assert len(before) - len(left) == 2
    assert row_errors.count(connection, job.id) == jobs.get(connection, job.id).error_count == len(left)


@pytest.mark.parametrize(("policy", "fixed"), [("skip", Fixed(2, 1, 0)), ("update", Fixed(3, 0, 0))])
def test_the_policy_of_the_import_holds(
    connection: Connection, path: Path, policy: str, fixed: Fixed
) -> None:
    job = imported(connection, path, on_duplicate=policy)
    assert apply_suggestions(connection, job) == fixed
    assert_codes(connection, job)
    assert counts(jobs.get(connection, job.id)) == (6, 1 + fixed.imported, 2, fixed.skipped)
    hunger_games = titles(connection)["9780439023481"]
    assert hunger_games == ("Again" if policy == "update" else "The Hunger Games")


def test_the_rules_of_the_import_hold(connection: Connection, path: Path) -> None:
    text = written([HEADER, ["T", "A", "", "9780439023482 or 0439023483", ""]])
    job = import_text(connection, path, text, isbn_check="checksum")
    assert apply_suggestions(connection, job) == Fixed(imported=1)
    assert_codes(connection, job)
    assert titles(connection) == {"9780439023481": "T"}


def test_broken_off_and_called_again(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [[f"Book {n}", "A", "", isbn13(n) + ".0", ""] for n in range(100)]
    job = import_text(connection, path, written([HEADER, *rows]))
    monkeypatch.setattr(fix, "CHUNK_ROWS", 30)

    def stop(total: Fixed) -> None:
        if total.imported == 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_suggestions(connection, job, stop)
    assert counts(jobs.get(connection, job.id)) == (100, 60, 40, 0)
    assert apply_suggestions(connection, job) == Fixed(imported=40)
    assert_codes(connection, job)
    assert counts(jobs.get(connection, job.id)) == (100, 100, 0, 0)
    assert books.count(connection) == 100


def test_a_lost_connection_changes_nothing_by_half(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = imported(connection, path)

    def fail(*_: object, **__: object) -> None:
        raise OSError("cut")

    with monkeypatch.context() as patch:
        patch.setattr(job_progress, "resolve", fail)
        with pytest.raises(OSError, match="cut"):
            apply_suggestions(connection, job)
    assert counts(jobs.get(connection, job.id)) == (6, 1, 5, 0)
    assert books.count(connection) == 1
    assert apply_suggestions(connection, job) == Fixed(imported=2, rejected=1)
    assert_codes(connection, job)


def test_a_job_that_is_not_done_is_left_alone(connection: Connection, path: Path, home: Path) -> None:
    with pytest.raises(BusyError, match="is being imported"):
        apply_suggestions(connection, new_job(connection))
    job = imported(connection, path)
    with (
        Database(*settings.load()) as other,
        other.connect() as holder,
        job_lock.locked(holder, job.id),
        pytest.raises(BusyError, match=str(job.id)),
    ):
        apply_suggestions(connection, job)
