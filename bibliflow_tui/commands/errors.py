"""``bibliflow errors``."""

from __future__ import annotations

from pathlib import Path

import click

from bibliflow_tui import errors_file
from bibliflow_tui.commands.session import narrate, print_json_lines, print_table, session
from daemon.catalog import jobs, row_errors
from daemon.catalog.error_filter import ErrorFilter
from daemon.catalog.row_errors import RowError
from daemon.exits import ExitCode, explained, fail

SHOWN_DATA = 60
"""Characters of a record in the table; --json and --csv have all of it."""


@click.command()
@click.argument("job")
@click.option("--code", help="Only rows with this problem, such as isbn_format.")
@click.option("--all", "with_resolved", is_flag=True, help="Also rows that were repaired since.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rejected rows to this file, with their messages in a last column.",
)
@explained
def errors(job: str, code: str | None, with_resolved: bool, as_json: bool, csv_path: Path | None) -> None:
    """List the rows of the import JOB that were rejected, and why."""
    if csv_path and (as_json or with_resolved):
        raise click.UsageError("--csv excludes --json and --all")
    with session() as opened:
        found = jobs.find(opened.connection, job)
        rejected = row_errors.stream(
            opened.connection, found.id, ErrorFilter(code, with_resolved=with_resolved)
        )
        if csv_path:
            try:
                count = errors_file.write(csv_path, found, rejected)
            except FileExistsError:
                fail(f"{csv_path} exists already; give another name or remove it", ExitCode.USAGE)
            narrate(f"{count:,} rows written to {csv_path}")
        elif as_json:
            print_json_lines(error.as_dict() for error in rejected)
        else:
            print_table(
                [
                    ("row", "right"),
                    *([("repaired", "left")] if with_resolved else []),
                    ("problem", "left"),
                    ("suggestion", "left"),
                    ("record", "left"),
                ],
                (_cells(error, with_resolved) for error in rejected),
                empty="No rejected rows.",
            )


def _cells(error: RowError, with_resolved: bool) -> tuple[object, ...]:
    suggestions = [problem["suggestion"] or "?" for problem in error.problems]
    shown = "" if set(suggestions) == {"?"} else ", ".join(suggestions)
    resolved = [error.resolved_at or ""] if with_resolved else []
    return error.row_number, *resolved, error.error_message, shown, error.raw_data[:SHOWN_DATA]
