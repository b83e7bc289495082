"""``bibliflow fix``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from bibliflow_tui import follow_up_words
from bibliflow_tui.commands.session import Session, narrate, session
from bibliflow_tui.commands.submitting import ensure_daemon, submit_all
from bibliflow_tui.commands.waiting import wait_for
from daemon import followups
from daemon.catalog import jobs
from daemon.catalog.job import Job, JobStatus
from daemon.exits import ExitCode, explained, fail
from daemon.followups import FollowUpError
from daemon.importing import bulk
from daemon.importing.bulk import BulkRepair
from daemon.queue import JobQueue
from daemon.request import Request
from daemon.values import BookField
from daemon.visible import visible

SHOWN_EXAMPLES = 10
"""Rows of a preview that are printed."""


def parse_fields(
    _context: click.Context, _parameter: click.Parameter, values: Sequence[str]
) -> dict[BookField, str]:
    """``--set author="Ann Other"``, repeatable."""
    parsed: dict[BookField, str] = {}
    for value in values:
        name, separator, text = value.partition("=")
        field = next((field for field in get_args(BookField) if field == name.strip().lower()), None)
        if not separator or field is None:
            raise click.BadParameter(f"{value!r} is not FIELD=TEXT; fields: {', '.join(get_args(BookField))}")
        parsed[field] = text
    return parsed


@click.command()
@click.argument("job")
@click.option("--suggestions", is_flag=True, help="Put what was probably meant in place of rejected values.")
@click.option(
    "--set",
    "put",
    multiple=True,
    callback=parse_fields,
    metavar="FIELD=TEXT",
    help="Give a field this value.",
)
@click.option(
    "--strip-prefix",
    "prefixes",
    multiple=True,
    callback=parse_fields,
    metavar="FIELD=TEXT",
    help="Take this off the beginning of a field.",
)
@click.option(
    "--strip-suffix",
    "suffixes",
    multiple=True,
    callback=parse_fields,
    metavar="FIELD=TEXT",
    help="Take this off the end of a field.",
)
@click.option("--code", help="Only rows with this kind of problem, such as isbn_format.")
@click.option("--text", default="", help="Only rows with this text in message or record.")
@click.option("--dry-run", is_flag=True, help="Show what would become of the rows; change nothing.")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path),
    help="Take back this file, made by `bibliflow errors JOB --csv FILE` and corrected since.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def fix(
    job: str,
    suggestions: bool,
    put: dict[BookField, str],
    prefixes: dict[BookField, str],
    suffixes: dict[BookField, str],
    code: str | None,
    text: str,
    dry_run: bool,
    csv_file: Path | None,
    as_json: bool,
) -> None:
    """Import rejected rows of the import JOB after all.

    `bibliflow errors JOB` shows them. With --suggestions, the rows every problem of which has a suggestion.
    With --set, --strip-prefix and --strip-suffix, the rows that pass with their fields changed like that;
    --suggestions then serves their other fields. With --csv, the rows of a file that a spreadsheet or script
    corrected.
    """
    changes = bool(suggestions or put or prefixes or suffixes)
    if changes == (csv_file is not None):
        raise click.UsageError(
            "Say how: --suggestions, --set FIELD=TEXT, --strip-prefix, --strip-suffix; or else --csv FILE"
        )
    with session() as opened:
        found = jobs.find(opened.connection, job)
        if csv_file is not None:
            done = _take_back(opened, found, csv_file)
        else:
            repair = BulkRepair(
                code=code, text=text, suggestions=suggestions, put=put, prefixes=prefixes, suffixes=suffixes
            )
            if dry_run:
                _show_preview(opened, found, repair, as_json)
                return
            done = _repair(opened, found, repair)
        left = jobs.get(opened.connection, found.id).open_error_count
    fixed = done.repair_object()
    if as_json:
        click.echo(
            json.dumps({"job_id": str(found.id), "repair_job_id": str(done.id)} | fixed | {"open": left})
        )
    elif done.status is JobStatus.SUCCESS:
        words = follow_up_words.repaired(fixed)
        click.echo(visible(f"{found.filename}: {words}; {left:,} rejected rows are left"))
        if fixed["rejected"]:
            narrate(f"`bibliflow errors {found.id}` says why they are rejected.")
    if done.status is not JobStatus.SUCCESS:
        fail(done.failure_reason or "It was cancelled; what was repaired until then stays", ExitCode.FAILED)
    if not as_json and fixed["imported"]:
        narrate(f"`bibliflow undo {done.id}` takes it back.")


def _repair(opened: Session, job: Job, repair: BulkRepair) -> Job:
    opened.paths.make_private()
    with JobQueue.of(opened.settings, opened.paths) as queue:
        try:
            created = followups.repair_many(opened.connection, queue, job, repair, source="cli")
        except FollowUpError as error:
            fail(str(error), ExitCode.FAILED)
    ensure_daemon(opened)
    return wait_for(opened, [created])[0]


def _take_back(opened: Session, job: Job, file: Path) -> Job:
    """Import the corrected ``file``; its job, which must have been about the rows of ``job``."""
    submitted, refused = submit_all(opened, [file], Request(corrects=job.id), as_json=False)
    if refused:
        sys.exit(ExitCode.USAGE)
    ensure_daemon(opened)
    return wait_for(opened, submitted)[0]


def _show_preview(opened: Session, job: Job, repair: BulkRepair, as_json: bool) -> None:
    *_, found = bulk.preview(opened.connection, job, repair)
    if as_json:
        click.echo(json.dumps({"job_id": str(job.id), "rows": found.total, "passing": found.passing}))
        return
    for example in found.examples[:SHOWN_EXAMPLES]:
        click.echo(visible(f"row {example.error.row_number:,}: {_difference(example)}", limit=300))
    click.echo(f"{found.passing:,} of {found.total:,} rows would be imported; nothing was changed")


def _difference(example: bulk.Example) -> str:
    changed: list[Any] = [
        f"{field} {example.before.get(field, '')} → {value}"
        for field, value in example.after.items()
        if value != example.before.get(field, "")
    ]
    problems = "; ".join(problem.message for problem in example.problems)
    return ", ".join(changed or ["nothing changes"]) + (f"; still: {problems}" if problems else "")
