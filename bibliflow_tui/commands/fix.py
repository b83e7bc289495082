"""``bibliflow fix``."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bibliflow_tui.commands.session import narrate, session
from daemon.catalog import jobs, row_errors
from daemon.exits import ExitCode, explained, fail
from daemon.importing.fix import BusyError, Fixed, apply_suggestions
from daemon.visible import visible


@click.command()
@click.argument("job")
@click.option("--suggestions", is_flag=True, help="Put what was probably meant in place of rejected values.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def fix(job: str, suggestions: bool, as_json: bool) -> None:
    """Import rejected rows of the import JOB after all.

    With --suggestions, the rows every problem of which has a suggestion; `bibliflow errors JOB` shows them.
    """
    if not suggestions:
        raise click.UsageError("Say how: --suggestions")
    with session() as opened:
        found = jobs.find(opened.connection, job)
        console = Console(stderr=True)
        columns = (TextColumn("Fixing"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("", total=found.error_count)

            def show(total: Fixed) -> None:
                progress.update(bar, completed=total.imported + total.skipped + total.rejected)

            try:
                fixed = apply_suggestions(opened.connection, found, show)
            except BusyError as error:
                fail(str(error), ExitCode.FAILED)
            except KeyboardInterrupt:
                narrate("Stopped. What was fixed so far stays; run it again for the rest.")
                sys.exit(ExitCode.FAILED)
        left = row_errors.count(opened.connection, found.id)
        if as_json:
            click.echo(json.dumps({"job_id": str(found.id)} | fixed.as_dict() | {"open": left}))
            return
        click.echo(visible(f"{found.filename}: {_words(fixed)}; {left:,} rejected rows are left"))


def _words(fixed: Fixed) -> str:
    if fixed == Fixed():
        return "no rejected row has a suggestion for every problem"
    words = f"{fixed.imported:,} rows imported"
    if fixed.skipped:
        words += f", {fixed.skipped:,} skipped"
    if fixed.rejected:
        words += f", {fixed.rejected:,} rejected again (`bibliflow errors` says why)"
    return words
