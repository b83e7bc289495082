"""What became of imports, for the commands that wait for them."""

from __future__ import annotations

import json

import click

from bibliflow_tui.advice import next_step
from bibliflow_tui.commands.jobs import summary
from bibliflow_tui.commands.session import Session, narrate
from daemon.catalog import error_pages, row_errors
from daemon.catalog.job import Job, JobStatus
from daemon.visible import visible


def show_result(opened: Session, job: Job, as_json: bool) -> None:
    """Print a finished job, with its first errors."""
    preview = row_errors.preview(opened.connection, job.id)
    if as_json:
        click.echo(json.dumps(job.status_object(preview)))
        return
    click.echo(summary(job))
    for error in preview:
        click.echo(visible(f"  row {error['row_number']:,}: {error['error_message']}", limit=300))
    if job.status is JobStatus.FAILURE and job.failure_reason:
        narrate(next_step(job.failure_reason))
    if job.error_count:
        narrate(f"`bibliflow errors {job.id}` shows the rejected rows.")
    if job.error_count and error_pages.has_suggestions(opened.connection, job.id):
        narrate(f"Some have suggestions: `bibliflow fix {job.id} --suggestions` imports those rows.")


def is_well(job: Job, strict: bool) -> bool:
    """Whether the exit code says so; a ``strict`` one suffers no rejected rows."""
    return job.status is JobStatus.SUCCESS and not (strict and job.error_count)
