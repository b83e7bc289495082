"""A real PostgreSQL for all tests, and a fresh database and home for each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon import control, log, settings
from daemon.catalog.database import Connection, Database, migrate
from daemon.catalog.embedded import EmbeddedServer
from daemon.queue import JobQueue
from tests import own_server as own_servers

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as where the program loads numpy

# The suite tries the same cases each time; `make fuzz` tries new ones, and many.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzz", max_examples=10_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("suite")

# Most of the tests' time was waiting for a disk. Files in memory are as good for them, where there is room.
MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2_000_000_000:
    tempfile.tempdir = str(MEMORY)

TEMPLATE = "bibliflow_template"
_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Connection string of an embedded server that lives as long as the tests.

    Not below pytest's own directory: as root that is closed to the server's user.
    """
    log.configure(quiet=True)
    directory = Path(tempfile.mkdtemp(prefix="bibliflow-test-"))
    with EmbeddedServer(directory / "postgresql") as running:
        conninfo = running.conninfo
        with psycopg.connect(conninfo, autocommit=True) as admin:
            # Nobody pulls the plug of this one; hundreds of databases are made and dropped in it.
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute(f"CREATE DATABASE {TEMPLATE}")
        with psycopg.connect(make_conninfo(conninfo, dbname=TEMPLATE), autocommit=True) as connection:
            migrate(connection)
        yield conninfo
    shutil.rmtree(directory)


@pytest.fixture
def database_url(server: str) -> Iterator[str]:
    """A database of its own, migrated."""
    with _database(server, TEMPLATE) as conninfo:
        yield conninfo


@pytest.fixture
def empty_database_url(server: str) -> Iterator[str]:
    """Another one beside it, without tables."""
    with _database(server, "template1") as conninfo:
        yield conninfo


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield make_conninfo(server, dbname=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith(settings.ENV_PREFIX) or variable == "DATABASE_URL":
            monkeypatch.delenv(variable)


@pytest.fixture
def home(database_url: str, monkeypatch: pytest.MonkeyPatch, _no_settings: None) -> Iterator[Path]:
    """A home of its own on that database; a daemon that was started in it is stopped."""
    directory = Path(tempfile.mkdtemp(prefix="bibliflow-home-"))
    monkeypatch.setenv("BIBLIFLOW_HOME", str(directory))
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", database_url)
    yield directory
    control.stop(settings.paths())
    shutil.rmtree(directory)


@pytest.fixture
def daemon(home: Path) -> int:
    """The process id of a daemon that runs in the home."""
    return control.start(settings.paths()).pid


@pytest.fixture
def connection(home: Path) -> Iterator[Connection]:
    """A connection to the home's database."""
    with Database(*settings.load()) as database, database.connect() as opened:
        yield opened


@pytest.fixture
def queue(home: Path) -> Iterator[JobQueue]:
    """The home's queue."""
    loaded, paths = settings.load()
    paths.make_private()
    with JobQueue.of(loaded, paths) as opened:
        yield opened


@pytest.fixture(scope="session")
def own_server() -> Iterator[str]:
    """The address of a PostgreSQL that the system's packages brought; skips where there is none."""
    with own_servers.running() as address:
        yield address


@pytest.fixture
def own_database(own_server: str) -> Iterator[str]:
    """The address, with its password, of an empty database there."""
    with own_servers.database(own_server) as address:
        yield address


@pytest.fixture
def private_home(monkeypatch: pytest.MonkeyPatch, _no_settings: None) -> Iterator[Path]:
    """A home with an embedded server of its own, which is made when it is needed."""
    directory = Path(tempfile.mkdtemp(prefix="bibliflow-home-"))
    monkeypatch.setenv("BIBLIFLOW_HOME", str(directory))
    yield directory
    control.stop(settings.paths())
    shutil.rmtree(directory)
