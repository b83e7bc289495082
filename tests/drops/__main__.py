"""The long form: ``python -m tests.drops``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from daemon import control, log, settings
from daemon.catalog.database import Database
from tests.drops.campaign import Stopped, assert_all_in, drop, kill_again_and_again, wait_for


def main() -> None:
    """Play it all and say what happened; a difference is an AssertionError."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000, help="dropped at once")
    parser.add_argument("--kills", type=int, default=100, help="of the daemon, while files come in")
    arguments = parser.parse_args()
    log.configure(quiet=True)
    os.environ["BIBLIFLOW_WATCH__SETTLE_SECONDS"] = "0.3"
    for is_stopped in (False, True) if arguments.files else ():
        _play_drop(arguments.files, is_stopped=is_stopped)
    if arguments.kills:
        _play_kills(arguments.kills)


def _home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="bibliflow-drops-"))
    os.environ["BIBLIFLOW_HOME"] = str(home)
    return home / "inbox"


def _play_drop(files: int, *, is_stopped: bool) -> None:
    inbox = _home()
    control.start(settings.paths())
    with Database(*settings.load()) as database, database.connect() as connection:
        begun = time.monotonic()
        if is_stopped:
            with Stopped():
                paths = drop(inbox, files)
        else:
            paths = drop(inbox, files)
        dropped = time.monotonic()
        wait_for(connection, files, 3600)
        say(
            f"{files:,} files{' while the daemon was stopped' if is_stopped else ''}: dropped in"
            f" {dropped - begun:.1f} s, all imported {time.monotonic() - dropped:.1f} s later"
        )
        assert_all_in(connection, inbox, paths)
        control.stop(settings.paths())


def _play_kills(kills: int) -> None:
    inbox = _home()
    with Database(*settings.load()) as database, database.connect() as connection:
        paths = kill_again_and_again(connection, inbox, kills, seed=1, say=say)
        wait_for(connection, len(paths), 120)
        assert_all_in(connection, inbox, paths)
        say(f"{kills} kills: {len(paths)} files, each imported once and in its place")
        control.stop(settings.paths())


def say(line: str) -> None:
    """Narrate."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
