"""``bibliflow``: the dashboard without arguments, and the commands."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from daemon.exits import explained

COMMANDS = {
    "books": "bibliflow_tui.commands.books:books",
    "cancel": "bibliflow_tui.commands.actions:cancel",
    "cleanup": "bibliflow_tui.commands.actions:cleanup",
    "db": "bibliflow_tui.commands.db:db",
    "demo": "bibliflow_tui.commands.demo:demo",
    "errors": "bibliflow_tui.commands.errors:errors",
    "fix": "bibliflow_tui.commands.fix:fix",
    "health": "daemon.cli:health",
    "help": "bibliflow_tui.commands.help:show_help",
    "import": "bibliflow_tui.commands.importing:import_files",
    "jobs": "bibliflow_tui.commands.jobs:jobs",
    "logs": "bibliflow_tui.commands.logs:logs",
    "preview": "bibliflow_tui.commands.preview:preview",
    "retry": "bibliflow_tui.commands.actions:retry",
    "status": "bibliflow_tui.commands.jobs:status",
    "undo": "bibliflow_tui.commands.undo:undo",
    "watch": "bibliflow_tui.commands.watch:watch",
}


EPILOG = """
\b
Examples:
  bibliflow import books.csv --wait     import a file and show what came of it
  bibliflow books.csv                   look at it in the dashboard first
  bibliflow errors 01a20e66-6854        the rejected rows of an import
  bibliflow help                        the pages of the manual

JOB is the id of an import, or the start of it; `bibliflow jobs` lists them. Results go to standard output,
everything else to standard error.

\b
Exit codes:
  0  done
  1  the import failed or was cancelled, or what was asked for cannot be done now
  2  wrong usage, a wrong setting, or a file that was refused
  3  the database is out of reach
  4  there is no such import

BIBLIFLOW_HOME names a directory for everything: configuration, data, state, inbox. BIBLIFLOW_DATABASE__URL
and the like stand for settings of config.toml.
"""


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for, so that none pays for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """What ``args`` begin with: a command, or else a file, which the dashboard then offers for import."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and Path(args[0]).is_file():
            return "", open_files, args
        return super().resolve_command(ctx, args)


@click.command()
@click.argument(
    "files", nargs=-1, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@explained
def open_files(files: tuple[Path, ...]) -> None:
    """Open the dashboard and offer FILES for import."""
    from bibliflow_tui.app import run_dashboard

    run_dashboard(files)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="bibliflow")
@click.pass_context
@explained
def main(context: click.Context) -> None:
    """Bring book lists in CSV files into PostgreSQL without losing a row.

    Without a command the dashboard opens; with files, it offers them for import.
    """
    if context.invoked_subcommand is None:
        from bibliflow_tui.app import run_dashboard

        run_dashboard()


if __name__ == "__main__":
    main()
