"""``bibliflow watch``."""

from __future__ import annotations

import click

from bibliflow_tui.commands.session import narrate, print_json_lines, print_table
from daemon import log, settings
from daemon.exits import explained
from daemon.inbox.ledger import FileState, Ledger, describe

SHOWN = 50
"""Files in the table unless more are asked for."""


@click.command()
@click.option(
    "--state",
    "states",
    type=click.Choice(list(FileState), case_sensitive=False),
    multiple=True,
    help="Only files in this state; may be given several times.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most this many, those that changed last.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@explained
def watch(states: tuple[FileState, ...], limit: int | None, as_json: bool) -> None:
    """Say what became of the files in the inbox.

    The inbox is the folder that the daemon imports from: put files there, or into folders in it. What is
    imported moves to `imported`, what cannot be to `failed`, with the rejected rows or the reason beside it.
    """
    log.configure(quiet=True)
    loaded, paths = settings.load()
    paths.make_private()
    with Ledger(paths.state_db) as ledger:
        if as_json:
            print_json_lines(entry.as_dict() for entry in ledger.entries(states=states, limit=limit))
            return
        for line in describe(loaded.watch, paths, ledger.folder())[0]:
            narrate(line)
        print_table(
            [("file", "left"), ("state", "whole"), ("changed", "whole"), ("why", "left"), ("job", "whole")],
            (
                (
                    entry.name,
                    entry.state.value,
                    entry.changed,
                    entry.reason,
                    (entry.job_id or "")[:13],
                )
                for entry in ledger.entries(states=states, limit=limit or SHOWN)
            ),
            empty="Nothing has come yet.",
        )
        more = sum(ledger.counts().values()) - (limit or SHOWN)
        if more > 0 and not states and not limit:
            narrate(f"... and {more:,} more: --limit shows them.")
