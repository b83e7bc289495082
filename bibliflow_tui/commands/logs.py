"""``bibliflow logs``."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator

import click

from bibliflow_tui.commands.session import narrate
from daemon import activity, control, journal, log, settings
from daemon.activity import Event, LogReader
from daemon.exits import ExitCode, explained, fail
from daemon.journal import Journal, JournalError
from daemon.settings import Paths
from daemon.visible import visible

SHOWN = 50
"""Lines unless more are asked for."""

COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with each line that comes, until Ctrl-C.")
@click.option("--job", help="Only lines about the import JOB: its id or the start of it.")
@click.option("--level", type=click.Choice(activity.LEVELS[:-1]), help="Only lines of this weight or more.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many, the latest.  [default: 50]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@explained
def logs(follow: bool, job: str | None, level: str | None, limit: int | None, as_json: bool) -> None:
    """Show what the daemon did, the latest last.

    What it says is in a file of its own; for a daemon that is a service of systemd, in the journal.
    """
    log.configure(quiet=True)
    paths = settings.paths(root_may_look=True)  # the journal is root's to read
    unit = journal.noted(paths.daemon_unit)
    reader = Journal(unit) if unit else LogReader(paths.daemon_log)

    def wanted(lines: Iterable[str]) -> Iterator[Event]:
        for event in activity.events(lines):
            if (not job or event.concerns(job)) and (not level or event.weighs(level)):
                yield event

    try:
        found = deque(wanted(reader.history()), limit or SHOWN)
        for event in found:
            _show(event, as_json)
        if follow:
            for event in wanted(reader.follow()):
                _show(event, as_json)
        elif not found:
            narrate(_empty(paths, job, level))
    except JournalError as error:
        fail(str(error), ExitCode.FAILED)
    except KeyboardInterrupt:
        return


def _show(event: Event, as_json: bool) -> None:
    click.echo(json.dumps(event.fields or {"event": event.text}) if as_json else _line(event))


def _line(event: Event) -> str:
    """An event for people, safe to print."""
    if event.at is None:
        return visible(event.text)
    when = event.at.astimezone().strftime("%d %b %H:%M:%S")
    level = click.style(f"{visible(event.level):<7}", fg=COLOURS.get(event.level))
    line = "  ".join(part for part in (when, level, visible(event.text), visible(event.details)) if part)
    return line + "".join(f"\n    {visible(row)}" for row in event.trace.splitlines())


def _empty(paths: Paths, job: str | None, level: str | None) -> str:
    if job or level:
        return "The log has no such line."
    running = " yet" if control.running(paths) else ": no daemon has run here"
    return f"The log is empty{running}."
