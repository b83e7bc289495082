"""Imports into a real database, without queue and daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon import followups, settings
from daemon.catalog import books, jobs, row_errors
from daemon.catalog.database import Connection, Database
from daemon.catalog.ids import uuid7
from daemon.catalog.job import Job, JobStatus
from daemon.importing import followup, pipeline
from daemon.importing.bulk import BulkRepair
from daemon.importing.options import ImportOptions
from daemon.importing.pipeline import Outcome


def new_job(connection: Connection, **options: object) -> Job:
    return jobs.create(
        connection,
        job_id=uuid7(),
        filename="x.csv",
        source="cli",
        file_sha256=None,
        file_size=None,
        spool_path=None,
        options=ImportOptions.model_validate(options).model_dump(mode="json"),
    )


def resume(
    connection: Connection, job: Job, path: Path, should_stop: Callable[[], bool] = lambda: False
) -> Outcome:
    started = jobs.start(connection, job.id)
    assert started
    return pipeline.run(connection, started, path, should_stop)


def follow_up(connection: Connection, job: Job, should_stop: Callable[[], bool] = lambda: False) -> Job:
    """Do a repair or an undo; the job afterwards."""
    started = jobs.start(connection, job.id)
    assert started
    followup.run(connection, started, should_stop, lambda _counts: None)
    return jobs.get(connection, job.id)


def repaired(connection: Connection, job: Job, **wanted: Any) -> dict[str, int]:
    """What came of a repair of rejected rows of ``job``; by default, of those with suggestions."""
    return repair(connection, job, wanted or {"suggestions": True}).repair_object()


def repair(connection: Connection, job: Job, wanted: dict[str, Any]) -> Job:
    """The job that repaired rejected rows of ``job``."""
    created = jobs.create(
        connection,
        filename=job.filename,
        source="cli",
        kind="repair",
        target_job_id=job.id,
        options=BulkRepair.model_validate(wanted).model_dump(mode="json"),
    )
    done = follow_up(connection, created)
    assert done.status is JobStatus.SUCCESS
    return done


def undone(connection: Connection, job: Job) -> Job:
    """The job that took ``job`` back."""
    created = followups.create_undo(connection, job, source="cli", user=None)
    done = follow_up(connection, created)
    assert done.status is JobStatus.SUCCESS
    assert jobs.get(connection, job.id).undone_at
    return done


def after_a_chunk(connection: Connection, job: Job) -> Callable[[], bool]:
    """A wish to stop that comes when a chunk more than now is stored."""
    before = jobs.get(connection, job.id).processed_rows
    return lambda: jobs.get(connection, job.id).processed_rows > before


@contextmanager
def held_up(*isbns: str) -> Iterator[None]:
    """In this home, imports wait where they come to one of ``isbns``: somebody else is about to store it."""
    with (
        Database(*settings.load()) as database,
        database.connect() as other,
        other.transaction(force_rollback=True),
    ):
        for isbn in isbns:
            other.execute(
                "INSERT INTO books (id, title, author, isbn) VALUES (gen_random_uuid(), 'T', 'A', %s)", [isbn]
            )
        yield


def import_text(connection: Connection, path: Path, text: str | bytes, **options: object) -> Job:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    job = new_job(connection, **options)
    assert resume(connection, job, path) is Outcome.FINISHED
    assert_codes(connection, job)
    return jobs.get(connection, job.id)


def assert_codes(connection: Connection, job: Job) -> None:
    """The job counts the codes that its open errors have."""
    found = row_errors.codes(error.as_problems() for error in row_errors.stream(connection, job.id))
    assert jobs.get(connection, job.id).error_codes == found


def messages(connection: Connection, job: Job) -> list[tuple[int, str]]:
    return [(error.row_number, error.error_message) for error in row_errors.stream(connection, job.id)]


def counts(job: Job) -> tuple[int | None, int, int, int]:
    return job.total_rows, job.success_count, job.error_count, job.skipped_count


def titles(connection: Connection) -> dict[str, str]:
    return {book.isbn: book.title for book in books.search(connection)}
