"""What became of imports, for the commands that wait for them."""

from __future__ import annotations

from bibliflow_tui.advice import next_step
from bibliflow_tui.commands import jobs
from bibliflow_tui.commands.session import Session, narrate
from daemon.catalog import error_pages
from daemon.catalog.job import Job, JobStatus


def show_result(opened: Session, job: Job, as_json: bool) -> None:
    """Print a finished job, with its first errors."""
    jobs.show(opened, job, as_json)
    if as_json:
        return
    if job.status is JobStatus.FAILURE and job.failure_reason:
        narrate(next_step(job.failure_reason))
    if job.error_count:
        narrate(f"`bibliflow errors {job.id}` shows the rejected rows.")
    if job.error_count and error_pages.has_suggestions(opened.connection, job.id):
        narrate(f"Some have suggestions: `bibliflow fix {job.id} --suggestions` imports those rows.")


def is_well(job: Job, strict: bool) -> bool:
    """Whether the exit code says so; a ``strict`` one suffers no rejected rows."""
    return job.status is JobStatus.SUCCESS and not (strict and job.error_count)
