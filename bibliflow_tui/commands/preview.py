"""``bibliflow preview``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from bibliflow_tui import previews
from bibliflow_tui.advice import next_step
from bibliflow_tui.commands.reading_options import reading_options
from bibliflow_tui.commands.session import narrate, print_table
from daemon import intake, log, settings
from daemon.catalog import books
from daemon.catalog.database import Connection, Database, DatabaseError, is_out_of_reach
from daemon.exits import ExitCode, explained, fail
from daemon.file_check import RefusedError, check_file
from daemon.importing import reading as readings
from daemon.importing.header import FIELDS
from daemon.importing.preview import Preview, PreviewRow, scan
from daemon.importing.reading import Reading
from daemon.importing.source import SourceError
from daemon.request import Request
from daemon.settings import Paths, Settings
from daemon.visible import visible

SHOWN_VALUE = 60
"""Characters of a value in the table; --json has all of it."""

Known = Callable[[Sequence[str]], set[str] | None]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def preview(file: Path, reading: Request, as_json: bool) -> None:
    """Show what an import of FILE would bring.

    It shows how the file is read and why, its first rows, and how many are new or rejected. Nothing is
    imported. Ctrl-C ends the counting and shows what was counted so far.
    """
    log.configure(quiet=True)
    loaded, paths = settings.load()
    options = intake.import_options(loaded, reading)
    try:
        check_file(file, loaded)
        understood = readings.understand(file, options)
        with _known(loaded, paths) as known:
            result, is_complete = _count(file, scan(file, understood, options, known))
    except RefusedError as error:
        fail(str(error), ExitCode.USAGE)
    except SourceError as error:
        fail(f"{file}: {error}. {next_step(str(error))}", ExitCode.USAGE)
    if as_json:
        click.echo(json.dumps(_as_dict(file, understood, result, is_complete)))
    else:
        _print(file, understood, result, is_complete)
    if not is_complete:
        sys.exit(ExitCode.FAILED)


@contextmanager
def _known(loaded: Settings, paths: Paths) -> Iterator[Known | None]:
    """What asks the catalogue for ISBNs; None where there is none, or it is out of reach."""
    try:
        with Database(loaded, paths).look() as connection:
            yield partial(_existing, connection) if connection else None
    except DatabaseError as error:
        _narrate_unknown(error)
        yield None


def _existing(connection: Connection, isbns: Sequence[str]) -> set[str] | None:
    try:
        return books.existing(connection, isbns)
    except Exception as error:
        if not is_out_of_reach(error):
            raise
        _narrate_unknown(error)
        return None


def _narrate_unknown(error: Exception) -> None:
    narrate(f"Whether the books are there already is not known: {error}")


def _count(file: Path, growing: Iterator[Preview]) -> tuple[Preview, bool]:
    """The last of ``growing``, with progress on a terminal, and whether it is of the whole file."""
    console = Console(stderr=True)
    columns = (TextColumn("Counting"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    result = Preview()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=file.stat().st_size)
        try:
            for result in growing:
                progress.update(bar, completed=result.bytes_read)
        except KeyboardInterrupt:
            return result, False
    return result, True


def _row(row: PreviewRow) -> dict[str, Any]:
    problems = [{"code": problem.code, "message": problem.message} for problem in row.problems]
    return {"row_number": row.row_number, **row.values, "problems": problems}


def _as_dict(file: Path, reading: Reading, result: Preview, is_complete: bool) -> dict[str, Any]:
    return {
        "file": visible(file),
        "encoding": reading.dialect.encoding,
        "dialect": {
            "delimiter": reading.dialect.delimiter,
            "backslash_escapes": reading.dialect.backslash,
            "spaces_after_delimiter": reading.dialect.skip_spaces,
            "lines_before_header": reading.dialect.preamble,
        },
        "reasons": list(reading.reasons),
        "header_row": reading.header_row,
        "columns": list(reading.header.names),
        "mapping": previews.mapping(reading),
        "rows": [_row(row) for row in result.first],
        "counts": result.as_dict(),
        "complete": is_complete,
    }


def _print(file: Path, reading: Reading, result: Preview, is_complete: bool) -> None:
    click.echo(visible(f"{file}: {reading.describe()}"))
    for reason in reading.reasons:
        click.echo(visible(f"  {reason}"))
    click.echo()
    for field, columns in previews.mapping(reading).items():
        click.echo(visible(f"  {field:<16} <- {previews.sources(columns)}"))
    click.echo()
    print_table(
        [
            ("row", "right"),
            ("title", "left"),
            ("author", "left"),
            ("ISBN", "left"),
            ("year", "left"),
            ("problem", "left"),
        ],
        map(_cells, result.first),
        empty="No rows.",
    )
    click.echo()
    for line in _summary(result, is_complete):
        click.echo(line)


def _cells(row: PreviewRow) -> tuple[object, ...]:
    values = [str(row.values.get(field) or "")[:SHOWN_VALUE] for field in FIELDS]
    return row.row_number, *values, "; ".join(problem.message for problem in row.problems)


def _summary(result: Preview, is_complete: bool) -> Iterator[str]:
    if not is_complete:
        yield f"Stopped after {result.total:,} rows. Of these:"
    yield previews.counts(result)
    for code, count in result.codes.most_common():
        yield f"  {count:>9,}  {code}"
    if result.fixable:
        yield f"For {result.fixable:,} rejected rows there are suggestions; `bibliflow fix` applies them."
