"""What the watcher does with the files of the inbox, step by step in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from daemon import control, followups, intake, job_actions, settings
from daemon.catalog import books, job_list, job_lock, jobs
from daemon.catalog.database import Connection, Database
from daemon.catalog.ids import uuid7
from daemon.catalog.job import Job, JobStatus
from daemon.inbox.arrivals import Arrivals
from daemon.inbox.claims import Claims
from daemon.inbox.folder import Folder
from daemon.inbox.ledger import FileState, Ledger
from daemon.inbox.outcome import Outcomes
from daemon.queue import JobQueue
from tests.faults.points import work
from tests.files import table, table_of
from tests.processes import wait_until
from tests.test_inbox import job_of, stands


@pytest.fixture
def inbox(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIBLIFLOW_WATCH__SETTLE_SECONDS", "0.1")
    folder = home / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def arrivals(inbox: Path, queue: JobQueue) -> Iterator[Arrivals]:
    """What a watcher works with, in this process."""
    loaded, paths = settings.load()
    with Ledger(paths.state_db) as kept:
        yield Arrivals(Folder(inbox), loaded, paths, kept, queue)


@contextmanager
def another_connection() -> Iterator[Connection]:
    with Database(*settings.load()) as database, database.connect() as other:
        yield other


def take(arrivals: Arrivals, connection: Connection) -> None:
    """Look until a file was complete, and taken or not."""
    arrivals.look()

    def taken() -> bool:
        arrivals.look_again()
        return arrivals.take(connection, lambda: False)

    wait_until(taken)


def test_a_claim_whose_lost_connection_the_server_still_keeps(
    arrivals: Arrivals, inbox: Path, connection: Connection
) -> None:
    folder, job_id = Folder(inbox), uuid7()
    (inbox / "list.csv").write_text(table(2))
    version = folder.version(b"list.csv")
    assert version
    assert Claims(folder, settings.paths()).take(b"list.csv", version, job_id)
    with another_connection() as lost, job_lock.taking_in(lost, job_id):
        arrivals.take_up(connection)
        assert job_list.count(connection) == 0
        assert arrivals.has_claims
    arrivals.take_up(connection)
    assert jobs.status(connection, job_id) is JobStatus.PENDING
    assert not arrivals.has_claims


def test_a_file_whose_import_is_being_undone_waits(
    arrivals: Arrivals, inbox: Path, connection: Connection, queue: JobQueue
) -> None:
    (inbox / "list.csv").write_text(table(2))
    take(arrivals, connection)
    (first,) = job_list.newest(connection)
    work(first.id)
    connection.execute("UPDATE import_jobs SET status = 'CANCELLED'")  # behind its last row: all the same
    undoing = followups.undo(connection, queue, first, source="dashboard")
    (inbox / "list.csv").write_text(table(2))
    take(arrivals, connection)
    assert stands(inbox, "list.csv", "settled", "whose import is being undone")
    assert arrivals.has_claims
    work(undoing.id)
    assert books.count(connection) == 0
    arrivals.take_up(connection)
    work(job_of(connection, "list.csv").id)
    assert books.count(connection) == 2


class TestKept:
    """Files that stay where they are."""

    @pytest.fixture
    def inbox(self, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("BIBLIFLOW_WATCH__ON_FINISH", "keep")
        monkeypatch.setenv("BIBLIFLOW_WATCH__REIMPORT", "true")
        (inbox / "list.csv").write_text(table(2))
        return inbox

    def test_killed_before_its_job_was_there(
        self, arrivals: Arrivals, inbox: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(jobs, "create", lambda *_arguments, **_values: sys.exit("killed"))
            with pytest.raises(SystemExit):
                take(arrivals, connection)
        assert stands(inbox, "list.csv", "queued")
        control.start(settings.paths())
        wait_until(lambda: stands(inbox, "list.csv", "imported"))
        assert job_of(connection, "list.csv").success_count == 2

    def test_a_job_of_which_nobody_was_told(
        self, arrivals: Arrivals, inbox: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        submit = intake.submit_watched

        def lose_the_reply(*arguments: Any, **values: Any) -> Job:
            submit(*arguments, **values)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        with monkeypatch.context() as patch:
            patch.setattr(intake, "submit_watched", lose_the_reply)
            with pytest.raises(psycopg.OperationalError):
                take(arrivals, connection)
        arrivals.explain("the database is out of reach")
        job = job_of(connection, "list.csv")
        work(job.id)
        take(arrivals, connection)
        assert [one.id for one in job_list.newest(connection)] == [job.id]
        assert stands(inbox, "list.csv", "imported")
        control.start(settings.paths())
        (inbox / "other.csv").write_text(table_of([7]))
        wait_until(lambda: stands(inbox, "other.csv", "imported"))
        assert job_list.count(connection) == 2


def test_cleanup_leaves_a_file_that_is_being_taken_in(
    arrivals: Arrivals, inbox: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was renamed into the spool is as old there as it was in the inbox."""
    create, cleaned = jobs.create, []

    def clean_before(*arguments: Any, **values: Any) -> Job:
        with another_connection() as other:
            cleaned.append(job_actions.clean(other, *settings.load(), timedelta(days=1)).files)
        return create(*arguments, **values)

    monkeypatch.setattr(jobs, "create", clean_before)
    (inbox / "list.csv").write_text(table(2))
    os.utime(inbox / "list.csv", (0, 0))
    take(arrivals, connection)
    (job,) = job_list.newest(connection)
    assert intake.spool_path(settings.paths(), job.id).exists()
    assert cleaned == [0]
    intake.spool_path(settings.paths(), UUID(int=7)).write_text("x")
    assert job_actions.clean(connection, *settings.load(), timedelta(days=1)).files == 1


def test_a_claim_that_another_machine_is_at_is_left_to_it(
    arrivals: Arrivals, inbox: Path, connection: Connection
) -> None:
    (inbox / "list.csv").write_text(table(2))
    folder, job_id = Folder(inbox), uuid7()
    version = folder.version(b"list.csv")
    assert version
    with another_connection() as other, job_lock.taking_in(other, job_id):
        claim = Claims(folder, settings.paths()).take(b"list.csv", version, job_id)
        assert claim
        arrivals.take_up(connection)
        assert claim.file.exists()
        assert not list(job_list.newest(connection))
    arrivals.take_up(connection)  # when that one is dead
    assert [job.id for job in job_list.newest(connection)] == [job_id]


def test_a_file_of_the_inbox_of_another_machine(
    arrivals: Arrivals, inbox: Path, connection: Connection
) -> None:
    """It is left to that machine, whose ledger learns what others did with files that were taken there."""
    loaded, paths = settings.load()
    (inbox / "list.csv").write_text(table(2))
    version = Folder(inbox).version(b"list.csv")
    assert version
    job_id = uuid7()
    assert Claims(Folder(inbox), paths).take(b"list.csv", version, job_id)
    arrivals.take_up(connection)
    assert jobs.start(connection, job_id)
    assert jobs.succeed(connection, job_id, 0)
    spooled, outcomes = intake.spool_path(paths, job_id), Outcomes(loaded.watch, paths)
    connection.execute('UPDATE import_jobs SET inbox = inbox || \'{"mark": "another"}\'')
    outcomes.deliver(connection, jobs.get(connection, job_id))
    outcomes.catch_up(connection)
    assert spooled.exists()
    assert not (inbox / "imported").exists()
    assert stands(inbox, "list.csv", "queued")
    mark = Folder(inbox).mark()
    connection.execute("UPDATE import_jobs SET inbox = inbox || jsonb_build_object('mark', %s::text)", [mark])
    outcomes.deliver(connection, jobs.get(connection, job_id))
    assert not spooled.exists()
    assert (inbox / "imported" / "list.csv").exists()
    Ledger(paths.state_db).note(None, b"list.csv", version, FileState.QUEUED, "", job_id)
    outcomes.catch_up(connection)
    assert stands(inbox, "list.csv", "imported")
