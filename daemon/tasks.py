"""What a worker does with a job from the queue. Thin: the work is in ``importing``."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import structlog

from daemon import intake
from daemon.catalog import jobs
from daemon.catalog.database import Connection, Database, is_out_of_reach
from daemon.catalog.jobs import Job
from daemon.importing import pipeline
from daemon.importing.pipeline import Outcome
from daemon.importing.source import SourceError
from daemon.settings import Paths

log = structlog.get_logger(__name__)


class ImportTask:
    """Runs import jobs. Calling it twice for one job, at once or later, does no harm."""

    def __init__(self, database: Database, paths: Paths, should_stop: Callable[[], bool]) -> None:
        self._database = database
        self._paths = paths
        self._should_stop = should_stop

    def __call__(self, job_id: UUID) -> None:
        """Import the job's file, unless it is done already or another worker is at it."""
        with structlog.contextvars.bound_contextvars(job_id=str(job_id)):
            try:
                with self._database.connect() as connection, jobs.locked(connection, job_id) as acquired:
                    if acquired:
                        self._import(connection, job_id)
                    else:
                        log.info("another worker has the job")
            except Exception as error:
                if not is_out_of_reach(error):
                    raise
                # The job stays unfinished and unlocked: the reconciler takes it up again.
                log.warning("database lost; the job will be taken up again", error=str(error))

    def _import(self, connection: Connection, job_id: UUID) -> None:
        job = jobs.start(connection, job_id)
        if job is None:
            return
        path = intake.spool_path(self._paths, job_id)
        log.info("import started", file=job.filename, checkpoint=job.processed_rows)
        try:
            outcome = pipeline.run(connection, job, path, self._should_stop)
        except SourceError as error:
            log.info("import failed", file=job.filename, reason=str(error))
            jobs.fail(connection, job_id, str(error))
            return
        except Exception as error:
            if is_out_of_reach(error):
                raise
            log.exception("import failed by a fault of the program", file=job.filename)
            jobs.fail(
                connection,
                job_id,
                f"A fault in Bibliflow stopped the import ({error}); the daemon's log has more",
            )
            return
        self._after(connection, job, outcome)

    def _after(self, connection: Connection, job: Job, outcome: Outcome) -> None:
        if outcome is Outcome.INTERRUPTED:
            jobs.put_back(connection, job.id)
        if outcome is Outcome.FINISHED:
            intake.spool_path(self._paths, job.id).unlink(missing_ok=True)
        log.info("import ended", file=job.filename, outcome=outcome.name.lower())
