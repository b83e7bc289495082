"""``bibliflow help``: what the commands do, and the pages of the manual."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import bibliflow_tui
from daemon.exits import ExitCode, explained, fail

WIDEST = 100
"""Columns of a page on a wide terminal."""


def pages() -> dict[str, Path]:
    """The manual's pages by name: inside an installed package, beside it in a checkout."""
    package = Path(bibliflow_tui.__file__).parent
    folder = package / "docs"
    if not folder.is_dir():
        folder = package.parent / "docs"
    return {path.stem: path for path in sorted(folder.glob("*.md"))}


@click.command("help")
@click.argument("topic", nargs=-1)
@click.pass_context
@explained
def show_help(context: click.Context, topic: tuple[str, ...]) -> None:
    """Show a page of the manual, or help for a command.

    Without TOPIC, all commands and pages are listed.
    """
    found = pages()
    page = found.get(" ".join(topic))
    described = _command(context.find_root(), topic)
    if described is None and page is None:
        words = " ".join(topic)
        fail(f"There is no page and no command {words}; `bibliflow help` lists them.", ExitCode.USAGE)
    if described is not None:
        click.echo(described.get_help())
    if page is not None:
        _show_page(page.read_text(encoding="utf-8"))
    elif not topic:
        click.echo("\nPages of the manual, for `bibliflow help PAGE`:")
        for name, path in found.items():
            title = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
            click.echo(f"  {name:<18} {title}")


def _command(context: click.Context, topic: tuple[str, ...]) -> click.Context | None:
    """The command that the words lead to; None if there is none."""
    for word in topic:
        command = (
            context.command.get_command(context, word) if isinstance(context.command, click.Group) else None
        )
        if command is None:
            return None
        context = click.Context(command, info_name=word, parent=context)
    return context


def _show_page(text: str) -> None:
    """A page as a person reads it; as it is written where it goes to a file or program."""
    if not sys.stdout.isatty():
        click.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console = Console(width=min(console.width, WIDEST))
    with console.capture() as capture:
        console.print(Markdown(text))
    click.echo_via_pager(capture.get())
