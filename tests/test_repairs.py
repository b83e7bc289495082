"""Rejected rows brought in after all: the same rules, true counts, on record, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import followups, settings
from daemon.catalog import books, error_pages, job_lock, job_progress, jobs, row_errors, row_repairs
from daemon.catalog.database import Connection, Database
from daemon.catalog.job import Job, JobStatus
from daemon.catalog.row_errors import RowError
from daemon.followups import FollowUpError, RowRejectedError
from daemon.importing import bulk
from daemon.importing.bulk import BulkRepair
from daemon.queue import JobQueue
from daemon.values import BookField
from tests.files import isbn13, written
from tests.imports import (
    assert_codes,
    counts,
    follow_up,
    import_text,
    messages,
    new_job,
    repaired,
    titles,
    undone,
)

HEADER = ["title", "author", "isbn13", "isbn", "year"]
ROWS = [
    ["The Hunger Games", "Suzanne Collins", "9.78043902348e+12", "439023483", "2008.0"],
    ["Good", "A", "9780141439976", "", "2001"],
    ["Two problems", "B", "9.78043955493e+12", "439554934", "c1997"],
    ["One without suggestion", "C", "", "316015849", "soon"],
    ["", "D", "", "61120081", ""],
    ["Again", "E", "", "439023483", ""],
]
NOTHING = {"imported": 0, "skipped": 0, "rejected": 0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def imported(connection: Connection, path: Path, **options: object) -> Job:
    return import_text(connection, path, written([HEADER, *ROWS], delimiter=";"), **options)


def error_in(connection: Connection, job: Job, row: int) -> RowError:
    return next(error for error in row_errors.stream(connection, job.id) if error.row_number == row)


def open_errors(connection: Connection, job: Job) -> int:
    assert_codes(connection, job)
    left = jobs.get(connection, job.id).open_error_count
    assert left == error_pages.count(connection, job.id)
    return left


def test_rows_whose_every_problem_has_a_suggestion_are_imported(connection: Connection, path: Path) -> None:
    job = imported(connection, path)
    assert counts(job) == (6, 1, 5, 0)
    assert repaired(connection, job) == {"imported": 2, "skipped": 0, "rejected": 1}
    # What was rejected when the file was read stays so; what is open is counted beside it.
    assert counts(jobs.get(connection, job.id)) == (6, 1, 5, 0)
    assert open_errors(connection, job) == 3
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
    assert repaired(connection, job) == NOTHING
    assert open_errors(connection, job) == 3


@pytest.mark.parametrize(
    ("policy", "fixed"),
    [
        ("skip", {"imported": 2, "skipped": 1, "rejected": 0}),
        ("update", {"imported": 3, "skipped": 0, "rejected": 0}),
        ("fill", {"imported": 2, "skipped": 1, "rejected": 0}),
    ],
)
def test_the_policy_of_the_import_holds(
    connection: Connection, path: Path, policy: str, fixed: dict[str, int]
) -> None:
    job = imported(connection, path, on_duplicate=policy)
    assert repaired(connection, job) == fixed
    assert open_errors(connection, job) == 2
    hunger_games = titles(connection)["9780439023481"]
    assert hunger_games == ("Again" if policy == "update" else "The Hunger Games")


def test_the_rules_of_the_import_hold(connection: Connection, path: Path) -> None:
    text = written([HEADER, ["T", "A", "", "9780439023482 or 0439023483", ""]])
    job = import_text(connection, path, text, isbn_check="checksum")
    assert repaired(connection, job)["imported"] == 1
    assert open_errors(connection, job) == 0
    assert titles(connection) == {"9780439023481": "T"}


def test_interrupted_and_taken_up_again(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch, queue: JobQueue
) -> None:
    rows = [[f"Book {n}", "A", "", isbn13(n) + ".0", ""] for n in range(100)]
    job = import_text(connection, path, written([HEADER, *rows]))
    monkeypatch.setattr(bulk, "CHUNK_ROWS", 30)
    created = followups.repair_many(connection, queue, job, BulkRepair(suggestions=True), source="cli")
    stopped = follow_up(connection, created, lambda: books.count(connection) == 60)
    assert (stopped.status, stopped.processed_rows, stopped.total_rows) == (JobStatus.PROCESSING, 60, 100)
    assert open_errors(connection, job) == 40
    done = follow_up(connection, created)
    assert (done.status, done.success_count) == (JobStatus.SUCCESS, 100)
    assert open_errors(connection, job) == 0
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
            repaired(connection, job)
    assert open_errors(connection, job) == 5
    assert books.count(connection) == 1
    assert repaired(connection, job) == {"imported": 2, "skipped": 0, "rejected": 1}
    assert open_errors(connection, job) == 3


def test_a_job_that_is_not_done_is_left_alone(connection: Connection, path: Path, queue: JobQueue) -> None:
    with pytest.raises(FollowUpError, match="is not done yet"):
        followups.repair_many(
            connection, queue, new_job(connection), BulkRepair(suggestions=True), source="cli"
        )
    job = imported(connection, path)
    created = followups.repair_many(connection, queue, job, BulkRepair(suggestions=True), source="cli")
    error = error_in(connection, job, 2)
    with (
        Database(*settings.load()) as other,
        other.connect() as holder,
        job_lock.locked(holder, job.id),
    ):
        assert follow_up(connection, created).success_count == 0
        with pytest.raises(FollowUpError, match="being repaired; try again"):
            followups.repair_row(connection, job, error, {"isbn": "9780439023481"})
    assert follow_up(connection, created).success_count == 2


def test_values_are_put_and_taken_off(connection: Connection, path: Path) -> None:
    rows = [
        ["One", "", "ISBN: 9780141439976", "", ""],
        ["Two", "", "9780439023481", "", ""],
        ["Three", "C", "ISBN: 9780439554930 (pbk.)", "", ""],
        ["Four", "D", "ISBN: 1234", "", ""],
        ["Which of them", "E", "9780141439563", "", "", "is which?"],
    ]
    job = import_text(connection, path, written([HEADER, *rows]), isbn_check="checksum")
    assert counts(job) == (5, 0, 5, 0)
    # Of one kind only, and with what its other problems ask for.
    assert repaired(connection, job, code="missing_field", put={"author": "Anonymous"}) == {
        "imported": 1,
        "skipped": 0,
        "rejected": 1,
    }
    wanted = BulkRepair(prefixes={"isbn": "ISBN:"}, suffixes={"isbn": "(pbk.)"}, put={"author": "X"})
    *_, preview = bulk.preview(connection, job, wanted)
    assert (preview.total, preview.examined, preview.passing) == (4, 4, 2)
    shown = preview.examples[0]
    assert (shown.before["isbn"], shown.after["isbn"]) == ("ISBN: 9780141439976", "9780141439976")
    assert [problem.code for problem in preview.examples[2].problems] == ["isbn_format"]
    assert books.count(connection) == 1
    ids = (error_in(connection, job, 4).id, error_in(connection, job, 5).id)
    assert repaired(connection, job, **wanted.model_dump() | {"ids": ids})["imported"] == 1
    assert repaired(connection, job, **wanted.model_dump() | {"text": "one"})["imported"] == 1
    assert {book.title: book.author for book in books.search(connection)} == {
        "One": "X",
        "Two": "Anonymous",
        "Three": "X",
    }
    assert open_errors(connection, job) == 2


def test_one_row_is_repaired_recorded_and_taken_back(connection: Connection, path: Path) -> None:
    job = imported(connection, path)
    error = error_in(connection, job, 5)
    typed: dict[BookField, str] = {"isbn": "0316015849", "publication_year": "never"}
    problems = followups.checker(job).problems(error, typed)
    assert [problem.code for problem in problems] == ["year_format"]
    with pytest.raises(RowRejectedError, match="Invalid publication year format: never"):
        followups.repair_row(connection, job, error, typed)
    assert open_errors(connection, job) == 5
    repair = followups.repair_row(connection, job, error, typed | {"publication_year": "2005"})
    assert titles(connection)["9780316015844"] == "One without suggestion"
    assert open_errors(connection, job) == 4
    assert repair.as_dict()["changes"] == {
        "isbn": ["316015849", "0316015849"],
        "publication_year": ["soon", "2005"],
    }
    assert (repair.outcome, repair.repair_job_id, repair.undone_at) == ("added", None, None)
    assert repair.repaired_by
    kept = row_errors.by_id(connection, job.id, [error.id])[error.id]
    assert (kept.raw_data, kept.resolved_at is None) == (error.raw_data, False)
    with pytest.raises(FollowUpError, match="repaired already"):
        followups.repair_row(connection, job, error, {"isbn": "0316015849"})
    assert followups.undo_row(connection, job, repair)
    assert "9780316015844" not in titles(connection)
    assert open_errors(connection, job) == 5
    assert row_repairs.of_error(connection, error.id)[0].undone_at
    # What was repaired again since is another repair.
    followups.repair_row(connection, job, error, typed | {"publication_year": "2005"})
    with pytest.raises(FollowUpError, match="taken back already"):
        followups.undo_row(connection, job, repair)
    assert "9780316015844" in titles(connection)


def test_a_repair_that_repeats_an_isbn_changes_nothing(connection: Connection, path: Path) -> None:
    job = imported(connection, path)
    error = error_in(connection, job, 2)
    with pytest.raises(RowRejectedError, match="Duplicate ISBN: 9780141439976"):
        followups.repair_row(connection, job, error, {"isbn": "9780141439976"})
    assert error_in(connection, job, 2) == error
    assert open_errors(connection, job) == 5


def test_a_repaired_book_that_was_edited_since_is_kept(connection: Connection, path: Path) -> None:
    job = imported(connection, path)
    repair = followups.repair_row(connection, job, error_in(connection, job, 2), {"isbn": "9780439023481"})
    book = next(books.search(connection, isbn="9780439023481"))
    books.update_one(connection, book.id, {"title": "Mine"})
    assert not followups.undo_row(connection, job, repair)
    assert titles(connection)["9780439023481"] == "Mine"
    assert open_errors(connection, job) == 4


@pytest.mark.parametrize("policy", ["error", "update"])
def test_a_repair_of_many_is_taken_back(connection: Connection, path: Path, policy: str) -> None:
    other = written([HEADER, ["Before", "Z", "9780439023481", "", "1900"]])
    import_text(connection, path, other)
    before = list(books.search(connection))
    job = imported(connection, path, on_duplicate=policy)
    after_import = sorted(books.search(connection), key=lambda book: book.id)
    repaired(connection, job)
    repair_job = next(iter(jobs_about(connection, job)))
    assert open_errors(connection, job) == (2 if policy == "update" else 4)
    undo = undone(connection, repair_job)
    assert undo.skipped_count == 0
    assert sorted(books.search(connection), key=lambda book: book.id) == after_import
    assert open_errors(connection, job) == 5
    undone(connection, job)
    assert list(books.search(connection)) == before


def jobs_about(connection: Connection, job: Job) -> list[Job]:
    rows = connection.execute("SELECT id FROM import_jobs WHERE target_job_id = %s", [job.id])
    return [jobs.get(connection, row[0]) for row in rows]
