"""The dashboard's link to catalogue and daemon: one thread that listens, and posts what changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from textual.message import Message

from daemon import control
from daemon.catalog import notices
from daemon.catalog.database import (
    Connection,
    Database,
    DatabaseError,
    Pool,
    ensure_alive,
    is_out_of_reach,
)
from daemon.catalog.roles import may_write, roles_explained
from daemon.control import DaemonError, DaemonInfo
from daemon.settings import Paths, Settings
from daemon.workload import Workload

if TYPE_CHECKING:
    from daemon.gauge import Gauge

LOOK = 1.0
"""Seconds between looks at daemon and connection."""

POLL = 5.0
"""Seconds after which the jobs are looked at even if nothing was heard: times like "2 min ago" grow."""

CALM = 0.1
"""Seconds between two messages at least: ten redraws a second look like motion, more are work for nothing."""

FIRST_RETRY, LONGEST_RETRY = 1.0, 8.0
"""Seconds to the next try when the database is out of reach; doubled each time."""

AWAY = "The database is out of reach"
"""If something was to be changed then, nobody knows whether it is: the answer may have been lost."""

CONNECTIONS = 3
"""For the screens' workers, beside the listening one."""


@dataclass
class JobsChanged(Message, bubble=False):
    """Jobs came, went or moved on; ``ids`` is empty where it is not known which."""

    ids: frozenset[UUID]

    def can_replace(self, message: Message) -> bool:
        """A burst is one change."""
        return isinstance(message, JobsChanged)


@dataclass
class DatabaseChanged(Message, bubble=False):
    """The database came within reach (``error`` is None) or went out of it."""

    error: str | None
    retry_in: float = 0.0
    """Seconds to the next try."""
    since: datetime | None = None
    """When it went out of reach."""
    may_write: bool = True
    """Whether its role may import; False for those who only look."""


@dataclass
class DaemonChanged(Message, bubble=False):
    """The daemon started or ended; ``error`` says why it could not be started."""

    info: DaemonInfo | None
    error: str | None = None
    is_starting: bool = False
    """Whether one is being started from here."""
    since: datetime | None = None
    """When it ended, or was found not to run."""


@dataclass
class WorkloadChanged(Message, bubble=False):
    """There is more or less to do, or others are at it."""

    workload: Workload

    def can_replace(self, message: Message) -> bool:
        """The newest is all that is of interest."""
        return isinstance(message, WorkloadChanged)


@dataclass
class LinkFailed(Message, bubble=False):
    """The link broke by a fault of the program; it is made anew as after an outage."""

    error: Exception


class Live:
    """Opens the catalogue, starts a daemon if there is none, and watches both until :meth:`stop`."""

    def __init__(self, settings: Settings, paths: Paths, post: Callable[[Message], object]) -> None:
        self._settings = settings
        self._paths = paths
        self._database = Database(settings, paths)
        self._post = post
        self._stopping = threading.Event()
        self._pool: Pool | None = None
        self._daemon: DaemonInfo | None = None
        self._gauge: Gauge | None = None
        self._workload: Workload | None = None
        self._lost_at: datetime | None = None
        """When the database went out of reach, if it is."""
        self._has_started = False
        self.daemon_started: DaemonInfo | None = None
        """The daemon that was started from here."""

    def run(self) -> None:
        """The thread: connect, listen, and when the connection is lost begin again."""
        retry = FIRST_RETRY
        try:
            while not self._stopping.is_set():
                try:
                    self._database.open()
                    self._database.ensure_server()
                    if self._pool is None:
                        self._pool = self._database.pool(CONNECTIONS)
                    with self._database.connect() as connection:
                        writes = may_write(connection)
                        if writes and not self._has_started:
                            self._has_started = True  # whoever stops the daemon later wants it stopped
                            self.ensure_daemon()
                        notices.listen(connection)
                        self._post(DatabaseChanged(None, may_write=writes))
                        retry, self._lost_at = FIRST_RETRY, None
                        self._watch(connection)
                except Exception as error:
                    if not is_out_of_reach(error):
                        # Without this link the screens would show for ever what was there when it broke.
                        self._post(LinkFailed(error))
                    self._lost_at = self._lost_at or datetime.now(UTC)
                    self._post(DatabaseChanged(str(error), retry, self._lost_at))
                    self._close_pool()
                    self._wait_for_next_try(retry)
                    retry = min(2 * retry, LONGEST_RETRY)
        finally:
            self._close_pool()
            self._database.close()
            if self._gauge is not None:
                self._gauge.close()

    def _wait_for_next_try(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            self._look_around(None)
            self._stopping.wait(min(left, LOOK))

    def _close_pool(self) -> None:
        """A pool tries to connect again too, but after an outage it waits longer than anybody wants to."""
        pool, self._pool = self._pool, None
        if pool:
            pool.close(timeout=1)

    def stop(self) -> None:
        """Let :meth:`run` end; at once where it waits, else within a second."""
        self._stopping.set()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for a worker.

        Raises what :func:`is_out_of_reach` knows if there is none, and
        :class:`~daemon.catalog.roles.RoleError` for what its role may not do.
        """
        pool = self._pool
        if pool is None:
            raise DatabaseError("The database is out of reach at this moment")
        with pool.connection() as connection, roles_explained(connection):
            yield connection

    def ensure_daemon(self) -> None:
        """Start a daemon unless one runs, here or on a machine that shares the queue."""
        try:
            with self.connection() as connection:
                others = control.others_at_work(self._settings, self._paths, connection)
            if others and control.running(self._paths) is None:
                self._post(DaemonChanged(None, since=datetime.now(UTC)))
                return
        except Exception as error:
            if not is_out_of_reach(error):
                raise
        self.start_daemon()

    def start_daemon(self) -> None:
        """Start a daemon unless one runs; what came of it is posted."""
        try:
            was_running = control.running(self._paths)
            if was_running is None:
                self._post(DaemonChanged(None, is_starting=True))
            self._daemon = control.start(self._paths)
        except DaemonError as error:
            self._post(DaemonChanged(None, str(error), since=datetime.now(UTC)))
            return
        if was_running is None:
            self.daemon_started = self._daemon
        self._post(DaemonChanged(self._daemon))

    def _watch(self, connection: Connection) -> None:
        polled = time.monotonic()
        looked = polled - LOOK / 2  # soon, but after what the first screen asks for
        self._post(JobsChanged(frozenset()))
        while not self._stopping.is_set():
            ids = notices.changed(connection, timeout=LOOK / 4)
            now = time.monotonic()
            if ids or now - polled > POLL:
                polled = now
                self._post(JobsChanged(frozenset(ids)))
                self._stopping.wait(CALM)
            if now - looked > LOOK:
                looked = now
                ensure_alive(connection)
                self._look_around(connection)

    def _look_around(self, connection: Connection | None) -> None:
        """Whether a daemon runs, and how much there is to do, as far as that is known from here."""
        try:
            info = control.running(self._paths)
        except OSError:  # its lock cannot be looked at
            info = None
        if info != self._daemon:
            self._daemon = info
            self._post(DaemonChanged(info, since=datetime.now(UTC)))
        if self._gauge is None:
            from daemon.gauge import Gauge  # SQLite and the queue: not for the first screen

            self._gauge = Gauge(self._settings, self._paths)
        workload = self._gauge.look(info, connection)
        if workload != self._workload:
            self._workload = workload
            self._post(WorkloadChanged(workload))
