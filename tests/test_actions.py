"""Cancel, retry and clean up, by the commands that users have."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from daemon import intake, job_actions, settings
from daemon.catalog import books, error_pages, job_lock, jobs
from daemon.catalog.database import Connection, Database
from daemon.catalog.job import Job, JobStatus
from daemon.importing import checking, pipeline
from daemon.importing.pipeline import Outcome
from daemon.job_actions import ActionError
from daemon.queue import JobQueue
from daemon.settings import Settings
from tests.files import table
from tests.imports import after_a_chunk, counts, held_up, import_text, new_job, resume
from tests.processes import HEADER, bibliflow, finished, processed, submit, wait_until

ROWS = 60_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Several chunks, so that it can be stopped in the middle; every hundredth row is rejected."""
    path = tmp_path / "large.csv"
    lines = (f"Book {n},Author,{n:013},{'x' if n % 100 == 0 else 2000}\n" for n in range(1, ROWS + 1))
    path.write_text(HEADER + "".join(lines))
    return path


def cancelled(connection: Connection, large: Path) -> UUID:
    """A job that was cancelled in the middle."""
    with held_up(f"{ROWS - 1:013}"):
        job_id = submit(large)
        wait_until(lambda: processed(connection, job_id) > 0)
        assert bibliflow("cancel", job_id).returncode == 0
    wait_until(lambda: not job_lock.held(connection, [job_id]), seconds=2)
    return job_id


def test_cancel_and_go_on(home: Path, daemon: int, connection: Connection, large: Path) -> None:
    job_id = cancelled(connection, large)
    job = jobs.get(connection, job_id)
    assert (job.status, job.failure_reason) == (JobStatus.CANCELLED, None)
    assert 0 < job.processed_rows < ROWS
    assert books.count(connection) == job.success_count
    assert error_pages.count(connection, job_id) == job.error_count
    again = bibliflow("cancel", job_id)
    assert (again.returncode, "is cancelled; there is nothing to cancel" in again.stderr) == (1, True)
    assert bibliflow("retry", job_id).returncode == 0
    wait_until(lambda: finished(connection, job_id), seconds=60)
    done = jobs.get(connection, job_id)
    assert counts(done) == (ROWS, ROWS - ROWS // 100, ROWS // 100, 0)
    assert done.started_at == job.started_at
    assert books.count(connection) == ROWS - ROWS // 100
    refused = bibliflow("retry", job_id)
    assert refused.returncode == 1


def test_retry_from_the_start_asks_and_doubles_nothing(
    home: Path, daemon: int, connection: Connection, large: Path
) -> None:
    job_id = cancelled(connection, large)
    other = books.count(connection)
    unanswered = bibliflow("retry", job_id, "--restart")
    assert (unanswered.returncode, "Answer with --yes" in unanswered.stderr) == (2, True)
    assert books.count(connection) == other
    assert bibliflow("retry", job_id, "--restart", "--yes").returncode == 0
    wait_until(lambda: finished(connection, job_id), seconds=60)
    assert counts(jobs.get(connection, job_id)) == (ROWS, ROWS - ROWS // 100, ROWS // 100, 0)
    assert books.count(connection) == ROWS - ROWS // 100


def test_a_failed_import_is_retried(home: Path, daemon: int, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "no_isbn.csv"
    path.write_text("title,author\nA,B\n")
    job_id = submit(path)
    wait_until(lambda: finished(connection, job_id))
    assert bibliflow("retry", job_id).returncode == 0
    wait_until(lambda: finished(connection, job_id))
    assert jobs.get(connection, job_id).status is JobStatus.FAILURE


def test_cancel_on_the_way_to_the_first_chunk(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is looked at while its file is read too."""
    path = tmp_path / "x.csv"
    path.write_text(table(30_000))
    monkeypatch.setattr(checking, "open_reader", slow_disk)
    job = new_job(connection)
    assert jobs.start(connection, job.id)
    started = time.monotonic()

    def cancel() -> bool:
        jobs.cancel(connection, job.id)
        return False

    assert pipeline.run(connection, jobs.get(connection, job.id), path, cancel) is Outcome.WITHDRAWN
    assert time.monotonic() - started < 5
    assert jobs.get(connection, job.id).processed_rows == 0


def slow_disk(*_: object) -> None:
    time.sleep(60)


@pytest.fixture
def old(connection: Connection, tmp_path: Path) -> Job:
    """A job with a book and an error, finished two hours ago."""
    text = table(1) + "x,y,bad,\n"
    job = import_text(connection, tmp_path / "x.csv", text)
    connection.execute("UPDATE import_jobs SET finished_at = now() - interval '2 hours'")
    return job


def test_cleanup_forgets_jobs_and_keeps_books(connection: Connection, old: Job, tmp_path: Path) -> None:
    settings.paths().make_private()
    recent = import_text(connection, tmp_path / "y.csv", table(1))
    waiting = new_job(connection)
    assert bibliflow("cleanup", "--older-than", "soon").returncode == 2
    assert bibliflow("cleanup", "--older-than", "1h").returncode == 2  # nobody there to say yes
    assert jobs.status(connection, old.id) is JobStatus.SUCCESS
    cleaned = bibliflow("cleanup", "--older-than", "1h", "--yes", "--json")
    assert json.loads(cleaned.stdout) == {"jobs": 1, "files": 0}
    with pytest.raises(jobs.NoSuchJobError):
        jobs.get(connection, old.id)
    assert error_pages.count(connection, old.id) == 0
    assert books.count(connection) == 1
    assert {jobs.get(connection, job.id).id for job in (recent, waiting)} == {recent.id, waiting.id}
    assert json.loads(bibliflow("cleanup", "--older-than", "1h", "--json").stdout)["jobs"] == 0


def test_cleanup_removes_files_that_no_job_needs(connection: Connection, old: Job) -> None:
    paths = settings.paths()
    paths.make_private()
    waiting = new_job(connection)
    gone, coming = UUID(int=7), UUID(int=8)
    for job_id in (waiting.id, old.id, gone, coming):
        intake.spool_path(paths, job_id).write_text("x")
        os.utime(intake.spool_path(paths, job_id), (0, 0))  # as one taken from the inbox keeps its time
    with (
        Database(*settings.load()) as database,
        database.connect() as other,
        job_lock.taking_in(other, coming),
    ):
        assert job_actions.clean(connection, *settings.load(), timedelta(days=1)).files == 2
    assert {file.stem for file in paths.spool.iterdir()} == {str(waiting.id), str(coming)}


def test_what_cannot_be_done_is_said(connection: Connection, tmp_path: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    queue = JobQueue.of(Settings(), paths)
    job = new_job(connection)
    jobs.cancel(connection, job.id)
    with pytest.raises(ActionError, match="is gone from the spool"):
        job_actions.retry(connection, queue, Settings(), paths, job)
    intake.spool_path(paths, job.id).write_text(table(1))
    jobs.retry(connection, job.id)
    with pytest.raises(ActionError, match="is waiting to be imported; only failed and cancelled"):
        job_actions.retry(connection, queue, Settings(), paths, job)
    path = tmp_path / "x.csv"
    path.write_text(table(20_000))
    assert resume(connection, job, path, after_a_chunk(connection, job)) is Outcome.INTERRUPTED
    jobs.cancel(connection, job.id)
    with pytest.raises(ActionError, match="still being stopped"):
        _retry_while_held(connection, queue, job)
    queue.close()


def _retry_while_held(connection: Connection, queue: JobQueue, job: Job) -> None:

    with (
        Database(*settings.load()) as database,
        database.connect() as holder,
        job_lock.locked(holder, job.id),
    ):
        job_actions.retry(connection, queue, Settings(), settings.paths(), job, restart=True)
