"""``bibliflow import``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from bibliflow_tui.commands.reading_options import reading_options
from daemon import settings
from daemon.exits import ending_at_once, explained
from daemon.request import Request
from daemon.spool_copy import SpoolCopy
from daemon.values import DuplicatePolicy, max_errors

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread lets another one go on, so that copying does not wait for loading. With the
usual 5 ms the two take 10 ms longer."""


def parse_limit(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """``--max-errors 5%``."""
    try:
        return value and max_errors(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, readable=False)
)
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
    loaded, paths = settings.load()
    paths.make_private()
    request = replace(reading, on_duplicate=on_duplicate, max_errors=limit, take_back=take_back)
    sys.setswitchinterval(SWITCH_INTERVAL)
    with SpoolCopy(files[0], loaded.importing.max_file_size).begin(paths.spool) as first:
        # Half of what the command loads; meanwhile the file is copied.
        with ending_at_once():
            from bibliflow_tui.commands.submitting import import_all

        import_all((loaded, paths), files, request, first, wait=wait, strict=strict, as_json=as_json)
