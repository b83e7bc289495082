"""Two connections store one file: what comes of it is what comes of one, whatever is in their way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from daemon import settings
from daemon.board import Board
from daemon.catalog import books, jobs
from daemon.catalog.database import Connection, Database, DatabaseError, prepare_for_imports
from daemon.catalog.job import Counts, Job
from daemon.importing import pipeline
from daemon.importing.checking import checked
from daemon.importing.chunk import Chunk, Packer
from daemon.importing.dialect import Dialect
from daemon.importing.error_limit import TooManyErrorsError
from daemon.importing.lanes import Lanes
from daemon.importing.loader import JobWithdrawnError, Loader
from daemon.importing.pipeline import Outcome
from daemon.importing.source import SourceError
from daemon.tasks import PROCESSORS, JobTask
from tests import chunks
from tests.faults.stage import messy_file, result
from tests.files import HEADER, book, reading_of, table_of, written
from tests.imports import held_up, new_job
from tests.processes import wait_until

Connect = Callable[[], AbstractContextManager[Connection]]


@pytest.fixture
def connect(connection: Connection) -> Iterator[Connect]:
    """Opens more connections to the home's database."""
    with Database(*settings.load()) as database:
        yield database.connect


def started(connection: Connection, **options: object) -> Job:
    job = jobs.start(connection, new_job(connection, **options).id)
    assert job
    return job


def chunk_of(path: Path, job_id: UUID, numbers: Iterable[int]) -> Chunk:
    """The books of these numbers, which none of the chunk before has."""
    rows = checked(path, reading_of(path, table_of(numbers)), "format")
    [chunk] = pipeline.pack(rows, lambda: Packer(job_id, Dialect(), "error"))
    return replace(chunk, follows=False)


@contextmanager
def lanes_of(job: Job, connect: Connect, on_stored: Callable[[Counts], None]) -> Iterator[Lanes]:
    """As a worker has them, with a first connection of their own."""
    with connect() as first:
        prepare_for_imports(first)
        with Lanes(Loader(first, job.id, Dialect(), "error"), 0, connect, on_stored) as lanes:
            yield lanes


def waiting_for_their_turn(connection: Connection) -> int:
    """Sessions that have stored a chunk and not committed it; not the one that holds ISBNs."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle in transaction' AND query NOT LIKE 'INSERT%'"
    ).fetchone()
    return int(row[0]) if row else 0


def isbns(connection: Connection) -> list[str]:
    return sorted(book.isbn for book in books.search(connection))


@pytest.mark.parametrize("policy", ["error", "skip", "update", "fill"])
def test_the_same_as_over_one(
    connection: Connection, connect: Connect, tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With rows that are rejected, ISBNs that are there already, and others that come up again and again."""
    there = messy_file(tmp_path / "there.csv", 1, 600)
    again = written(map(book, range(50))) * 9
    file = tmp_path / "messy.csv"
    file.write_text(messy_file(tmp_path / "part.csv", 1, 3000).read_text() + again)
    opened = []

    def connect_and_note() -> AbstractContextManager[Connection]:
        opened.append(1)
        return connect()

    found = []
    for is_long in (False, True):
        chunks.make_small(monkeypatch.setattr, is_long=is_long, rows=100)
        connection.execute("TRUNCATE books, import_jobs CASCADE")
        for path, chosen in ((there, "error"), (file, policy)):
            job = started(connection, on_duplicate=chosen)
            run = pipeline.run(connection, job, path, lambda: False, connect=connect_and_note)
            assert run is Outcome.FINISHED
        books_now, errors, job_counts = result(connection)
        found.append((books_now, sorted(errors), job_counts))
    assert found[0] == found[1]
    assert len(found[0][0]) > 2500
    assert len(opened) == (2 if policy in ("error", "skip") else 1)


def test_both_store_at_once_and_commit_in_order(
    connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    job = started(connection)
    path = tmp_path / "list.csv"
    first, second = (chunk_of(path, job.id, numbers) for numbers in (range(5), range(5, 8)))
    seen: list[int] = []

    with lanes_of(job, connect, lambda stored: seen.append(stored.success)) as lanes:
        with held_up(first.books.keys[0]):
            lanes.store(first)
            lanes.store(second)
            wait_until(lambda: waiting_for_their_turn(connection) == 1)
            assert not lanes.is_idle
            assert seen == []
        lanes.finish()
    assert seen == [5, 3]
    assert (books.count(connection), jobs.get(connection, job.id).processed_rows) == (8, 8)


def test_one_after_another_where_it_is_crowded(
    connection: Connection, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=100)
    file = messy_file(tmp_path / "messy.csv", 1, 3000)
    under_way: list[int] = []
    load = Loader.load

    def count_and_load(*arguments: Any) -> Counts:
        assert not under_way
        under_way.append(1)
        try:
            return load(*arguments)
        finally:
            under_way.pop()

    monkeypatch.setattr(Loader, "load", count_and_load)
    run = pipeline.run(
        connection, started(connection), file, lambda: False, connect=connect, is_crowded=lambda: True
    )
    assert run is Outcome.FINISHED


def test_it_is_crowded_when_imports_want_more_processors_than_there_are(home: Path, connect: Connect) -> None:
    loaded, paths = settings.load()
    board = Board(PROCESSORS)
    task = JobTask(Database(loaded, paths), paths, loaded.watch, lambda: False, board)
    assert not task.is_crowded()
    with ExitStack() as stack:
        for seat in board.workers:
            stack.enter_context(seat.busy("list.csv"))
        assert task.is_crowded()
    assert not task.is_crowded()


def test_imports_that_cross_do_not_wait_for_ever(
    connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    """Each has stored, behind a chunk that waits, what the other waits for: the server sees no deadlock."""
    one, other = started(connection), started(connection)
    path = tmp_path / "list.csv"
    a, b, x, y = (3, 4, 1, 2)
    waiting = [chunk_of(path, one.id, [x, a]), chunk_of(path, other.id, [y, b])]
    behind = [chunk_of(path, one.id, [b]), chunk_of(path, other.id, [a])]
    seen: list[Counts] = []
    with (
        lanes_of(one, connect, seen.append) as of_one,
        lanes_of(other, connect, seen.append) as of_other,
    ):
        with held_up(*(chunk.books.keys[0] for chunk in waiting)):
            for lanes, first, second in zip((of_one, of_other), waiting, behind, strict=True):
                lanes.store(first)
                lanes.store(second)
            wait_until(lambda: waiting_for_their_turn(connection) == 2)
        of_one.finish()
        of_other.finish()
    assert isbns(connection) == sorted(key for chunk in waiting for key in chunk.books.keys)
    # Whichever of them gave way.
    assert (sum(counts.success for counts in seen), sum(counts.error for counts in seen)) == (4, 2)


def test_a_chunk_behind_another_checkpoint_is_not_stored(connection: Connection, tmp_path: Path) -> None:
    """As that of a worker that was frozen while another took its job."""
    job = started(connection)
    loader = Loader(connection, job.id, Dialect(), "error")
    chunk = chunk_of(tmp_path / "list.csv", job.id, range(5))
    loader.load(chunk, 0)
    with pytest.raises(JobWithdrawnError):
        loader.load(chunk_of(tmp_path / "list.csv", job.id, range(5, 9)), 0)
    assert (books.count(connection), jobs.get(connection, job.id).processed_rows) == (5, 5)


def test_nothing_is_stored_behind_a_chunk_that_is_not(
    connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    job = started(connection)
    path = tmp_path / "list.csv"
    first, second = (chunk_of(path, job.id, numbers) for numbers in (range(5), range(5, 8)))
    with lanes_of(job, connect, lambda _stored: None) as lanes:
        with held_up(first.books.keys[0]):
            lanes.store(first)
            lanes.store(second)
            wait_until(lambda: waiting_for_their_turn(connection) == 1)
            jobs.cancel(connection, job.id)
        with pytest.raises(JobWithdrawnError):
            lanes.finish()
    assert (books.count(connection), jobs.get(connection, job.id).processed_rows) == (0, 0)


def test_too_many_errors_end_it_at_the_same_row_as_over_one(
    connection: Connection, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=100)
    path = tmp_path / "bad.csv"
    rows = [book(number) if number % 50 else ["", "A", "9780141439976", ""] for number in range(1, 3000)]
    path.write_text(written([HEADER, *rows]))
    stored = []
    for way in (None, connect):
        connection.execute("TRUNCATE books, import_jobs CASCADE")
        job = started(connection, max_errors="20")
        with pytest.raises(TooManyErrorsError, match=r"rows were rejected"):
            pipeline.run(connection, job, path, lambda: False, connect=way)
        stored.append(jobs.get(connection, job.id).processed_rows)
    assert stored[0] == stored[1] < 1500


@pytest.mark.parametrize("when", ["connecting", "preparing"])
def test_one_is_enough(
    connection: Connection, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Where the server takes no more connections."""
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=100)
    path = tmp_path / "list.csv"
    path.write_text(table_of(range(1000)))
    job = started(connection)

    @contextmanager
    def refuse() -> Iterator[Connection]:
        if when == "connecting":
            raise DatabaseError("too many clients already")
        with connect() as opened:
            opened.close()
            yield opened

    assert pipeline.run(connection, job, path, lambda: False, connect=refuse) is Outcome.FINISHED
    assert books.count(connection) == 1000


def test_a_damaged_file_does_not_hide_that_the_database_is_lost(
    connection: Connection, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows before the damage are imported when the job is taken up again."""
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=100)
    path = tmp_path / "list.csv"
    job = started(connection)
    chunk = chunk_of(path, job.id, range(5))

    def chunk_and_damage(_: object) -> Iterator[Chunk]:
        yield chunk
        raise SourceError("The file is damaged")

    monkeypatch.setattr(pipeline._Import, "_chunks", chunk_and_damage)

    def waiting() -> list[int]:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY%'"
            " AND datname = current_database()"
        ).fetchall()
        return [row[0] for row in rows]

    with (
        connect() as first,
        held_up(*chunk.books.keys),
        ThreadPoolExecutor(1) as worker,
    ):
        prepare_for_imports(first)
        run = worker.submit(pipeline.run, first, job, path, lambda: False, connect=connect)
        wait_until(waiting)
        connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [waiting()])
        with pytest.raises(psycopg.OperationalError):
            run.result()


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_server_that_isolates_more_by_default(
    connection: Connection,
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    isolation: str,
) -> None:
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=100)
    name = connection.info.dbname
    connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'".encode())
    path = tmp_path / "list.csv"
    path.write_text(table_of(range(2000)))
    with connect() as first:
        prepare_for_imports(first)
        job = started(connection)
        assert pipeline.run(first, job, path, lambda: False, connect=connect) is Outcome.FINISHED


def test_interrupted_with_chunks_under_way(
    connection: Connection, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way is stored; no thread and no connection is left."""
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=100)
    path = tmp_path / "list.csv"
    path.write_text(table_of(range(2000)))
    threads = threading.active_count()
    job = started(connection)
    answers = iter([False] * 5 + [True])
    run = pipeline.run(connection, job, path, lambda: next(answers), connect=connect)
    assert run is Outcome.INTERRUPTED
    assert threading.active_count() == threads
    done = jobs.get(connection, job.id).processed_rows
    assert 0 < done == books.count(connection) < 2000
    again = jobs.start(connection, job.id)
    assert again
    assert pipeline.run(connection, again, path, lambda: False, connect=connect) is Outcome.FINISHED
    assert books.count(connection) == 2000
