"""What a job brought is taken back: its books are removed, and what it changed in others is restored.

A job of its own, of the kind "undo". Its counts are steps: done; skipped, which are of books that somebody
else edited or deleted since. Those are kept as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from daemon.catalog import book_changes, books, job_progress, row_errors, row_repairs
from daemon.catalog.book_changes import BookChange
from daemon.catalog.database import Connection
from daemon.catalog.job import Counts, Job
from daemon.catalog.row_repairs import RowRepair
from daemon.importing.loader import JobWithdrawnError

CHUNK_ROWS = 20_000
"""Books, changes or repairs of one transaction at most."""


def run(
    connection: Connection,
    job: Job,
    target: Job,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Counts], None],
) -> int | None:
    """Take back what ``target`` brought; the connection holds the locks of both.

    How many steps it was; None if it was told to stop before the end. Raises
    :class:`~daemon.importing.loader.JobWithdrawnError`.
    """
    if job.total_rows is None:
        job_progress.expect(connection, job.id, _expected(connection, target))
    position = job.position or {}
    steps = _steps(connection, target, UUID(position["book"]) if "book" in position else None)
    processed = job.processed_rows
    while True:
        with connection.transaction():
            step = next(steps, None)
            if step is None:
                return processed
            at = {"book": str(step.last)} if step.last else None
            if not job_progress.checkpoint(connection, job.id, step.counts, position=at):
                raise JobWithdrawnError
        processed += step.counts.processed
        on_progress(step.counts)
        if should_stop():
            return None


def run_at_once(connection: Connection, target: Job) -> None:
    """Take back what an import brought, in the transaction that its caller has begun."""
    for _ in _steps(connection, target, None):
        pass


def take_back(connection: Connection, repairs: Sequence[RowRepair]) -> int:
    """Undo ``repairs``, the last one of which comes first, in one transaction; how many those were.

    Their rows are in error again. The others are of books that were edited or deleted since: they are marked
    as kept.
    """
    undone = [repair for repair in repairs if repair.outcome == "skipped"]
    by_job: dict[UUID, list[RowRepair]] = defaultdict(list)
    for repair in repairs:
        if repair.outcome != "skipped":
            by_job[repair.import_job_id].append(repair)
    for job_id, some in by_job.items():
        undone += _restore(connection, job_id, some)
    done = {repair.id for repair in undone}
    row_repairs.mark(connection, undone=done, kept=[repair.id for repair in repairs if repair.id not in done])
    reopened = defaultdict(list)
    for error in row_errors.reopen(connection, [repair.row_error_id for repair in undone]):
        reopened[error.import_job_id].append(error)
    for job_id, errors in reopened.items():
        codes = row_errors.codes(error.as_problems() for error in errors)
        job_progress.resolve(connection, job_id, resolved=-len(errors), codes=codes)
    return len(done)


class _Step(NamedTuple):
    counts: Counts
    last: UUID | None = None
    """The last of the job's books that was looked at; of the others, what is done is not found again."""


def _expected(connection: Connection, target: Job) -> int:
    """About how many books there are to look at."""
    if target.is_about_rows:
        return row_repairs.count(connection, target.id)
    return target.brought


def _steps(connection: Connection, target: Job, after: UUID | None) -> Iterator[_Step]:
    """Take the steps, each as part of the caller's transaction."""
    if target.is_about_rows:  # its books are brought by the job of the rows
        while repairs := row_repairs.latest(connection, target.id, CHUNK_ROWS):
            undone = take_back(connection, repairs)
            yield _Step(Counts(success=undone, skipped=len(repairs) - undone))
        return
    # Before the books, as they may be of books that the job itself brought.
    while changes := book_changes.latest(connection, target.id, CHUNK_ROWS):
        undone = len(book_changes.take_back(connection, changes))
        yield _Step(Counts(success=undone, skipped=len(changes) - undone))
    while (found := books.delete_untouched(connection, target.id, after, CHUNK_ROWS)).last:
        after = found.last
        yield _Step(Counts(success=found.deleted, skipped=found.kept), after)


def _restore(connection: Connection, job_id: UUID, repairs: Sequence[RowRepair]) -> list[RowRepair]:
    """Give books what they had before repairs of one job's rows; the repairs for which that was possible."""
    changing = [repair for repair in repairs if repair.outcome == "changed"]
    moments = {repair.repaired_at for repair in changing}
    changes = book_changes.of_moments(connection, job_id, list(moments), [repair.isbn for repair in changing])
    taken = book_changes.take_back(connection, [change for _, change in changes])
    # Where rows changed one book at the same moment, the last change is the last row's.
    by_book: dict[tuple[str, datetime], list[BookChange]] = defaultdict(list)
    for isbn, change in reversed(changes):
        by_book[isbn, change.changed_at].append(change)
    restored = []
    for repair in changing:
        mine = by_book[repair.isbn, repair.repaired_at]
        if mine and mine.pop().id in taken:
            restored.append(repair)
    # Behind the changes, as those may be of books that these rows brought.
    adding = [repair for repair in repairs if repair.outcome == "added"]
    deleted = books.delete_brought(connection, job_id, [repair.isbn for repair in adding])
    return restored + [repair for repair in adding if repair.isbn in deleted]
