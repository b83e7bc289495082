"""What an import brought is taken back, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bibliflow_tui import follow_up_words
from daemon import followups, job_actions, settings
from daemon.catalog import books, error_pages, jobs, kept_books, row_errors
from daemon.catalog.books import Book
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.followups import FollowUpError
from daemon.importing import checking, pipeline, undo
from daemon.importing.export import write_errors
from daemon.importing.source import SourceError
from daemon.queue import JobQueue
from tests.files import HEADER, isbn13, written
from tests.imports import counts, follow_up, import_text, new_job, repair, repaired, titles, undone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def catalogue(connection: Connection) -> list[Book]:
    """All of it, to the moments at which books were changed."""
    return sorted(books.search(connection), key=lambda book: book.id)


def rows(*numbers: int, title: str = "Book", year: str = "2001") -> str:
    return written([HEADER, *([f"{title} {number}", "A", isbn13(number), year] for number in numbers)])


@pytest.mark.parametrize("policy", ["error", "skip", "update", "fill"])
def test_the_catalogue_is_as_before(connection: Connection, path: Path, policy: str) -> None:
    import_text(connection, path, rows(*range(50), year=""))
    before = catalogue(connection)
    job = import_text(connection, path, rows(*range(25, 100), title="New"), on_duplicate=policy)
    changed = {"error": 50, "skip": 50, "update": 75, "fill": 75}[policy]
    assert job.success_count == changed
    assert catalogue(connection) != before
    done = undone(connection, job)
    assert (done.success_count, done.skipped_count) == (changed, 0)
    assert catalogue(connection) == before
    # And once more, as if nothing had been.
    again = import_text(connection, path, rows(*range(25, 100), title="New"), on_duplicate=policy)
    assert counts(again) == counts(job)


def test_a_book_that_several_chunks_changed(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_ROWS", 2)
    monkeypatch.setattr(checking, "BATCH_ROWS", 2)
    import_text(connection, path, rows(1))
    before = catalogue(connection)
    lines = [["Again", "A", isbn13(1 + number % 2), str(2000 + number)] for number in range(9)]
    job = import_text(connection, path, written([HEADER, *lines]), on_duplicate="update")
    assert [book.publication_year for book in books.search(connection)] == [2007, 2008]
    undone(connection, job)
    assert catalogue(connection) == before


def test_what_was_edited_since_is_kept_and_listed(connection: Connection, path: Path) -> None:
    import_text(connection, path, rows(1, 2))
    job = import_text(connection, path, rows(1, 2, 3, 4, 5, title="New"), on_duplicate="update")
    for number in (1, 3):
        (found,) = books.search(connection, isbn=isbn13(number))
        books.update_one(connection, found.id, {"author": "Me"})
    (gone,) = books.search(connection, isbn=isbn13(5))
    books.delete_one(connection, gone.id)
    done = undone(connection, job)
    assert (done.success_count, done.skipped_count) == (2, 2)
    assert titles(connection) == {isbn13(1): "New 1", isbn13(2): "Book 2", isbn13(3): "New 3"}
    assert [kept.isbn for kept in kept_books.stream(connection, job.id)] == [isbn13(1), isbn13(3)]


def test_imports_are_taken_back_one_after_another(connection: Connection, path: Path) -> None:
    first = import_text(connection, path, rows(1, 2), on_duplicate="update")
    states = [catalogue(connection)]
    others: list[Job] = []
    for title in ("Second", "Third"):
        others.append(import_text(connection, path, rows(1, 2, title=title), on_duplicate="update"))
        states.append(catalogue(connection))
    for job, state in ((others[1], states[1]), (others[0], states[0]), (first, [])):
        undone(connection, job)
        assert catalogue(connection) == state


def test_in_the_wrong_order_what_later_imports_changed_is_kept(connection: Connection, path: Path) -> None:
    first = import_text(connection, path, rows(1, 2))
    second = import_text(connection, path, rows(1, title="Second"), on_duplicate="update")
    assert undone(connection, first).skipped_count == 1
    assert titles(connection) == {isbn13(1): "Second 1"}
    undone(connection, second)
    assert titles(connection) == {isbn13(1): "Book 1"}


def test_interrupted_and_taken_up_again(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_text(connection, path, rows(*range(50)))
    before = catalogue(connection)
    job = import_text(connection, path, rows(*range(100), title="New"), on_duplicate="update")
    monkeypatch.setattr(undo, "CHUNK_ROWS", 7)
    created = followups.create_undo(connection, job, source="cli", user=None)
    for _ in range(100):
        if follow_up(connection, created, lambda: True).status is JobStatus.SUCCESS:
            break
    assert catalogue(connection) == before
    done = jobs.get(connection, created.id)
    assert (done.total_rows, done.processed_rows, done.success_count) == (100, 100, 100)


def test_rows_that_were_repaired_go_too(connection: Connection, path: Path) -> None:
    text = written([HEADER, ["One", "A", isbn13(1), ""], ["Two", "A", f"{isbn13(2)}.0", ""]])
    job = import_text(connection, path, text)
    repaired(connection, job)
    assert undone(connection, job).success_count == 2
    assert catalogue(connection) == []


def test_what_cannot_be_undone(connection: Connection, path: Path, queue: JobQueue) -> None:
    with pytest.raises(FollowUpError, match="not done yet"):
        followups.undo(connection, queue, new_job(connection), source="cli")
    job = import_text(connection, path, rows(1))
    created = followups.undo(connection, queue, job, source="cli")
    with pytest.raises(FollowUpError, match="being undone already"):
        followups.undo(connection, queue, job, source="cli")
    done = follow_up(connection, created)
    with pytest.raises(FollowUpError, match="undone already"):
        followups.undo(connection, queue, job, source="cli")
    with pytest.raises(FollowUpError, match="cannot be undone"):
        followups.undo(connection, queue, done, source="cli")
    job = import_text(connection, path, written([HEADER, ["T", "A", f"{isbn13(9)}.0", ""]]))
    repair_job = repair(connection, job, {"suggestions": True})
    undone(connection, job)
    with pytest.raises(FollowUpError, match="undone with the import"):
        followups.undo(connection, queue, repair_job, source="cli")


def test_corrections_of_rows_that_were_cleaned_up_stay(
    connection: Connection, path: Path, queue: JobQueue
) -> None:
    job = import_text(connection, path, written([HEADER, ["T", "A", f"{isbn13(9)}.0", ""]]))
    with path.open("wb") as file:
        write_errors(file, job, row_errors.stream(connection, job.id))
    text = path.read_text().replace(f"{isbn13(9)}.0,", f"{isbn13(9)},")
    corrected = import_text(connection, path, text)
    assert corrected.repair_object() == {"imported": 1, "skipped": 0, "rejected": 0}
    jobs.delete_unneeded(connection, [job.id])
    corrected = jobs.get(connection, corrected.id)
    assert not follow_up_words.can_be_undone(corrected, None)
    with pytest.raises(FollowUpError, match=r"whose rows x\.csv brought in was cleaned up"):
        followups.undo(connection, queue, corrected, source="cli")
    assert books.count(connection) == 1


def test_a_retry_of_what_was_undone_begins_at_the_first_row(
    connection: Connection, path: Path, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_ROWS", 10)
    monkeypatch.setattr(checking, "BATCH_ROWS", 10)
    import_text(connection, path, rows(1))
    job = new_job(connection, on_duplicate="update")
    path.write_text(rows(*range(100), title="New"))
    started = jobs.start(connection, job.id)
    assert started
    pipeline.run(connection, started, path, lambda: jobs.get(connection, job.id).processed_rows > 50)
    assert jobs.cancel(connection, job.id)
    undone(connection, job)
    assert titles(connection) == {isbn13(1): "Book 1"}
    loaded, paths = settings.load()
    (paths.spool / f"{job.id}.csv").write_text(path.read_text())
    job_actions.retry(connection, queue, loaded, paths, jobs.get(connection, job.id))
    again = jobs.get(connection, job.id)
    assert (again.status, again.processed_rows, again.undone_at) == (JobStatus.PENDING, 0, None)


def test_a_restart_restores_what_an_update_overwrote(
    connection: Connection, path: Path, queue: JobQueue
) -> None:
    import_text(connection, path, rows(1, 2))
    before = catalogue(connection)
    job = import_text(connection, path, rows(1, 2, 3, title="New"), on_duplicate="update")
    connection.execute("UPDATE import_jobs SET status = 'FAILURE' WHERE id = %s", [job.id])
    loaded, paths = settings.load()
    (paths.spool / f"{job.id}.csv").write_text(path.read_text())
    job_actions.retry(connection, queue, loaded, paths, jobs.get(connection, job.id), restart=True)
    assert catalogue(connection) == before
    assert error_pages.count(connection, job.id) == 0


@pytest.mark.parametrize(
    ("limit", "stops"),
    [("2", True), ("3", False), ("2.9%", True), ("3%", False), ("0", True), ("100 %", False)],
)
def test_too_many_rejected_rows_stop_an_import(
    connection: Connection, path: Path, limit: str, stops: bool
) -> None:
    text = rows(*range(97)) + "".join(f"T,A,12{number},\n" for number in range(3))
    if not stops:
        assert import_text(connection, path, text, max_errors=limit).error_count == 3
        return
    with pytest.raises(SourceError, match=f"3 of 100 rows were rejected, more than {limit}"):
        import_text(connection, path, text, max_errors=limit)
    assert books.count(connection) == 97
