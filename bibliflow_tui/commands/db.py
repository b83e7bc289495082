"""``bibliflow db``: the catalogue dumped, restored, and moved to a server of one's own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from bibliflow_tui.commands.session import confirm, narrate
from daemon import backup, log, settings
from daemon.backup import without_password
from daemon.catalog.database import PasswordNeededError
from daemon.catalog.dumps import BadDumpError, DumpError
from daemon.catalog.transfer import TableCopied, TransferError
from daemon.exits import ExitCode, explained, fail
from daemon.settings import Paths, Settings
from daemon.visible import visible

FILE = click.Path(path_type=Path)


@click.group()
def db() -> None:
    """Back up, restore or move the database.

    These commands are for the database server that Bibliflow brings along; one of your own has its own tools.
    """


@db.command()
@click.argument("file", type=FILE)
@click.option("--yes", is_flag=True, help="Overwrite FILE without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def dump(file: Path, yes: bool, as_json: bool) -> None:
    """Write a backup of the database to FILE.

    Imports may go on meanwhile; FILE has what was there at one moment. It is in the custom format of pg_dump,
    and readable to you alone.
    """
    _, paths = _embedded(f"pg_dump --format=custom --file={file}")
    if file.is_dir():
        fail(f"{file} is a folder; name a file in it.", ExitCode.USAGE)
    if not file.absolute().parent.is_dir():
        fail(f"There is no folder {file.parent}.", ExitCode.USAGE)
    is_there = file.exists()
    if is_there:
        confirm(f"Overwrite {file}?", yes)
    begun = time.monotonic()
    with _errors_told(), _size("Dumping") as progress:
        found = backup.dump(paths, file, progress, overwrite=is_there)
    size = file.stat().st_size
    if as_json:
        seconds = round(time.monotonic() - begun, 2)
        click.echo(json.dumps({"file": visible(file), "bytes": size, "seconds": seconds} | asdict(found)))
    else:
        click.echo(
            visible(f"{file}: {found.books:,} books and {found.jobs:,} imports, {decimal(size)}, read back")
        )


@db.command()
@click.argument("file", type=FILE)
@click.option("--yes", is_flag=True, help="Do not ask before replacing the database.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def restore(file: Path, yes: bool, as_json: bool) -> None:
    """Replace the database by the backup in FILE.

    What is in the database now is lost; if anything goes wrong, nothing is. A daemon that runs is stopped and
    started again. A dump can run commands in the server: restore only those that you trust.
    """
    _, paths = _embedded("pg_restore --no-owner --dbname=ADDRESS_OF_AN_EMPTY_DATABASE " + str(file))
    with _errors_told():
        now = backup.contents(paths, file)
        confirm(f"Replace {now.books:,} books and {now.jobs:,} imports by those of {file}?", yes)
        with _size("Restoring") as progress:
            found, was_running = backup.restore(paths, file, progress)
    if as_json:
        click.echo(json.dumps({"file": visible(file)} | asdict(found)))
    else:
        click.echo(visible(f"{file}: {found.books:,} books and {found.jobs:,} imports restored"))
    if found.unfinished:
        narrate(f"Of its jobs, {found.unfinished:,} are not finished: the daemon goes on with them.")
    if was_running:
        narrate("The daemon was stopped meanwhile and runs again.")


@db.command()
@click.argument("url", required=False)
@click.option("--yes", is_flag=True, help="Do not ask before stopping the daemon.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def move(url: str | None, yes: bool, as_json: bool) -> None:
    """Copy the database to a PostgreSQL of your own.

    URL leads to an empty database, such as postgresql://me@host/library, on version 15 or newer. Nothing is
    changed here: the old database stays, and is used until you put the new address into config.toml.

    Leave the password out of URL, where others can see it: it is taken from ~/.pgpass or PGPASSWORD, or asked
    for. Without URL the address is asked for, too.
    """
    loaded, paths = _embedded(None)
    if url is None:
        if not sys.stdin.isatty():
            raise click.UsageError("Name the address: bibliflow db move postgresql://me@host/library")
        url = str(click.prompt("Address of the empty database (postgresql://me@host/library)", err=True))
    elif without_password(url) != url:
        narrate(
            "The password in the address can be seen by other users of this machine; better leave it out."
        )
    shown = without_password(url)
    confirm(f"Copy all books and imports to {shown}? A daemon that runs is stopped for it.", yes)
    with _errors_told():
        copied = _move(loaded, paths, url)
    _show_moved(copied, shown, paths, as_json)


def _move(loaded: Settings, paths: Paths, url: str) -> list[TableCopied]:
    password = None
    while True:
        try:
            with _rows() as progress:
                return backup.move(loaded, paths, url, password, progress)
        except PasswordNeededError:
            if password is not None or not sys.stdin.isatty():
                raise
            password = str(click.prompt("Password", hide_input=True, err=True))


def _show_moved(copied: list[TableCopied], shown: str, paths: Paths, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"url": visible(shown), "tables": [asdict(table) for table in copied]}))
    else:
        for table in copied:
            click.echo(f"{table.rows:>13,}  {table.name:<20} the same on both sides, {table.sha256[:16]}")
    narrate(f"Done. Now put this into {paths.config}, before anything else is imported:")
    click.echo("", err=True)
    narrate("[database]")
    narrate(f"url = {json.dumps(shown)}")
    click.echo("", err=True)
    narrate("and the password, if there is one, into ~/.pgpass; `bibliflow help own-postgresql` says how.")
    narrate(f"The daemon is stopped; the next command starts it. The old database stays in {paths.server}.")


def _embedded(own_tools: str | None) -> tuple[Settings, Paths]:
    """Settings of a home with an embedded server; others are told to use ``own_tools``."""
    log.configure(quiet=True)
    loaded, paths = settings.load()
    if url := loaded.database.url.get_secret_value():
        _refuse_own(without_password(url), own_tools)
    return loaded, paths


def _refuse_own(url: str, own_tools: str | None) -> NoReturn:
    if own_tools is None:
        fail(f"The books are in a PostgreSQL of your own already: {url}", ExitCode.USAGE)
    fail(
        f"The books are in a PostgreSQL of your own ({url}); use its tools, such as: {own_tools}. "
        "`bibliflow help backup` has more.",
        ExitCode.USAGE,
    )


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except BadDumpError as error:
        fail(str(error), ExitCode.USAGE)
    except (DumpError, TransferError) as error:
        fail(str(error), ExitCode.FAILED)
    except FileExistsError as error:
        fail(f"{error.filename or 'The file'} is there already; --yes overwrites it.", ExitCode.USAGE)


@contextmanager
def _size(what: str) -> Iterator[Callable[[int], object]]:
    """Shows how much was written, on a terminal."""
    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn(what), TextColumn("{task.fields[size]}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None, size="")
        yield lambda size: progress.update(bar, size=decimal(size))


@contextmanager
def _rows() -> Iterator[Callable[[str, str, int, int], object]]:
    """Shows the rows of each table, on a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bars = {}

        def show(table: str, step: str, rows: int, total: int) -> None:
            name = f"{step} {table}"
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=rows)

        yield show
