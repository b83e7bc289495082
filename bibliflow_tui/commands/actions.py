"""``bibliflow cancel``, ``retry`` and ``cleanup``."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import click

from bibliflow_tui.commands.session import confirm, narrate, session
from bibliflow_tui.commands.submitting import ensure_daemon
from daemon import job_actions
from daemon.catalog import jobs
from daemon.exits import ExitCode, explained, fail
from daemon.job_actions import ActionError
from daemon.queue import JobQueue

PATIENCE = 10.0
"""Seconds that a retry waits for whoever has the job, at a chunk or at the file of its errors."""

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_age(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    """``--older-than 7d``."""
    match = re.fullmatch(r"([0-9]{1,6})\s*([smhdw])", value.strip().lower())
    if match is None:
        raise click.BadParameter(f"{value!r} is not an age like 90m, 12h, 7d or 4w")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


@click.command()
@click.argument("job")
@explained
def cancel(job: str) -> None:
    """Stop the import JOB. What it brought stays; `bibliflow retry` goes on with it."""
    with session() as opened:
        found = jobs.find(opened.connection, job)
        try:
            job_actions.cancel(opened.connection, found)
        except ActionError as error:
            fail(str(error), ExitCode.FAILED)
    narrate(f"{found.filename}: cancelled. `bibliflow retry {found.id}` goes on with it.")


@click.command()
@click.argument("job")
@click.option("--restart", is_flag=True, help="Remove what it brought and begin at the first row.")
@click.option("--yes", is_flag=True, help="Do not ask before removing books.")
@explained
def retry(job: str, restart: bool, yes: bool) -> None:
    """Go on with the failed or cancelled import JOB.

    It goes on behind the last row that it stored.
    """
    with session() as opened:
        found = jobs.find(opened.connection, job)
        if restart and found.success_count:
            confirm(f"Remove the {found.success_count:,} books that {found.filename} brought?", yes)
        with JobQueue.of(opened.settings, opened.paths) as queue:
            try:
                job_actions.retry(
                    opened.connection,
                    queue,
                    opened.settings,
                    opened.paths,
                    found,
                    restart=restart,
                    patience=PATIENCE,
                )
            except ActionError as error:
                fail(str(error), ExitCode.FAILED)
        ensure_daemon(opened)
    narrate(f"{found.filename}: queued again as job {found.id}")


@click.command()
@click.option(
    "--older-than",
    required=True,
    callback=parse_age,
    metavar="AGE",
    help="Those that were finished longer ago than 12h, 7d or 4w.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def cleanup(older_than: timedelta, yes: bool, as_json: bool) -> None:
    """Forget old imports with their row errors; the books stay."""
    with session() as opened:
        count = jobs.count_finished(opened.connection, older_than)
        if count:
            confirm(f"Forget {count:,} imports and their row errors? The books stay.", yes)
        cleaned = job_actions.clean(opened.connection, opened.settings, opened.paths, older_than)
    if as_json:
        click.echo(json.dumps({"jobs": cleaned.jobs, "files": cleaned.files}))
    else:
        click.echo(f"{cleaned.jobs:,} imports forgotten, {cleaned.files:,} files removed from the spool")
