"""What most commands need: settings, paths, a connection; and printing that cannot be abused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import click

from daemon import log, settings
from daemon.catalog.database import Connection, Database
from daemon.catalog.roles import roles_explained
from daemon.settings import Paths, Settings
from daemon.visible import visible

UNLIMITED = 100_000
"""Columns of a table that is not for a terminal."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open catalogue."""

    settings: Settings
    paths: Paths
    database: Database
    connection: Connection


@contextmanager
def session(found: tuple[Settings, Paths] | None = None) -> Iterator[Session]:
    """Settings, unless they are ``found`` already, and an open catalogue.

    Raises the errors that :func:`daemon.exits.explained` words.
    """
    log.configure(quiet=True)
    loaded, paths = found or settings.load()
    with (
        Database(loaded, paths) as database,
        database.connect() as connection,
        roles_explained(connection),
    ):
        yield Session(loaded, paths, database, connection)


def narrate(message: str) -> None:
    """Say something to the person at the terminal, on standard error."""
    click.echo(visible(message), err=True)


def confirm(question: str, yes: bool) -> None:
    """Ask before something is destroyed; without a terminal only ``--yes`` answers."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{visible(question)} Answer with --yes.")
    click.confirm(visible(question), abort=True, err=True)


def print_json_lines(rows: Iterable[dict[str, Any]]) -> None:
    """One JSON object per line, each as soon as it is there."""
    for row in rows:
        click.echo(json.dumps(row))


def print_table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table of untrusted values; ``columns`` are (title, "left", "right" or "whole": never cut)."""
    cells = [[visible(number_or_text(value)) for value in row] for row in rows]
    if not cells:
        narrate(empty)
        return
    from rich.console import Console  # most commands print no tables
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for (title, kind), column in zip(columns, zip(*cells, strict=True), strict=True):
        justify: Literal["left", "right"] = "right" if kind == "right" else "left"
        # Numbers and ids are never cut: half a number is a wrong number.
        width = None if kind == "left" else max(map(len, (title, *column)))
        table.add_column(title, justify=justify, no_wrap=True, overflow="ellipsis", min_width=width)
    for row in cells:
        table.add_row(*map(Text, row))
    # What goes into a file or another program is not cut to the width of a terminal.
    Console(width=None if sys.stdout.isatty() else UNLIMITED).print(table)


def number_or_text(value: object) -> object:
    """Numbers with thousands separators, moments in local time, everything else as it is."""
    if isinstance(value, datetime):
        local = value.astimezone()
        this_year = local.year == datetime.now().astimezone().year
        return local.strftime("%d %b %H:%M" if this_year else "%d %b %Y")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value
