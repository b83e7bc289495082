"""Files on their way to the daemon, and what became of them, for the commands that import."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bibliflow_tui.advice import next_step
from bibliflow_tui.commands.jobs import summary
from bibliflow_tui.commands.session import Session, narrate, session
from daemon import control, intake
from daemon.catalog import error_pages, row_errors
from daemon.catalog.job import Job, JobStatus
from daemon.exits import ExitCode
from daemon.file_check import RefusedError
from daemon.queue import JobQueue
from daemon.request import Request
from daemon.settings import Paths, Settings
from daemon.spool_copy import SpoolCopy
from daemon.visible import visible


def import_all(
    loaded: tuple[Settings, Paths],
    files: Sequence[Path],
    request: Request,
    first: SpoolCopy,
    *,
    wait: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Import ``files``, of the ``first`` of which a copy was begun, and end with the exit code for it."""
    with session(loaded) as opened:
        jobs, refused = submit_all(opened, files, request, as_json=as_json and not wait, first=first)
        if jobs:
            ensure_daemon(opened)
        if wait:
            # The daemon is at it while this is loaded.
            from bibliflow_tui.commands.waiting import wait_for

            jobs = wait_for(opened, jobs)
            for job in jobs:
                show_result(opened, job, as_json)
    if refused:
        sys.exit(ExitCode.USAGE)
    if wait and not all(_is_well(job, strict) for job in jobs):
        sys.exit(ExitCode.FAILED)


def submit_all(
    opened: Session,
    files: Sequence[Path],
    request: Request,
    *,
    as_json: bool,
    first: SpoolCopy | None = None,
) -> tuple[list[Job], int]:
    """Take ``files`` in, say so for each; the jobs, and how many files were refused.

    ``first`` is a copy of the first that was begun before.
    """
    opened.paths.make_private()
    jobs = []
    refused = 0
    with JobQueue.of(opened.settings, opened.paths) as queue:
        for number, path in enumerate(files):
            try:
                job = intake.submit(
                    path,
                    settings=opened.settings,
                    paths=opened.paths,
                    connection=opened.connection,
                    queue=queue,
                    source="cli",
                    request=request,
                    begun=None if number else first,
                )
            except RefusedError as error:
                refused += 1
                narrate(f"Refused: {error}")
                if as_json:
                    _print_line(None, "REFUSED", visible(error))
                continue
            jobs.append(job)
            if as_json:
                _print_line(job, job.status, visible(f"{job.filename} is queued"))
            else:
                narrate(f"{job.filename}: queued as job {job.id}")
    return jobs, refused


def ensure_daemon(opened: Session) -> None:
    """Start the daemon if none runs, here or on a machine that shares the queue, and say so.

    Raises :class:`~daemon.control.DaemonError`.
    """
    if control.running(opened.paths) is not None:
        return
    if others := control.others_at_work(opened.settings, opened.paths, opened.connection):
        narrate(f"No daemon runs here; those on other machines do it: {', '.join(others)}.")
    else:
        info = control.start(opened.paths)
        narrate(f"No daemon was running; started one, process {info.pid} (`bibliflow-daemon stop` ends it).")


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


def _is_well(job: Job, strict: bool) -> bool:
    return job.status is JobStatus.SUCCESS and not (strict and job.error_count)


def _print_line(job: Job | None, status: str, message: str) -> None:
    line = {"job_id": str(job.id) if job else None, "task_id": job.task_id if job else None}
    click.echo(json.dumps(line | {"status": str(status), "message": message}))
