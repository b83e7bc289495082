"""Ways to bring a file into ``books``; each takes the seconds that it needs and checks what came of it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.stage import Stage, program, psql, timed
from daemon.catalog import books
from daemon.catalog.books import NewBook
from daemon.catalog.copying import EncodedRows
from daemon.catalog.ids import uuid7
from daemon.importing.checking import checked
from daemon.importing.options import ImportOptions
from daemon.importing.reading import understand

COLUMNS = "title, author, isbn, publication_year"
ROWS_AT_ONCE = 20_000

PGLOADER = """
LOAD CSV FROM '{file}' ({columns})
INTO pgsql://{user}@unix:{host}:{port}/{dbname}?tablename=books ({columns})
WITH skip header = 1, fields optionally enclosed by '"', fields terminated by ',';
"""


def bibliflow(files: Sequence[Path]) -> float:
    """From the command to SUCCESS of all: with the copy into the spool, the queue, and every row checked."""
    return timed([program("bibliflow"), "import", *files, "--wait"])


def psql_copy(stage: Stage, file: Path) -> float:
    r"""``\\copy``, with identifiers made by the server; nothing is checked but what the table checks."""
    command = f"\\copy books ({COLUMNS}) FROM '{file}' WITH (FORMAT csv, HEADER)"
    return timed([psql(), "--no-psqlrc", "--quiet", stage.conninfo, "-c", command])


def pgloader(stage: Stage, file: Path) -> float:
    """pgloader, which sets bad rows aside."""
    address = {"port": "5432"} | conninfo_to_dict(stage.conninfo)
    script = stage.directory / "books.load"
    script.write_text(PGLOADER.format(file=file, columns=COLUMNS, **address))
    try:
        return timed(["pgloader", "--root-dir", stage.directory / "pgloader", script])
    finally:
        shutil.rmtree(stage.directory / "pgloader", ignore_errors=True)


def has_pgloader() -> bool:
    """Whether there is one to compare with."""
    return shutil.which("pgloader") is not None


def two_connections(stage: Stage, file: Path) -> float:
    """The limit: rows that were read, checked, sorted and encoded before, over two connections at once."""
    reading = understand(file, ImportOptions())
    halves: list[list[EncodedRows]] = [[], []]
    job_id = uuid7()
    found: list[NewBook] = []
    number = 0
    for part in checked(file, reading, "format"):
        found += part.candidates.books()
        if len(found) >= ROWS_AT_ONCE:
            halves[number % 2].append(books.encode(job_id, found))
            found = []
            number += 1
    halves[number % 2].append(books.encode(job_id, found))

    def send(half: list[EncodedRows]) -> None:
        with psycopg.connect(stage.conninfo, autocommit=True, client_encoding="UTF8") as connection:
            connection.execute("SET synchronous_commit = off")
            for chunk in half:
                books.copy(connection, chunk)

    threads = [threading.Thread(target=send, args=(half,)) for half in halves]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


class Memory:
    """Watches twice a second how much memory the daemon's processes take, in MB."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.largest = 0.0

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._stop.wait(0.5)
            sizes = []
            for process in self._stage.daemon():
                try:
                    sizes.append(process.memory_info().rss / 1e6)
                except psutil.Error:
                    continue
            self.largest = max(self.largest, *sizes)
