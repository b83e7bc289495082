"""The long form: ``python -m tests.machines``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from daemon import log
from daemon.catalog.database import connected
from tests import own_redis, own_server
from tests.machines.fleet import Fleet, assert_once, done, fleet, kill_in_turn, written_files


def main() -> None:
    """Play it on both kinds of queue and say what happened; a difference is an AssertionError."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--rows", type=int, default=5_000, help="of each file")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between kills, about")
    parser.add_argument("--queue", choices=["postgresql", "redis"], action="append")
    arguments = parser.parse_args()
    log.configure(quiet=True)
    for variable in [name for name in os.environ if name.startswith("BIBLIFLOW_")]:
        del os.environ[variable]
    for kind in arguments.queue or ["postgresql", "redis"]:
        with ExitStack() as stack:
            server = stack.enter_context(own_server.running())
            address = stack.enter_context(own_server.database(server))
            queue = address
            if kind == "redis":
                queue = stack.enter_context(own_redis.running()).url
            this = stack.enter_context(fleet(address, queue, "abc"))
            _play(this, address, kind, arguments)


def _play(this: Fleet, address: str, kind: str, arguments: argparse.Namespace) -> None:
    third = arguments.files // 3
    this.start()
    begun = time.monotonic()
    files = written_files(this.inbox, range(third), arguments.rows)
    mine = written_files(this.base / "lists", range(third, arguments.files), arguments.rows)
    files += mine
    with connected(address) as connection, ThreadPoolExecutor() as pool:
        handing_in = pool.submit(_hand_in, this, mine)
        kills = kill_in_turn(
            this, lambda: done(connection) >= len(files), every=arguments.every, seed=1, say=say
        )
        handing_in.result()
        took = time.monotonic() - begun
        spread = assert_once(connection, this, files, arguments.rows)
    assert len(spread) == len(this.machines), spread
    say(
        f"{kind}: {len(files)} files of {arguments.rows:,} rows, {kills} kills, {took:.0f} s;"
        " each imported once; " + ", ".join(f"{name} {count}" for name, count in sorted(spread.items()))
    )


def _hand_in(this: Fleet, files: list[Path]) -> None:
    """By the command, on the machines in turn."""
    for number, first in enumerate(range(0, len(files), 10)):
        machine = this.machines[number % len(this.machines)]
        result = machine.bibliflow("import", *files[first : first + 10])
        assert result.returncode == 0, result.stderr


def say(line: str) -> None:
    """Narrate."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
