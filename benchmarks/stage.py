"""Where it is measured: a home of its own with its embedded server, a daemon, and an empty catalogue."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from daemon import control, settings
from daemon.catalog import _cluster
from daemon.catalog.database import Connection, Database


class Stage:
    """A running Bibliflow, and the address of its server for the others."""

    def __init__(self, connection: Connection, directory: Path) -> None:
        self.connection = connection
        self.directory = directory
        self.conninfo = connection.info.dsn

    def empty(self, *, server_makes_ids: bool) -> None:
        """An empty catalogue; nothing is left for the server to write from before."""
        default = "SET DEFAULT uuidv7()" if server_makes_ids else "DROP DEFAULT"
        self.connection.execute("TRUNCATE books, import_jobs CASCADE")
        self.connection.execute(f"ALTER TABLE books ALTER id {default}".encode())
        self.settle()

    def settle(self) -> None:
        """Let the server write what it has still to write."""
        self.connection.execute("CHECKPOINT")

    def counts(self) -> tuple[int, int]:
        """Books and errors in the catalogue."""
        row = self.connection.execute(
            "SELECT (SELECT count(*) FROM books), (SELECT count(*) FROM import_row_errors)"
        ).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def daemon(self) -> list[psutil.Process]:
        """The daemon's processes, without the database's."""
        info = control.running(settings.paths())
        if info is None:
            raise RuntimeError("the daemon has ended")
        main = psutil.Process(info.pid)
        found = [main]
        for child in main.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that read ahead for an import that is done
                if child.name() != "postgres":
                    found.append(child)
        return found


@contextmanager
def stage() -> Iterator[Stage]:
    """All of it, in a new directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="bibliflow-bench-"))
    for variable in list(os.environ):
        if variable.startswith(settings.ENV_PREFIX) or variable == "DATABASE_URL":
            del os.environ[variable]
    os.environ["BIBLIFLOW_HOME"] = str(directory / "home")
    os.environ["BIBLIFLOW_IMPORT__MAX_FILE_SIZE"] = "10GB"
    loaded, paths = settings.load()
    paths.make_private()
    try:
        with Database(loaded, paths) as database, database.connect() as connection:
            control.start(paths)
            try:
                yield Stage(connection, directory)
            finally:
                control.stop(paths)
    finally:
        shutil.rmtree(directory)


def timed(command: Sequence[str | Path]) -> float:
    """Seconds that ``command`` takes as a whole process."""
    begun = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")
    return seconds


def program(name: str) -> Path:
    """A program of this environment."""
    return Path(sys.executable).parent / name


def psql() -> Path:
    """The client that belongs to the embedded server."""
    return _cluster.binaries_directory() / "psql"
