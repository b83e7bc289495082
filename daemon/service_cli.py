"""``bibliflow-daemon service``: let systemd run the daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from daemon import installation, units
from daemon.exits import explained
from daemon.installation import Wish
from daemon.settings import APP_NAME
from daemon.visible import visible


def _wishing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that all of them have."""
    options: list[Any] = [
        click.option(
            "--system/--user",
            "is_system",
            default=None,
            help="A service of the machine, or of yours alone.  [default: --system for root]",
        ),
        click.option("--name", default=APP_NAME, show_default=True, help="Name of the service."),
        click.option(
            "--home",
            type=click.Path(path_type=Path),
            help=f"BIBLIFLOW_HOME of the daemon.  [default: {units.STATE_ROOT}/NAME; for --user your own]",
        ),
        click.option(
            "--run-as", "user", default=APP_NAME, show_default=True, help="User of a --system service."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _wish(is_system: bool | None, name: str, home: Path | None, user: str) -> Wish:
    return Wish(
        is_system=os.geteuid() == 0 if is_system is None else is_system, name=name, home=home, user=user
    )


@click.group()
def service() -> None:
    """Let systemd run the daemon.

    It runs then from every start of the machine, watched, and behind walls.
    """


@service.command()
@_wishing
@click.option("--yes", is_flag=True, help="Overwrite a unit that was changed.")
@explained
def install(is_system: bool | None, name: str, home: Path | None, user: str, yes: bool) -> None:
    """Install the service and start it."""
    wish = _wish(is_system, name, home, user)
    installation.install(wish, _asking(yes), _say)
    if wish.is_system:
        at = installation.plan(wish).home
        _say(f"Commands are for its user: sudo -u {user} BIBLIFLOW_HOME={at} bibliflow health")
    elif not Path(f"/var/lib/systemd/linger/{os.environ.get('USER', '')}").exists():
        _say("It runs while you are logged in; `loginctl enable-linger` lets it run always.")


@service.command()
@_wishing
@click.option("--yes", is_flag=True, help="Remove a unit that was changed.")
@explained
def uninstall(is_system: bool | None, name: str, home: Path | None, user: str, yes: bool) -> None:
    """Stop the service and remove it.

    What it imported, and its files, stay.
    """
    installation.uninstall(_wish(is_system, name, home, user), _asking(yes), _say)


@service.command()
@_wishing
@click.option("--launchd", is_flag=True, help="The property list for launchd instead, as of macOS.")
@explained
def show(is_system: bool | None, name: str, home: Path | None, user: str, launchd: bool) -> None:
    """Print the unit; nothing is written."""
    is_system = False if launchd and is_system is None else is_system
    click.echo(installation.text(_wish(is_system, name, home, user), launchd=launchd), nl=False)


def _asking(yes: bool) -> Callable[[str], None]:
    def confirm(question: str) -> None:
        if yes:
            return
        if not sys.stdin.isatty():
            raise click.UsageError(f"{visible(question)} Answer with --yes.")
        click.confirm(visible(question), abort=True, err=True)

    return confirm


def _say(message: str) -> None:
    for line in message.splitlines():
        click.echo(visible(line), err=True)
