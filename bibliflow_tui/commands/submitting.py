"""Files on their way to the daemon, for the commands that import."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bibliflow_tui.commands.session import Session, narrate, session
from daemon import control, intake
from daemon.catalog.job import Job
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
            # The daemon is at it while these are loaded.
            from bibliflow_tui.commands.results import is_well, show_result
            from bibliflow_tui.commands.waiting import wait_for

            jobs = wait_for(opened, jobs)
            for job in jobs:
                show_result(opened, job, as_json)
    if refused:
        sys.exit(ExitCode.USAGE)
    if wait and not all(is_well(job, strict) for job in jobs):
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


def _print_line(job: Job | None, status: str, message: str) -> None:
    line = {"job_id": str(job.id) if job else None, "task_id": job.task_id if job else None}
    click.echo(json.dumps(line | {"status": str(status), "message": message}))
