"""A job with what became of it, for a screen that looks ten times a second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from daemon.catalog import job_history, jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job
from daemon.catalog.job_history import JobHistory

CALM = 2.0
"""Seconds between two looks at the repairs of one job: for a million of them each takes 0.2 s."""


@dataclass(frozen=True, slots=True)
class _Read:
    job: Job
    history: JobHistory
    at: float


class Past:
    """Remembers the history that was read last."""

    def __init__(self) -> None:
        self._last: _Read | None = None

    def of(self, connection: Connection, job_id: UUID) -> tuple[Job, JobHistory]:
        """The job as it is now, and its history. Raises :class:`~daemon.catalog.jobs.NoSuchJobError`."""
        job, last, now = jobs.get(connection, job_id), self._last, time.monotonic()
        if last is None or not _is_recent(last, job, now):
            last = self._last = _Read(job, job_history.of(connection, job), now)
        return job, last.history


def _is_recent(last: _Read, job: Job, now: float) -> bool:
    before = last.job
    if (before.id, before.undone_at, before.status) != (job.id, job.undone_at, job.status):
        return False
    return now - last.at < CALM or before == job
