"""``bibliflow demo``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import bibliflow_tui
from bibliflow_tui.commands.results import show_result
from bibliflow_tui.commands.session import narrate, session
from bibliflow_tui.commands.submitting import ensure_daemon, submit_all
from bibliflow_tui.commands.waiting import wait_for
from daemon.catalog.job import JobStatus
from daemon.exits import ExitCode, explained
from daemon.request import Request


def examples() -> Path:
    """The folder of example files: inside an installed package, beside it in a checkout."""
    package = Path(bibliflow_tui.__file__).parent
    installed = package / "examples"
    return installed if installed.is_dir() else package.parent / "examples"


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask before importing into a PostgreSQL of your own.")
@explained
def demo(yes: bool) -> None:
    """Import the two example files and show what came of them."""
    with session() as opened:
        if not opened.database.is_embedded and not yes:
            click.confirm("This imports example books into your own PostgreSQL. Go on?", abort=True, err=True)
        files = sorted(examples().glob("*.csv"))
        narrate(f"Importing {len(files)} example files from {examples()}")
        jobs, refused = submit_all(opened, files, Request(), as_json=False)
        ensure_daemon(opened)
        jobs = wait_for(opened, jobs)
        for job in jobs:
            show_result(opened, job, as_json=False)
    narrate("`bibliflow` opens the dashboard, `bibliflow books` lists the books.")
    if refused or any(job.status is not JobStatus.SUCCESS for job in jobs):
        sys.exit(ExitCode.FAILED)
