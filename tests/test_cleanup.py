"""Cleaning up, and retrying, take nothing away that somebody needs, at whatever moment they come."""

from __future__ import annotations

import dataclasses
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from daemon import followups, intake, job_actions, settings
from daemon.catalog import books, job_files, job_lock, jobs, row_errors
from daemon.catalog.database import Connection, Database
from daemon.catalog.ids import uuid7
from daemon.catalog.job import Job, JobStatus
from daemon.importing import bulk, followup, undo
from daemon.importing.bulk import BulkRepair
from daemon.importing.export import write_errors
from daemon.inbox.claims import Claims
from daemon.inbox.folder import Folder
from daemon.inbox.ledger import FileState, Ledger, LedgerEntry
from daemon.inbox.outcome import Outcomes
from daemon.intake import Watched
from daemon.job_actions import Cleaned
from daemon.queue import JobQueue
from daemon.request import Request
from tests.faults.points import work
from tests.files import HEADER, isbn13, table, written
from tests.imports import import_text, new_job
from tests.processes import wait_until

OLD = timedelta(days=7)
COUNT = 25


@pytest.fixture
def inbox(home: Path) -> Path:
    folder = settings.paths().default_inbox
    folder.mkdir()
    settings.paths().make_private()
    return folder


def clean(older_than: timedelta = OLD) -> Cleaned:
    loaded, paths = settings.load()
    with Database(loaded, paths) as database, database.connect() as connection:
        return job_actions.clean(connection, loaded, paths, older_than)


def make_old(connection: Connection) -> None:
    connection.execute("UPDATE import_jobs SET finished_at = now() - interval '8 days'")


def work_with_cleaning_between(connection: Connection, job: Job) -> Job:
    """Do the job, which takes more than one chunk; after the first it is cleaned up."""
    started = jobs.start(connection, job.id)
    assert started
    cleaned: list[Cleaned] = []

    def clean_once() -> bool:
        if not cleaned:
            cleaned.append(clean())
        return False

    followup.run(connection, started, clean_once, lambda _counts: None)
    assert cleaned == [Cleaned(0, 0)]
    return jobs.get(connection, job.id)


def taken_from(inbox: Path, connection: Connection, queue: JobQueue, text: str) -> Job:
    """The job of a file of the inbox."""
    loaded, paths = settings.load()
    file, job_id = inbox / "a.csv", uuid7()
    file.write_text(text)
    with job_lock.taking_in(connection, job_id), file.open("rb") as opened:
        job = intake.submit_watched(
            opened,
            file,
            Watched(job_id, b"a.csv", False),
            settings=loaded,
            paths=paths,
            connection=connection,
            queue=queue,
        )
    file.unlink()
    return job


def test_an_import_that_is_being_undone(
    home: Path, connection: Connection, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "CHUNK_ROWS", 10)

    def rows(author: str) -> str:
        return written([HEADER, *(["T", author, isbn13(number), "2001"] for number in range(COUNT))])

    first = import_text(connection, home / "first.csv", rows("Before"))
    jobs.delete_unneeded(connection, [first.id])
    job = import_text(connection, home / "second.csv", rows("After"), on_duplicate="update")
    make_old(connection)
    undoing = followups.undo(connection, queue, job, source="cli")
    done = work_with_cleaning_between(connection, undoing)
    assert (done.status, done.success_count) == (JobStatus.SUCCESS, COUNT)
    assert {book.author for book in books.search(connection)} == {"Before"}
    assert clean().jobs == 1


def test_rows_that_are_being_repaired(
    home: Path, connection: Connection, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK_ROWS", 10)
    text = written([HEADER, *(["T", "A", f"{isbn13(number)}.0", ""] for number in range(COUNT))])
    job = import_text(connection, home / "x.csv", text)
    make_old(connection)
    repairing = followups.repair_many(connection, queue, job, BulkRepair(suggestions=True), source="cli")
    assert work_with_cleaning_between(connection, repairing).success_count == COUNT
    make_old(connection)
    # A repair can be undone as long as the rows are there.
    undoing = followups.undo(connection, queue, jobs.get(connection, repairing.id), source="cli")
    assert clean() == Cleaned(0, 0)
    work(undoing.id)
    assert jobs.get(connection, undoing.id).success_count == COUNT
    assert len(list(row_errors.stream(connection, job.id))) == COUNT


def test_a_job_that_is_retried_meanwhile(
    home: Path, connection: Connection, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, paths = settings.load()
    paths.make_private()
    job = new_job(connection)
    jobs.cancel(connection, job.id)
    intake.spool_path(paths, job.id).write_text(table(1))
    comes, goes = threading.Event(), threading.Event()
    original = undo.run_at_once

    def held_up(connection: Connection, job: Job) -> None:
        comes.set()
        goes.wait()
        original(connection, job)

    monkeypatch.setattr(undo, "run_at_once", held_up)

    def retry() -> None:
        with Database(loaded, paths) as database, database.connect() as other:
            job_actions.retry(other, queue, loaded, paths, job, restart=True)

    retrying = threading.Thread(target=retry)
    retrying.start()
    comes.wait()
    try:
        assert clean(timedelta(0)) == Cleaned(0, 0)
    finally:
        goes.set()
        retrying.join()
    work(job.id)
    assert jobs.get(connection, job.id).success_count == 1


def test_a_file_that_is_not_back_in_the_inbox_yet(
    inbox: Path, connection: Connection, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job ends while it is looked for what can go."""
    job = taken_from(inbox, connection, queue, "name,colour\nA,red\n")
    original = jobs.lock_finished

    def late(*args: object, **options: object) -> list[UUID]:
        jobs.cancel(connection, job.id)
        return original(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "lock_finished", late)
    assert clean(timedelta(0)) == Cleaned(0, 0)
    assert jobs.status(connection, job.id) is JobStatus.CANCELLED
    loaded, paths = settings.load()
    Outcomes(loaded.watch, paths).deliver_left(connection)
    assert (inbox / "failed" / "a.csv").exists()


def test_a_file_of_the_inbox_whose_job_the_database_does_not_know(
    inbox: Path, connection: Connection, queue: JobQueue
) -> None:
    """As after the restore of an older dump."""
    text = "name,colour\nA,red\n"
    job = taken_from(inbox, connection, queue, text)
    paths = settings.paths()
    (inbox / "failed").write_text("in the way")
    work(job.id)
    assert intake.spool_path(paths, job.id).exists()
    jobs.cancel(connection, job.id)
    connection.execute("DELETE FROM import_jobs")
    assert clean() == Cleaned(0, 0)
    assert intake.spool_path(paths, job.id).read_text() == text
    (inbox / "failed").unlink()
    assert clean() == Cleaned(0, 1)
    assert not intake.spool_path(paths, job.id).exists()
    assert (inbox / "failed" / "a.csv").read_text() == text
    assert "does not know" in (inbox / "failed" / "a.csv.reason.txt").read_text()


def test_a_copy_that_a_worker_left_behind_its_last_commit(
    home: Path, connection: Connection, queue: JobQueue
) -> None:
    loaded, paths = settings.load()
    paths.make_private()
    (home / "x.csv").write_text(table(2))
    job = intake.submit(
        home / "x.csv", settings=loaded, paths=paths, connection=connection, queue=queue, source="cli"
    )
    kept = intake.spool_path(paths, job.id).read_bytes()
    work(job.id)
    intake.spool_path(paths, job.id).write_bytes(kept)
    work(job.id)
    assert not intake.spool_path(paths, job.id).exists()


def test_a_retry_while_the_file_is_brought_back(
    inbox: Path, connection: Connection, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = taken_from(inbox, connection, queue, written([HEADER, ["", "A", isbn13(1), ""]]))
    work(job.id)  # the row's error is there, and now it goes on
    (inbox / "imported" / "a.csv").rename(intake.spool_path(settings.paths(), job.id))
    connection.execute("UPDATE import_jobs SET status = 'CANCELLED'")
    loaded, paths = settings.load()
    outcomes = Outcomes(loaded.watch, paths)
    original = Outcomes._write_errors
    threads: list[threading.Thread] = []

    def retry() -> None:
        with Database(loaded, paths) as database, database.connect() as other:
            other.execute("SET application_name = 'retrying'")
            job_actions.retry(other, queue, loaded, paths, jobs.get(other, job.id), patience=10)

    def slowly(self: Outcomes, *args: Any) -> None:
        threads.append(threading.Thread(target=retry))
        threads[0].start()
        tries = (
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'retrying'"
            " AND query LIKE 'SELECT pg_try_advisory_lock%' AND state = 'idle'"
        )
        wait_until(lambda: connection.execute(tries).fetchone() or not threads[0].is_alive())
        original(self, *args)

    monkeypatch.setattr(Outcomes, "_write_errors", slowly)
    outcomes.deliver_left(connection)
    threads[0].join()
    assert jobs.status(connection, job.id) is JobStatus.PENDING
    assert intake.spool_path(paths, job.id).exists()
    assert not (inbox / "failed" / "a.csv").exists()


def entry(job: Job) -> LedgerEntry:
    """What the ledger has of the file of a job."""
    with Ledger(settings.paths().state_db) as ledger:
        found = ledger.of_job(job.id)
    assert found
    return found


def test_a_second_task_changes_nothing(inbox: Path, connection: Connection, queue: JobQueue) -> None:
    job = taken_from(inbox, connection, queue, table(1))
    work(job.id)
    before = entry(job)
    assert (before.state, before.reason, before.place) == ("imported", "", "imported/a.csv")
    work(job.id)
    assert entry(job) == before
    # A worker that is killed between the file and the ledger leaves it to the next.
    with Ledger(settings.paths().state_db) as ledger:
        ledger.database.execute("UPDATE inbox_files SET state = 'queued', archived_as = NULL")
        ledger.database.conn.commit()
    work(job.id)
    assert (entry(job).state, entry(job).place) == ("imported", "imported/a.csv")


def test_a_file_whose_job_goes_on_again_is_not_brought_back(
    inbox: Path, connection: Connection, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = taken_from(inbox, connection, queue, table(1))
    jobs.cancel(connection, job.id)
    loaded, paths = settings.load()
    original = job_files.of_inbox

    def late(connection: Connection, ids: list[UUID]) -> list[Job]:
        found = original(connection, ids)
        job_actions.retry(connection, queue, loaded, paths, job)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(job_files, "of_inbox", late)
        Outcomes(loaded.watch, paths).deliver_left(connection)
    assert intake.spool_path(paths, job.id).exists()
    work(job.id)
    assert jobs.get(connection, job.id).success_count == 1


def test_a_claim_is_left_to_the_watcher(inbox: Path, connection: Connection) -> None:
    """With the copy of a try that was broken off."""
    paths = settings.paths()
    folder, job_id = Folder(inbox), uuid7()
    (inbox / "a.csv").write_text(table(1))
    version = folder.version(b"a.csv")
    assert version
    claim = Claims(folder, paths).take(b"a.csv", version, job_id)
    assert claim
    with Ledger(paths.state_db) as ledger:
        ledger.note(None, b"a.csv", version, FileState.QUEUED, "", job_id)
    os.link(claim.file, intake.spool_path(paths, job_id))
    assert clean() == Cleaned(0, 1)
    assert claim.file.exists()
    assert not (inbox / "failed").exists()


def test_a_copy_of_another_machine_stays(
    inbox: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIBLIFLOW_QUEUE__URL", "redis://localhost/0")  # which nobody asks here
    copy = intake.spool_path(settings.paths(), uuid7())
    copy.write_text("x")
    assert clean() == Cleaned(0, 0)
    assert copy.exists()


def test_corrections_that_wait_keep_their_import(home: Path, connection: Connection, queue: JobQueue) -> None:
    loaded, paths = settings.load()
    job = import_text(connection, home / "x.csv", written([HEADER, ["", "A", isbn13(1), ""]]))
    make_old(connection)
    with (home / "x.errors.csv").open("wb") as file:
        write_errors(file, job, row_errors.stream(connection, job.id))
    intake.submit(
        home / "x.errors.csv",
        settings=loaded,
        paths=paths,
        connection=connection,
        queue=queue,
        source="cli",
        request=Request(corrects=job.id),
    )
    assert clean() == Cleaned(0, 0)


def test_what_is_about_a_job_that_goes_at_this_moment(connection: Connection) -> None:
    with pytest.raises(jobs.NoSuchJobError, match="cleaned up at this moment"):
        followups.create_undo(
            connection, dataclasses.replace(new_job(connection), id=uuid7()), source="cli", user=None
        )
