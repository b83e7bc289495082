"""Where faults are played: server, proxy, files, and what undisturbed imports make of them."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from daemon import control, settings
from daemon.catalog import jobs
from daemon.catalog.database import Connection, migrate
from daemon.catalog.embedded import EmbeddedServer
from daemon.catalog.ids import uuid7
from daemon.importing import pipeline
from daemon.importing.options import ImportOptions
from tests.faults.proxy import Proxy
from tests.files import HEADER, isbn13, written

DISK_SIZE = "600m"


class Result(NamedTuple):
    """All that an import leaves, but for identifiers and times."""

    books: list[tuple[Any, ...]]
    errors: list[tuple[Any, ...]]
    counts: list[tuple[Any, ...]]


def messy_file(path: Path, seed: int, rows: int) -> Path:
    """A file of that many rows, of which one in twenty is rejected in one way or another."""
    chance = random.Random(seed)
    lines = [written([HEADER])]
    for number in range(rows):
        fields = [f"Book {number}", f"Author {number}", isbn13(seed * rows + number), "2001"]
        match chance.randrange(140):
            case 0:
                fields[2] = "bad"
            case 1:
                fields[2] = isbn13(seed * rows + number // 2)
            case 2:
                fields[0] = "Two\nlines"
            case 3:
                fields.append("too many")
            case 4:
                fields[3] = "c1999"
            case 5:
                fields[0] = ""
        line = written([fields])
        lines.append('"' + line if chance.randrange(300) == 0 else line)
        if chance.randrange(300) == 0:
            lines.append("\n")
    path.write_text("".join(lines))
    return path


def _mount(directory: Path) -> bool:
    """Mount a file system of :data:`DISK_SIZE` there, if that is allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE},mode=755", "tmpfs", str(directory)]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


class Stage:
    """A server of its own with a proxy before it; a fresh database and home for each play."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bibliflow-faults-"))
        self.disk = self.directory / "disk"
        self.disk.mkdir()
        self.has_small_disk = _mount(self.disk)
        """Whether the server has a file system of its own that can be filled; that takes root."""
        self.server = EmbeddedServer(self.disk / "postgresql")
        self._conninfo = self.server.acquire()
        self.proxy = Proxy(self._conninfo)
        self._numbers = count()

    def close(self) -> None:
        """Stop it all."""
        self.proxy.close()
        self.server.release()
        if self.has_small_disk:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=True)
        shutil.rmtree(self.directory)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No room for the server to write anything."""
        filler = self.disk / "filler"
        try:
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(1024 * 1024)):
                    pass
            yield
        finally:
            filler.unlink(missing_ok=True)

    def direct(self, database: str) -> psycopg.Connection[Any]:
        """A connection that no fault of the proxy hits."""
        return psycopg.connect(make_conninfo(self._conninfo, dbname=database), autocommit=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The name of a fresh database."""
        name = f"faults_{next(self._numbers)}"
        with self.direct("postgres") as admin:
            admin.execute(f"CREATE DATABASE {name}")
        with self.direct(name) as connection:
            migrate(connection)
        try:
            yield name
        finally:
            self.server.ensure_running()
            with self.direct("postgres") as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def home(self, database: str) -> Iterator[settings.Paths]:
        """A home whose daemon goes through the proxy."""
        directory = Path(tempfile.mkdtemp(prefix="bibliflow-home-"))
        changed = {
            "BIBLIFLOW_HOME": str(directory),
            "BIBLIFLOW_DATABASE__URL": self.proxy.address(database),
        }
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        paths = settings.paths()
        paths.make_private()
        try:
            yield paths
        finally:
            self.proxy.open()
            control.stop(paths)
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
            shutil.rmtree(directory)

    def undisturbed(self, files: list[Path]) -> Result:
        """What these files become when nothing happens."""
        with self.database() as name, self.direct(name) as connection:
            for file in files:
                job = jobs.create(
                    connection,
                    job_id=uuid7(),
                    filename=file.name,
                    source="cli",
                    file_sha256=None,
                    file_size=None,
                    spool_path=None,
                    options=ImportOptions().model_dump(mode="json"),
                )
                started = jobs.start(connection, job.id)
                assert started
                pipeline.run(connection, started, file, lambda: False)
            return result(connection)


def result(connection: Connection) -> Result:
    """What the database holds."""
    return Result(
        connection.execute(
            "SELECT isbn, title, author, publication_year FROM books ORDER BY isbn"
        ).fetchall(),
        connection.execute(
            "SELECT filename, row_number, error_message, raw_data, problems::text FROM import_row_errors"
            " JOIN import_jobs ON import_jobs.id = import_job_id ORDER BY 1, 2, 3"
        ).fetchall(),
        connection.execute(
            "SELECT filename, status::text, total_rows, processed_rows, success_count, error_count,"
            " skipped_count FROM import_jobs ORDER BY 1, 2, 3, 4, 5"
        ).fetchall(),
    )


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition came true in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
