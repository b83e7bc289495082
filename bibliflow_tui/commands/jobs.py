"""``bibliflow jobs`` and ``bibliflow status``."""

from __future__ import annotations

import json
from collections.abc import Callable

import click

from bibliflow_tui.commands.session import Session, narrate, print_json_lines, print_table, session
from bibliflow_tui.job_words import AT_WORK
from daemon.catalog import job_list, row_errors
from daemon.catalog import jobs as job_table
from daemon.catalog.job import Job, JobStatus, Kind
from daemon.exits import explained
from daemon.visible import visible

SHOWN_ID = 13
"""Characters of a job's id in the table: its time to the millisecond, which tells jobs apart."""


@click.command()
@click.option(
    "--status", type=click.Choice(list(JobStatus), case_sensitive=False), help="Only jobs in this state."
)
@click.option("--limit", type=click.IntRange(min=1), help="At most this many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@explained
def jobs(status: JobStatus | None, limit: int | None, as_json: bool) -> None:
    """List the imports, the newest first."""
    with session() as opened:
        found = job_list.newest(opened.connection, status=status, limit=limit)
        if as_json:
            with opened.database.connect() as other:
                print_json_lines(job.status_object(row_errors.preview(other, job.id)) for job in found)
            return
        print_table(
            [
                ("job", "whole"),
                ("file", "left"),
                ("what", "whole"),
                ("status", "whole"),
                ("rows", "right"),
                ("imported", "right"),
                ("rejected", "right"),
                ("open", "right"),
                ("by", "left"),
                ("created", "whole"),
            ],
            (
                (
                    str(job.id)[:SHOWN_ID],
                    job.filename,
                    _what(job),
                    "UNDONE" if job.undone_at else job.status.value,
                    job.rows,
                    job.success_count,
                    job.error_count,
                    "" if job.undone_at else job.open_error_count,
                    job.submitted_by or "",
                    job.created_at,
                )
                for job in found
            ),
            empty="No imports yet. `bibliflow import FILE` makes the first one.",
        )


@click.command()
@click.argument("job")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def status(job: str, as_json: bool) -> None:
    """Show how the import JOB stands."""
    with session() as opened:
        found = job_table.find(opened.connection, job)
        shown = show(opened, found, as_json)
        if not as_json and found.open_error_count > shown:
            narrate(f"... and more: `bibliflow errors {found.id}` shows them all.")


def show(opened: Session, job: Job, as_json: bool) -> int:
    """Print a job with its first errors; how many those are."""
    preview = row_errors.preview(opened.connection, job.id)
    if as_json:
        click.echo(json.dumps(job.status_object(preview)))
    else:
        click.echo(_summary(job))
        for error in preview:
            click.echo(visible(f"  row {error['row_number']:,}: {error['error_message']}", limit=300))
    return len(preview)


def _what(job: Job) -> str:
    policy = job.options.get("on_duplicate", "error")
    return job.kind if job.kind != "import" or policy == "error" else f"{job.kind}, {policy}"


def _summary(job: Job) -> str:
    """A job's state in one or two lines, safe to print."""
    lines = [visible(f"{job.filename}: {_state(job)}")]
    lines.append(f"  job {job.id}")
    return "\n".join(lines)


def _state(job: Job) -> str:
    counts = COUNTS[job.kind](job)
    match job.status:
        case JobStatus.PENDING:
            return f"waiting{f' ({job.failure_reason})' if job.failure_reason else ''}"
        case JobStatus.PROCESSING:
            return (
                f"{AT_WORK[job.kind]}, {job.progress_percent:.1f} % after {job.processed_rows:,} rows;"
                f" so far {counts}"
            )
        case JobStatus.SUCCESS:
            undone = " (undone)" if job.undone_at else ""
            return f"done{undone}, {job.rows:,} rows: {counts}, in {job.seconds:.1f} s"
        case JobStatus.FAILURE:
            return f"failed: {job.failure_reason}; {counts}"
        case JobStatus.CANCELLED:
            return f"cancelled; {counts}"


def _of_import(job: Job) -> str:
    counts = f"{job.success_count:,} imported, {job.error_count:,} rejected"
    if job.repaired:
        counts += f" ({job.open_error_count:,} still open)"
    return counts + (f", {job.skipped_count:,} skipped" if job.skipped_count else "")


def _of_repair(job: Job) -> str:
    skipped = job.skipped_count - job.rejected_again
    counts = f"{job.success_count:,} imported, {job.rejected_again:,} rejected again"
    return counts + (f", {skipped:,} skipped" if skipped else "")


def _of_undo(job: Job) -> str:
    return f"{job.success_count:,} taken back, {job.skipped_count:,} kept"


COUNTS: dict[Kind, Callable[[Job], str]] = {"import": _of_import, "repair": _of_repair, "undo": _of_undo}
