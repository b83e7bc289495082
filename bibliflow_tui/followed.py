"""Jobs that were begun in this dashboard and whose end is told, wherever the user is by then."""

from __future__ import annotations

import threading
from typing import NamedTuple
from uuid import UUID

from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job


class Ended(NamedTuple):
    """A job that is over, and the one that it was about, if that is there still."""

    job: Job
    target: Job | None


class Followed:
    """Any thread may add and look; each end is told once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: set[UUID] = set()

    def __bool__(self) -> bool:
        return bool(self._ids)

    def add(self, job: Job) -> None:
        """Tell when it is over."""
        with self._lock:
            self._ids.add(job.id)

    def ended(self, connection: Connection) -> list[Ended]:
        """Those that are over by now. They are not followed any more."""
        found = []
        for job_id in tuple(self._ids):
            job = jobs.get_if_there(connection, job_id)
            if job is None or job.status.is_final:
                with self._lock:
                    is_mine = job_id in self._ids
                    self._ids.discard(job_id)
                if is_mine and job is not None:
                    found.append(Ended(job, jobs.get_if_there(connection, job.target_job_id)))
        return found
