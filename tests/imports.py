"""Imports into a real database, without queue and daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon import settings
from daemon.catalog import books, jobs, row_errors
from daemon.catalog.database import Connection, Database
from daemon.catalog.ids import uuid7
from daemon.catalog.jobs import Job
from daemon.importing import pipeline
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
