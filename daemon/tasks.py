"""What a worker does with a job from the queue. Thin: the work is in ``importing``."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from uuid import UUID

import stamina
import structlog

from daemon import allocator, followups, intake
from daemon.board import Board
from daemon.catalog import job_lock, jobs
from daemon.catalog.database import Connection, Database, is_out_of_reach, prepare_for_imports
from daemon.catalog.job import Counts, Job
from daemon.importing import followup, pipeline
from daemon.importing.error_limit import TooManyErrorsError
from daemon.importing.lanes import LANES
from daemon.importing.pipeline import Outcome
from daemon.importing.source import SourceError
from daemon.inbox.outcome import Outcomes
from daemon.logger import Logger
from daemon.settings import Paths, WatchSettings
from daemon.tally import Tally

log = Logger(__name__)


PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

ATTEMPTS = 3
"""Tries for one chunk; then the job waits, and is taken up again when the database answers."""

FIRST_WAIT, LONGEST_WAIT, JITTER = 0.25, 2.0, 0.25
"""Seconds between them: doubled each time, and never the same for two workers."""

SPOOL_AWAY_PAUSE = 1.0
"""Seconds that a worker rests which cannot see the spool."""


class JobTask:
    """Runs jobs. Calling it twice for one job, at once or later, does no harm."""

    def __init__(
        self,
        database: Database,
        paths: Paths,
        watch: WatchSettings,
        should_stop: Callable[[], bool],
        board: Board | None = None,
        *,
        host: str = "",
        is_spool_there: Callable[[], bool] = lambda: True,
    ) -> None:
        """``board`` is where this process shows what it is at; ``host`` the machine, where there are several.

        Jobs are left to others while their files cannot be seen here.
        """
        self._host = host
        self._is_spool_there = is_spool_there
        self._database = database
        self._paths = paths
        self._outcomes = Outcomes(watch, paths)
        self._should_stop = should_stop
        self._board = board or Board(0)
        self._chunks = 0
        self._tally = Tally(self._board)

    def __call__(self, job_id: UUID) -> None:
        """Do the job, unless it is done already or another worker is at it."""
        if not self._is_spool_there():
            log.warning("the spool is not there; the job is left to others", job_id=str(job_id))
            time.sleep(SPOOL_AWAY_PAUSE)  # for them to be faster the next time
            return
        structlog.contextvars.bind_contextvars(job_id=str(job_id))  # and its file's name, once that is known
        try:
            while not self._try(job_id):
                pass  # a chunk was stored before the database was lost again: so begin to count anew
        except Exception as error:
            if not is_out_of_reach(error):
                raise
            log.warning("database lost; the job will be taken up again", error=str(error))
            self._put_back(job_id, error)
        finally:
            structlog.contextvars.clear_contextvars()

    def _try(self, job_id: UUID) -> bool:
        """Up to :data:`ATTEMPTS` times, until a chunk is stored; whether that was all of the job.

        A COMMIT whose reply was lost has happened or not: the next attempt takes the job's lock, which it
        cannot have before the server process of the connection that had it is gone; then it changes the job's
        row, which it cannot before a COMMIT of the second connection is over, and reads the checkpoint.
        """
        chunks = self._chunks
        for attempt in stamina.retry_context(
            on=is_out_of_reach,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
            wait_jitter=JITTER,
        ):
            with attempt:
                try:
                    self._attempt(job_id)
                except Exception as error:
                    if is_out_of_reach(error) and self._chunks > chunks and not self._should_stop():
                        log.warning("database lost; trying again", error=str(error))
                        return False
                    raise
        return True

    def _attempt(self, job_id: UUID) -> None:
        self._board.mine.react()
        with self._database.connect() as connection:
            prepare_for_imports(connection)
            with job_lock.locked(connection, job_id) as acquired:
                if acquired:
                    self._run(connection, job_id)
                else:
                    log.info("another worker has the job")

    def _put_back(self, job_id: UUID, error: Exception) -> None:
        """Show why the job waits, if the database takes that; the reconciler does it otherwise."""
        try:
            with self._database.connect() as connection:
                jobs.put_back(connection, job_id, f"The database was lost, trying again: {error}")
        except Exception as other:
            if not is_out_of_reach(other):
                raise

    def _run(self, connection: Connection, job_id: UUID) -> None:
        job = jobs.start(connection, job_id, self._worker)
        if job is None:
            self._deliver(connection, job_id)  # by a worker that was lost behind its last COMMIT
            return
        structlog.contextvars.bind_contextvars(file=job.filename)
        allocator.give_back_large_blocks()
        with self._board.mine.busy(job.filename):
            self._do(connection, job)
        allocator.give_back()

    @property
    def _worker(self) -> str | None:
        """Who this is among the workers of several machines; None where there is one."""
        return f"{self._host}, {multiprocessing.current_process().name}" if self._host else None

    def _do(self, connection: Connection, job: Job) -> None:
        job_id = job.id
        log.info(f"{job.kind} started", checkpoint=job.processed_rows)
        self._tally.begin(job)
        try:
            outcome = self._work(connection, job)
        except SourceError as error:
            log.info(f"{job.kind} failed", reason=str(error))
            with connection.transaction():
                jobs.fail(connection, job_id, str(error))
                if isinstance(error, TooManyErrorsError) and job.options.get("take_back"):
                    followups.create_undo(connection, job, source=job.source, user=job.submitted_by)
        except Exception as error:
            if is_out_of_reach(error):
                raise
            log.exception(f"{job.kind} failed by a fault of the program")
            jobs.fail(
                connection,
                job_id,
                f"A fault in Bibliflow stopped the {job.kind} ({error}); the daemon's log has more",
            )
        else:
            if outcome is Outcome.INTERRUPTED:
                jobs.put_back(connection, job_id)
            log.info(f"{job.kind} ended", outcome=outcome.name.lower())
        self._deliver(connection, job_id)

    def _work(self, connection: Connection, job: Job) -> Outcome:
        if job.kind != "import":
            return followup.run(connection, job, self._should_stop, lambda _counts: self._count_chunk())

        def count_rows(counts: Counts) -> None:
            self._count_chunk()
            self._tally.add(counts)

        path = intake.spool_path(self._paths, job.id)
        return pipeline.run(
            connection, job, path, self._should_stop, count_rows, self._database.connect, self.is_crowded
        )

    def is_crowded(self) -> bool:
        """Whether the imports of this daemon would have more connections under way than it has processors."""
        return LANES * self._board.busy > PROCESSORS

    def _count_chunk(self) -> None:
        self._chunks += 1
        self._board.mine.progress()

    def _deliver(self, connection: Connection, job_id: UUID) -> None:
        """If the job is over, its file goes where it belongs."""
        if job := jobs.get_if_there(connection, job_id):
            self._tally.look(job)
            if job.status.is_final:
                self._outcomes.deliver(connection, job)
