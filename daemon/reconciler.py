"""Finds unfinished jobs that no worker holds and no task is waiting for, and wakes a worker for them.

Huey deletes a task before it runs it: a killed worker loses it. PostgreSQL still has the job.
"""

from __future__ import annotations

from contextlib import suppress

from daemon.catalog import job_lock, jobs
from daemon.catalog.database import Connection
from daemon.catalog.jobs import NoSuchJobError
from daemon.logger import Logger
from daemon.queue import JobQueue

log = Logger(__name__)


def reconcile(connection: Connection, queue: JobQueue) -> int:
    """Enqueue what is unfinished, unlocked and not in the queue; how many jobs that was."""
    unfinished = jobs.unfinished(connection)
    held = job_lock.held(connection, unfinished)
    if queue.depth() + len(held) >= len(unfinished):
        return 0  # nothing can be missing; spares reading a long queue every time
    waiting = queue.waiting()
    lost = [job_id for job_id in unfinished if job_id not in waiting and job_id not in held]
    for job_id in lost:
        with job_lock.locked(connection, job_id) as acquired:
            if not acquired:
                continue  # a worker, of this machine or another, was faster
            jobs.put_back(connection, job_id, "Its worker or the database was lost; it goes on by itself")
        queue.enqueue(queue.task(job_id))
        with suppress(NoSuchJobError):  # deleted in this moment
            log.info("job taken up again", job_id=str(job_id), file=jobs.get(connection, job_id).filename)
    return len(lost)
