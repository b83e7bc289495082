"""``bibliflow-daemon``: run the service, ask for it, stop it."""

from __future__ import annotations

import json
import sys

import click

from daemon import control, log, settings
from daemon import health as checks
from daemon.exits import ExitCode, explained
from daemon.service_cli import service
from daemon.visible import visible


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bibliflow")
def main() -> None:
    """The service that imports queued book lists into PostgreSQL."""


@main.command()
@explained
def run() -> None:
    """Work in the foreground until SIGTERM or Ctrl-C."""
    from daemon.service import Service  # Huey and all: not for those who only ask

    loaded, paths = settings.load()
    paths.make_private()
    log.configure_daemon(loaded.log, paths)
    Service(loaded, paths).run()


@main.command()
@explained
def status() -> None:
    """Say whether a daemon runs for this home; exit code 1 if not."""
    info = control.running(settings.paths())
    if info is None:
        click.echo("No daemon is running.")
        sys.exit(ExitCode.FAILED)
    click.echo(f"The daemon is {'running' if info.ready else 'starting'}, process {info.pid}.")


@main.command()
@explained
def stop() -> None:
    """End the daemon of this home.

    Imports stop at the end of a chunk, and go on at the next start.
    """
    pid = control.stop(settings.paths())
    click.echo("No daemon is running." if pid is None else f"The daemon, process {pid}, has ended.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def health(as_json: bool) -> None:
    """Check all parts, within two seconds.

    The exit code is 0 if all is well, 1 if something is not, 3 if database or queue are out of reach.
    """
    log.configure(quiet=True)
    report = checks.check(*settings.load())
    if as_json:
        click.echo(json.dumps(report.as_dict()))
    else:
        for line in report.lines():
            click.echo(visible(line))
    sys.exit(report.exit_code)


main.add_command(service)


if __name__ == "__main__":
    main()
