"""Measures everything, in turns, and prints a table of medians and ratios. ``make bench``."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks import files, small, ways
from benchmarks.stage import Stage, stage
from daemon import log

ROWS = 1_000_000

PGLOADER_ROWS = 20_000
"""Rows of the file with bad rows that pgloader gets: a million would take it most of an hour."""


class Bench:
    """The figures of one run."""

    def __init__(self, here: Stage, rows: int, rounds: int) -> None:
        self._stage = here
        self._rows = rows
        self._rounds = rounds
        self.seconds: dict[str, list[float]] = {}
        self.memory: dict[str, float] = {}

    def run(self) -> None:
        """Everything, as often as there are rounds."""
        folder = self._stage.directory
        clean = files.clean(folder / "clean.csv", self._rows)
        other = files.clean(folder / "other.csv", self._rows, first=self._rows)
        bad = files.with_bad_rows(folder / "bad.csv", self._rows)
        few_rows = min(PGLOADER_ROWS, self._rows)
        few = files.with_bad_rows(folder / "few.csv", few_rows)
        (folder / "many").mkdir()
        many = [
            files.clean(folder / "many" / f"{number}.csv", 100, first=number * 100)
            for number in range(self._rows // 1000)
        ]
        large = files.clean(folder / "large.csv", 10 * self._rows)
        for number in range(self._rounds):
            say(f"round {number + 1} of {self._rounds}")
            self._measure(
                r"psql `\copy`, clean", lambda: ways.psql_copy(self._stage, clean), self._rows, ids=True
            )
            self._measure(
                "two connections, clean", lambda: ways.two_connections(self._stage, clean), self._rows
            )
            self._bibliflow("clean", [clean], self._rows)
            # The same once more: all of it is there.
            self._measure("Bibliflow, all duplicates", lambda: ways.bibliflow([clean]), keep=True)
            self._bibliflow("2 % bad", [bad], self._rows)
            self._bibliflow("two files at once", [clean, other], 2 * self._rows)
            self._bibliflow(f"{len(many):,} files of 100 rows", many, 100 * len(many))
            self._bibliflow("10 times the rows", [large], 10 * self._rows)
            if ways.has_pgloader():
                self._measure(
                    "pgloader, clean", lambda: ways.pgloader(self._stage, clean), self._rows, ids=True
                )
                self._measure("pgloader, 2 % bad", lambda: ways.pgloader(self._stage, few), ids=True)
            self._bibliflow("2 % bad, as many as pgloader", [few], few_rows)
            self.seconds.setdefault("`bibliflow status JOB --json`", []).append(small.status(self._stage))
            self.seconds.setdefault("first screen of the dashboard", []).append(small.first_paint())

    def _bibliflow(self, what: str, paths: list[Path], rows: int) -> None:
        with ways.Memory(self._stage) as memory:
            self._measure(f"Bibliflow, {what}", lambda: ways.bibliflow(paths), rows)
        self.memory[what] = max(self.memory.get(what, 0.0), memory.largest)

    def _measure(
        self,
        name: str,
        way: Callable[[], float],
        rows: int | None = None,
        *,
        ids: bool = False,
        keep: bool = False,
    ) -> None:
        if keep:
            self._stage.settle()
        else:
            self._stage.empty(server_makes_ids=ids)
        seconds = way()
        books, errors = self._stage.counts()
        say(f"  {name}: {seconds:.2f} s, {books:,} books, {errors:,} errors")
        if rows is not None and "pgloader" not in name and books + errors != rows:
            raise RuntimeError(f"{name}: {rows:,} rows became {books:,} books and {errors:,} errors")
        self.seconds.setdefault(name, []).append(seconds)

    def report(self, idle_seconds: float) -> None:
        """Print the table; the daemon is watched ``idle_seconds`` long before the last line."""
        base = statistics.median(self.seconds[r"psql `\copy`, clean"])
        print(f"\n{machine()}; {self._rows:,} rows a file, medians of {self._rounds}\n")
        print(r"| | seconds | speed, psql `\copy` of the clean file = 1 |")
        print("| --- | ---: | ---: |")
        for name, seconds in self.seconds.items():
            median = statistics.median(seconds)
            times = {"Bibliflow, two files at once": 2, "Bibliflow, 10 times the rows": 10}.get(name, 1)
            compares = not any(
                word in name for word in ("pgloader, 2", "as many", "files of", "status", "screen")
            )
            ratio = f"{times * base / median:.2f}x" if compares else ""
            print(f"| {name} | {median:.2f} | {ratio} |")
        for what, size in self.memory.items():
            print(f"| largest process, {what} | {size:.0f} MB | |")
        share, size = small.idle(self._stage, idle_seconds)
        print(f"| idle daemon, all processes | {share:.2f} % of a core, {size:.0f} MB | |")


def machine() -> str:
    """What it was measured on."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, Python {platform.python_version()}"
    )


def say(line: str) -> None:
    """Narrate."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="of a file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds to watch the waiting daemon")
    arguments = parser.parse_args()
    log.configure(quiet=True)
    with stage() as here:
        bench = Bench(here, arguments.rows, arguments.rounds)
        bench.run()
        bench.report(arguments.idle)


if __name__ == "__main__":
    main()
