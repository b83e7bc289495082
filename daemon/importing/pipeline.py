"""A whole file: read, check, load chunk by chunk, from the job's checkpoint to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from enum import Enum, auto
from pathlib import Path

from daemon.catalog import job_progress, jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Counts, Job, JobStatus
from daemon.importing import corrections, error_limit
from daemon.importing.ahead import ReaderDiedError, SharedFlag, ahead
from daemon.importing.checking import Checked, checked
from daemon.importing.chunk import Chunk, Packer
from daemon.importing.corrections import BusyJobError
from daemon.importing.export import ID_COLUMN
from daemon.importing.lanes import Connect, Lanes
from daemon.importing.loader import JobWithdrawnError, Loader
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading, is_current, understand
from daemon.importing.source import SourceError
from daemon.values import CHANGING_POLICIES

CHUNK_ROWS = 80_000
"""Rows of one transaction at most. Measured in turns, a million rows over two connections take 2.06 s in
chunks of 60,000, 1.98 of 80,000, 2.02 of 90,000, 2.03 of 120,000. In large ones the places in the index on
ISBNs are close to each other; but they take memory."""

CHUNK_CHARACTERS = 8 * 1024 * 1024
"""Text of one transaction, about: with long records, fewer of them."""

CHUNK_SECONDS = 0.25
"""A chunk is closed after this time even if it is short, so that progress shows several times a second."""

AHEAD_FROM = 1024 * 1024
"""Bytes from which a file is read by a process of its own. To start one takes 12 ms; below, the whole file is
a chunk, and there is nothing to read ahead."""

CHECK_SECONDS = 0.5
"""Seconds between two looks at the job in the database while nothing is stored."""


class Outcome(Enum):
    """How a run ended. A job's own faults come as :class:`SourceError` instead."""

    FINISHED = auto()
    """Every row is accounted for, the job is SUCCESS."""
    INTERRUPTED = auto()
    """The worker was asked to stop; the checkpoint says where to go on."""
    WITHDRAWN = auto()
    """The job was cancelled or deleted."""


class _InterruptedError(Exception):
    """The worker was asked to stop."""


def run(
    connection: Connection,
    job: Job,
    path: Path,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Counts], None] = lambda _counts: None,
    connect: Connect | None = None,
    is_crowded: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Import the file at ``path`` for ``job``, whose lock ``connection`` holds, from its checkpoint on.

    ``should_stop`` is asked before each chunk, ``on_progress`` is told what became of its rows, by any
    thread. With ``connect`` a long file is stored over two connections, unless it ``is_crowded``. Raises
    :class:`~daemon.importing.source.SourceError` when the file cannot be imported, and what psycopg raises
    when the database is lost: then the checkpoint tells what was stored.
    """
    options = ImportOptions.model_validate(job.options)
    try:
        corrected = corrections.corrected_job(connection, path)
        if options.corrects and (corrected is None or corrected.id != options.corrects):
            raise SourceError(f"Its column {ID_COLUMN} names no rejected row of that import")
        if corrected:
            options = corrections.options(corrected, options)
        reading = _prepare(connection, job, path, options)
        if corrected and ID_COLUMN in reading.header.names:
            rows = corrections.run(connection, job, path, reading, corrected, should_stop, on_progress)
        else:
            rows = _Import(connection, job, path, reading, options, on_progress).run(
                should_stop, connect, is_crowded
            )
    except JobWithdrawnError:
        return Outcome.WITHDRAWN
    except (_InterruptedError, ReaderDiedError, BusyJobError):
        return Outcome.INTERRUPTED
    if rows is None:
        return Outcome.INTERRUPTED
    return Outcome.FINISHED if jobs.succeed(connection, job.id, rows) else Outcome.WITHDRAWN


def _prepare(connection: Connection, job: Job, path: Path, options: ImportOptions) -> Reading:
    """How the file is read: found out once, so that a resumed job goes on as it began."""
    if job.read_as is not None:
        if is_current(job.read_as):
            return Reading.from_dict(job.read_as)
        if job.processed_rows:
            raise SourceError("The import was begun by another version of Bibliflow; import the file again")
    reading = understand(path, options)
    job_progress.describe(connection, job.id, reading.as_dict())
    return reading


class _Import:
    """One file's way into the catalogue."""

    def __init__(
        self,
        connection: Connection,
        job: Job,
        path: Path,
        reading: Reading,
        options: ImportOptions,
        on_progress: Callable[[Counts], None],
    ) -> None:
        self._connection = connection
        self._job = job
        self._path = path
        self._reading = reading
        self._options = options
        self._on_progress = on_progress
        self._counts = Counts(job.success_count, job.error_count, job.skipped_count)
        self._loader = Loader(connection, job.id, reading.dialect, options.on_duplicate)
        self._expects_duplicates = SharedFlag()
        self._is_long = path.stat().st_size >= AHEAD_FROM
        # The policies that change books look at them one by one, and in the order of the file.
        self._is_fast = self._is_long and options.on_duplicate not in CHANGING_POLICIES

    def run(
        self, should_stop: Callable[[], bool], connect: Connect | None, is_crowded: Callable[[], bool]
    ) -> int | None:
        """Store the rows behind the checkpoint; how many the file has, None if it was told to stop."""
        done = self._counts.processed
        second = connect if self._is_fast else None
        with Lanes(self._loader, done, second, self._stored, is_crowded) as lanes:
            check = _Check(self._connection, self._job, should_stop, lanes)
            chunks = (
                ahead(self._chunks, check, self._connection.fileno()) if self._is_long else self._chunks()
            )
            with closing(chunks):
                try:
                    for chunk in chunks:
                        lanes.wait_for_room()
                        if should_stop():
                            return None
                        lanes.store(chunk)
                finally:
                    # What is wrong with a chunk comes before what is wrong with the file behind it: the
                    # database may be lost, and then the chunk is not, as it would be with a failed import.
                    lanes.finish()
        self._check_errors(is_all=True)
        return self._counts.processed

    def _chunks(self) -> Generator[Chunk, None, None]:
        isbn_check, skip = self._options.isbn_check, self._job.processed_rows
        return pack(
            checked(self._path, self._reading, isbn_check, skip=skip, finds_spans=self._is_fast), self._packer
        )

    def _packer(self) -> Packer:
        policy, expects = self._options.on_duplicate, self._expects_duplicates.is_set()
        return Packer(self._job.id, self._reading.dialect, policy, expects_duplicates=expects)

    def _stored(self, counts: Counts) -> None:
        self._counts += counts
        self._expects_duplicates.set(self._loader.expects_duplicates)
        self._on_progress(counts)
        self._check_errors()

    def _check_errors(self, *, is_all: bool = False) -> None:
        error_limit.check(self._options.max_errors, self._counts.error, self._counts.processed, is_all=is_all)


def pack(parts: Iterable[Checked], packer: Callable[[], Packer]) -> Generator[Chunk, None, None]:
    """The rows of ``parts`` in chunks."""
    # Of the first, so that the database has something to do soon; then twice as many.
    most = CHUNK_ROWS // 8
    chunk, before, deadline = packer(), None, time.monotonic() + CHUNK_SECONDS
    for part in parts:
        is_full = len(chunk) + len(part) > most or chunk.size >= CHUNK_CHARACTERS
        if chunk and (is_full or time.monotonic() > deadline):
            yield chunk.pack(before)
            most = min(2 * most, CHUNK_ROWS)
            chunk, before, deadline = packer(), chunk.isbns, time.monotonic() + CHUNK_SECONDS
        chunk.add(part)
    if chunk:
        yield chunk.pack(before)


class _Check:
    """Looks, while no chunk comes, whether the worker or the job is to stop."""

    def __init__(
        self, connection: Connection, job: Job, should_stop: Callable[[], bool], lanes: Lanes
    ) -> None:
        self._connection = connection
        self._job_id = job.id
        self._should_stop = should_stop
        self._lanes = lanes
        self._looked = time.monotonic()

    def __call__(self) -> None:
        if self._should_stop():
            raise _InterruptedError
        # A chunk that is under way looks by itself, and needs the connection.
        if self._lanes.is_idle and time.monotonic() - self._looked > CHECK_SECONDS:
            self._looked = time.monotonic()
            if jobs.status(self._connection, self._job_id) is not JobStatus.PROCESSING:
                raise JobWithdrawnError
