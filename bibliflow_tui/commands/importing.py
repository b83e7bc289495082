"""``bibliflow import``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from bibliflow_tui.advice import next_step
from bibliflow_tui.commands.jobs import summary
from bibliflow_tui.commands.reading_options import reading_options
from bibliflow_tui.commands.session import Session, narrate, session
from daemon import control, intake
from daemon.catalog import error_pages, row_errors
from daemon.catalog.job import Job, JobStatus
from daemon.exits import ExitCode, explained
from daemon.file_check import RefusedError
from daemon.intake import Request
from daemon.queue import JobQueue
from daemon.values import DuplicatePolicy, max_errors
from daemon.visible import visible


def parse_limit(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """``--max-errors 5%``."""
    try:
        return value and max_errors(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--wait", is_flag=True, help="Wait for the end and show the result.")
@click.option(
    "--on-duplicate",
    type=click.Choice(get_args(DuplicatePolicy)),
    help="What to do with an ISBN that is there already: report it, skip the row, update the book, or fill"
    " only what the book lacks.",
)
@click.option(
    "--max-errors",
    "limit",
    metavar="N|P%",
    callback=parse_limit,
    help="Stop past so many rejected rows, a number or a percentage.",
)
@click.option("--take-back", is_flag=True, help="If it is stopped for that, remove what it brought.")
@reading_options
@click.option("--strict", is_flag=True, help="With --wait: exit code 1 also if rows were rejected.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
@explained
def import_files(
    files: tuple[Path, ...],
    wait: bool,
    on_duplicate: DuplicatePolicy | None,
    limit: str | None,
    take_back: bool,
    reading: Request,
    strict: bool,
    as_json: bool,
) -> None:
    """Import FILES into the catalogue.

    The daemon does it, and is started if there is none. `bibliflow preview` shows before what would come of
    it.
    """
    request = replace(reading, on_duplicate=on_duplicate, max_errors=limit, take_back=take_back)
    with session() as opened:
        jobs, refused = submit_all(opened, files, request, as_json=as_json and not wait)
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
    opened: Session, files: Sequence[Path], request: Request, *, as_json: bool
) -> tuple[list[Job], int]:
    """Take ``files`` in, say so for each; the jobs, and how many files were refused."""
    opened.paths.make_private()
    jobs = []
    refused = 0
    with JobQueue.of(opened.settings, opened.paths) as queue:
        for path in files:
            try:
                job = intake.submit(
                    path,
                    settings=opened.settings,
                    paths=opened.paths,
                    connection=opened.connection,
                    queue=queue,
                    source="cli",
                    request=request,
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
