"""The embedded server's database as one file, and back: with the wheel's own pg_dump and pg_restore.

A dump is in pg_dump's custom format, so that PostgreSQL's tools can use it without Bibliflow. Restoring goes
into a database of its own, which takes the old one's name in one transaction, or is dropped.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psycopg
from psycopg import IsolationLevel, errors, sql
from psycopg.conninfo import make_conninfo

from daemon.catalog import _cluster
from daemon.catalog.database import (
    CONNECTION_OPTIONS,
    Connection,
    DatabaseError,
    migrate,
    newest_version,
    schema_version,
)
from daemon.catalog.embedded import DATABASE

MAGIC = b"PGDMP"
"""What a dump in pg_dump's custom format begins with."""

SEAL = b"\nSHA-256 of what is before this line: "
"""The last line of a dump, with 64 hexadecimal digits behind it. pg_restore does not read so far."""

SEAL_SIZE = len(SEAL) + 64 + 1

NEW, OLD = f"{DATABASE}_restored", f"{DATABASE}_replaced"
"""Databases that are there only while a dump is restored."""

JOBS = 2
"""Tables and indexes that pg_restore brings in at once."""

SWAPS = 20
"""Tries to rename a database that programs connect to again and again."""

BLOCK = 1024 * 1024
"""Bytes that are read at once."""

LOOK = 0.1
"""Seconds between looks at how far the programs have come."""

Progress = Callable[[int], object]
"""Is told bytes, of the file or of the database, some times a second."""


class DumpError(Exception):
    """A database cannot be dumped or restored; it is as it was. The message says why and what to do next."""


class BadDumpError(DumpError):
    """The file is not a dump that can be restored here."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a database."""

    books: int
    jobs: int
    unfinished: int
    """Those of the jobs that are waiting or being worked on."""


def dump(conninfo: str, target: Path, progress: Progress) -> Contents:
    """Write the database to ``target``, an absolute path; what it held at that moment.

    Raises :class:`DumpError`, and :class:`OSError` where the disk is full.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if not schema_version(connection):
            raise DumpError("There is nothing to dump: the database is empty.")
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            counted = contents(connection)
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            snapshot = str(row[0]) if row else ""
            # Not through standard output, to which pg_dump appends: it could not put in where each table is.
            arguments = ["--format=custom", f"--file={target}", f"--snapshot={snapshot}"]
            reason = _run(
                "pg_dump",
                [*arguments, "--no-password", f"--dbname={conninfo}"],
                lambda: progress(target.stat().st_size),
            )
    if reason:
        raise DumpError(f"The database could not be dumped: {reason}. There is no new dump.")
    with target.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.write(SEAL + _sha256(file, size) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return counted


def _sha256(file: BinaryIO, size: int) -> bytes:
    """Of the first ``size`` bytes, in hexadecimal; the file is at their end then."""
    digest = hashlib.sha256()
    file.seek(0)
    while size and (block := file.read(min(size, BLOCK))):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest().encode()


def contents(connection: Connection) -> Contents:
    """Counts the books and jobs: 0.1 s for a million."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM books), count(*),"
        " count(*) FILTER (WHERE status IN ('PENDING', 'PROCESSING')) FROM import_jobs"
    ).fetchone()
    return Contents(*row) if row else Contents(0, 0, 0)


def verify(path: Path) -> None:
    """Read a dump to its end. Raises :class:`BadDumpError` if that cannot be done."""
    with Path(os.devnull).open("wb") as nowhere:
        reason = _run("pg_restore", ["--file=-", str(path)], lambda: None, nowhere)
    if reason:
        raise BadDumpError(f"{path} is damaged: {reason}. Use another dump.")


def check(path: Path) -> int:
    """The version of the schema in the dump at ``path``, an absolute path.

    Raises :class:`BadDumpError` for what is none, or is none of a Bibliflow that this one knows; and
    :class:`OSError`.
    """
    with path.open("rb") as file:
        owner = os.fstat(file.fileno()).st_uid
        if file.read(len(MAGIC)) != MAGIC:
            raise BadDumpError(
                f"{path} is not a dump: `bibliflow db dump` or `pg_dump --format=custom` makes one."
            )
        if not _is_sealed_well(file):
            raise BadDumpError(f"{path} is damaged: its SHA-256 is another. Use another dump.")
    if owner not in (0, os.geteuid()):
        raise BadDumpError(
            f"{path} belongs to another user, and a dump can run commands in the server. If you trust it, "
            "make a copy of it and restore that."
        )
    version = _version(path)
    newest = newest_version()
    if version > newest:
        raise BadDumpError(
            f"{path} has schema version {version}, made by a newer Bibliflow; this one knows versions up to "
            f"{newest}. Update Bibliflow, then restore it."
        )
    return version


def _is_sealed_well(file: BinaryIO) -> bool:
    """Whether the file is as it was written, as far as can be told: pg_dump's own dumps have no seal."""
    size = file.seek(0, os.SEEK_END) - SEAL_SIZE
    file.seek(max(size, 0))
    seal = file.read()
    return not seal.startswith(SEAL) or seal.split()[-1] == _sha256(file, size)


def _version(path: Path) -> int:
    with tempfile.TemporaryFile() as output:
        arguments = ["--data-only", "--table=schema_migrations", "--file=-", str(path)]
        if reason := _run("pg_restore", arguments, lambda: None, output):
            raise BadDumpError(f"{path} cannot be read: {reason}. Use another dump.")
        output.seek(0)
        script = output.read().decode("utf-8", "replace")
    versions = re.findall(r"^(\d+)\t", script, re.MULTILINE)
    if "schema_migrations" not in script or not versions:
        raise BadDumpError(f"{path} is a dump of another program's database, not of Bibliflow's.")
    return max(map(int, versions))


def restore(conninfo: str, path: Path, progress: Progress, may_replace: Callable[[], None]) -> Contents:
    """Put the dump at ``path``, an absolute path, in the place of the database; what is in that now.

    All sessions of the database are ended. ``may_replace`` is called at the last moment, and may raise.
    Raises :class:`DumpError`, :class:`~daemon.catalog.database.DatabaseError` and :class:`psycopg.Error`;
    then the database is as it was.
    """
    check(path)
    with _administration(conninfo) as admin:
        for leftover in (NEW, OLD):
            _drop(admin, leftover)
        admin.execute(f"CREATE DATABASE {NEW} TEMPLATE template0")
        try:
            restored = _fill(make_conninfo(conninfo, dbname=NEW), path, admin, progress)
            may_replace()
            _swap(admin)
        except BaseException:
            with suppress(psycopg.Error):
                _drop(admin, NEW)
            raise
        _drop(admin, OLD)
    return restored


def _fill(conninfo: str, path: Path, admin: Connection, progress: Progress) -> Contents:
    def look() -> None:
        row = admin.execute("SELECT pg_database_size(%s)", [NEW]).fetchone()
        progress(int(row[0]) if row else 0)

    arguments = ["--exit-on-error", "--no-owner", "--no-privileges", "--no-password", f"--jobs={JOBS}"]
    if reason := _run("pg_restore", [*arguments, f"--dbname={conninfo}", str(path)], look):
        raise DumpError(f"{path} could not be restored: {reason}. The catalogue is as it was.")
    with psycopg.connect(make_conninfo(conninfo, **CONNECTION_OPTIONS), autocommit=True) as connection:
        try:
            migrate(connection)
        except DatabaseError as error:
            raise DumpError(f"{path} could not be restored: {error} The catalogue is as it was.") from None
        connection.execute("ANALYZE")
        return contents(connection)


def look(conninfo: str) -> Contents:
    """What is in a database that need not be whole, nor of this Bibliflow's version."""
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            return contents(connection)
    except psycopg.Error:
        return Contents(0, 0, 0)


def _swap(admin: Connection) -> None:
    """Rename both databases in one transaction; whoever is connected to the old one is sent away first."""
    for _ in range(SWAPS):
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%s, %s)",
            [DATABASE, NEW],
        )
        with suppress(errors.ObjectInUse), admin.transaction():
            admin.execute(f"ALTER DATABASE {DATABASE} RENAME TO {OLD}")
            admin.execute(f"ALTER DATABASE {NEW} RENAME TO {DATABASE}")
            return
    raise DumpError(
        "Programs use the database all the time; the catalogue is as it was. End them (dashboards, "
        "commands), and restore again."
    )


def _drop(admin: Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _administration(conninfo: str) -> Iterator[Connection]:
    """A connection beside the database, to make and rename databases."""
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        yield connection


def _run(
    program: str, arguments: Sequence[str], look: Callable[[], object], output: BinaryIO | None = None
) -> str:
    """Run one of PostgreSQL's programs and call ``look`` meanwhile; why it failed, or an empty string."""
    binary = _cluster.binaries_directory() / program
    if not binary.exists():
        raise DumpError(f"This installation of PostgreSQL has no {program} in {binary.parent}.")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            [binary, *arguments],
            env={**variables, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output if output is not None else subprocess.DEVNULL,
            stderr=words,
        )
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK)
                    break
                look()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if not process.returncode:
            return ""
        words.seek(0)
        lines = words.read().decode("utf-8", "replace").splitlines()
    if process.returncode < 0:
        return f"{program} was ended by {signal.Signals(-process.returncode).name}"
    said = next((line for line in lines if "error:" in line), lines[-1] if lines else "")
    return re.sub(r"^\S+: (error: )?", "", said).rstrip(".") or f"exit code {process.returncode}"
