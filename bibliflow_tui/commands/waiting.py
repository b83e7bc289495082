"""Waiting for imports with a progress bar on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from bibliflow_tui.commands.session import Session, narrate
from daemon import control
from daemon.catalog import jobs as job_table
from daemon.catalog import notices
from daemon.catalog.job import Job
from daemon.visible import visible

LOOK = 1.0
"""Seconds between looks at all the jobs, as notifications may be lost, and whether the daemon is alive."""


def wait_for(opened: Session, jobs: Sequence[Job]) -> list[Job]:
    """The jobs when all are finished, with their progress on standard error if that is a terminal.

    A daemon that dies meanwhile is started again. Ctrl-C stops the waiting, not the imports.
    """
    current = {job.id: job for job in jobs}
    notices.listen(opened.connection)
    changed = set(current)
    with _bars(jobs) if sys.stderr.isatty() else nullcontext(_show_nothing) as show:
        looked = time.monotonic()
        try:
            while True:
                unfinished = {job.id for job in current.values() if not job.status.is_final}
                for job_id in changed & unfinished:
                    current[job_id] = job_table.get(opened.connection, job_id)
                    show(current[job_id])
                if all(job.status.is_final for job in current.values()):
                    return list(current.values())
                changed = notices.changed(opened.connection, LOOK)
                if time.monotonic() - looked > LOOK:
                    looked = time.monotonic()
                    changed = unfinished
                    if control.running(opened.paths) is None and not control.others_at_work(
                        opened.settings, opened.paths, opened.connection
                    ):
                        control.start(opened.paths)
                        narrate("The daemon had ended; started it again.")
        except KeyboardInterrupt:
            narrate("The imports go on without you; `bibliflow jobs` shows how they stand.")
            raise


def _show_nothing(_job: Job) -> None:
    pass


@contextmanager
def _bars(jobs: Sequence[Job]) -> Iterator[Callable[[Job], None]]:
    """A bar for each of the jobs; what is given shows how one stands."""
    # Only for terminals: scripts do not wait until it is loaded.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars = {
            # rich reads [brackets] in a description as markup; Text.markup escapes them.
            job.id: progress.add_task(
                Text(visible(job.filename, limit=40)).markup, total=1.0, rows="", speed=""
            )
            for job in jobs
        }

        def show(job: Job) -> None:
            speed = f"{job.rows_per_second:,.0f} rows/s" if job.rows_per_second else ""
            done, rows = job.progress_percent / 100, f"{job.processed_rows:,} rows"
            progress.update(bars[job.id], total=1.0, completed=done, rows=rows, speed=speed)

        yield show
