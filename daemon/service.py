"""The daemon: embedded server, Huey consumer, import workers and helpers, in one process tree.

- The main process is Huey's consumer. It has no threads and no connections, so that it can fork workers,
  also a replacement for one that died, at any time.
- Import workers are processes, Huey's worker type "process": checking rows is Python, and only a process
  of its own gives an import a core of its own.
- The helpers are processes too: the housekeeper, which sends heartbeats and reconciles queue and catalogue,
  and the watcher of the inbox, which a dead file server may stop, and nothing else with it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from multiprocessing.context import ForkProcess
from typing import Any

from huey.consumer import Consumer, ConsumerStopped, ForkSafeFlag, Worker

from daemon import reconciler
from daemon.catalog.database import Database, DatabaseError, is_out_of_reach
from daemon.catalog.roles import may_write
from daemon.control import DaemonLock
from daemon.logger import Logger
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings
from daemon.state import Heartbeat, State
from daemon.tasks import JobTask
from daemon.watcher import Watcher

log = Logger(__name__)

IDLE_POLL = 0.2
"""Seconds between looks at an empty queue. Huey's default lets it grow to 10 s."""

HOUSEKEEPING = 2.0
"""Seconds between heartbeats, and between looks for jobs that the queue lost."""

WATCH_CHILDREN = 1.0
"""Seconds between looks whether workers, housekeeper and embedded server are alive."""

GC_THRESHOLD = 200_000
"""Objects made before the collector looks at them. Rows are no cycles; at the usual 700 it takes a fifth of
the time of reading them to see that, and a third of that of repairing them."""

SHUTDOWN_TIMEOUT = 8.0
"""Seconds for workers to reach the end of a chunk when the daemon is asked to stop."""


class Service:
    """One daemon for one home."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._settings = settings
        self._paths = paths
        self._database = Database(settings, paths)
        self._state = State(paths.state_db)  # the housekeeper's, which opens it
        self._started_at = datetime.now(UTC)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT.

        Raises :class:`~daemon.control.DaemonError` if a daemon runs already, and
        :class:`~daemon.catalog.database.DatabaseError` if the database cannot be used at the start.
        """
        self._paths.make_private()
        lock = DaemonLock(self._paths.daemon_lock)
        lock.acquire()
        try:
            with self._database:
                self._check_role()
                self._work(lock)
        finally:
            lock.release()

    def _check_role(self) -> None:
        """Raise :class:`DatabaseError` for a role that could only look at the jobs."""
        with self._database.connect() as connection:
            if not may_write(connection):
                raise DatabaseError(
                    f"The role {connection.info.user} may not import: a daemon needs one that may. "
                    "`bibliflow help security` says what each role needs."
                )

    def _work(self, lock: DaemonLock) -> None:
        queue = JobQueue(self._paths.queue_db)
        consumer = _Consumer(
            queue.huey,
            workers=self._settings.daemon.workers,
            worker_type="process",
            periodic=False,
            initial_delay=IDLE_POLL / 4,
            max_delay=IDLE_POLL,
            health_check_interval=WATCH_CHILDREN,
            graceful_signal="TERM",
            shutdown_timeout=SHUTDOWN_TIMEOUT,
        )
        stop = _StopFlag(consumer.stop_flag)
        queue.on_job(JobTask(self._database, self._paths, self._settings.watch, stop.is_set))
        queue.huey.on_startup("leave_terminal")(os.setpgrp)
        gc.freeze()  # what is loaded now stays shared with the forked processes
        gc.set_threshold(GC_THRESHOLD)
        consumer.start()
        # SIGINT like SIGTERM, which Huey takes as: finish what you are at; and a second time: now.
        signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        helpers = [_Helper("housekeeper", self._keep_house, stop)]
        if self._settings.watch.enabled:
            helpers.append(_Helper("watcher", self._watch, stop))
        with State(self._paths.state_db) as state:
            state.make()  # before several processes would at once
        for helper in helpers:
            helper.ensure()
        lock.announce(ready=True)
        log.info("daemon ready", workers=self._settings.daemon.workers)
        self._supervise(consumer, helpers)
        log.info("daemon stopped")

    def _supervise(self, consumer: Consumer, helpers: Sequence[_Helper]) -> None:
        """Huey's main loop, and beside it an eye on the other processes and the embedded server."""
        checked = looked = time.monotonic()
        while True:
            try:
                checked = consumer.loop(checked)
            except ConsumerStopped:
                break
            if time.monotonic() - looked < WATCH_CHILDREN:
                continue
            looked = time.monotonic()
            for helper in helpers:
                helper.ensure()
            try:
                if self._database.ensure_server():
                    log.warning("embedded server died and was started again")
            except DatabaseError as error:
                log.error("embedded server cannot be started", error=str(error))
        for helper in helpers:
            helper.end()

    def _watch(self, stop: _StopFlag) -> None:
        """The watcher's process."""
        Watcher(self._settings, self._paths, self._database, stop.is_set).run()

    def _keep_house(self, stop: _StopFlag) -> None:
        """The housekeeper's process: one connection for as long as it lasts, then the next."""
        queue = JobQueue(self._paths.queue_db)
        while not stop.is_set():
            try:
                with self._database.connect() as connection:
                    while not stop.is_set():
                        reconciler.reconcile(connection, queue)
                        self._beat(None)
                        stop.wait(HOUSEKEEPING)
            except Exception as error:
                if not is_out_of_reach(error):
                    log.exception("housekeeping failed")
                self._beat(str(error))
                stop.wait(HOUSEKEEPING)

    def _beat(self, database_error: str | None) -> None:
        """Write the heartbeat."""
        heartbeat = Heartbeat(
            pid=os.getppid(),
            workers=self._settings.daemon.workers,
            started_at=self._started_at.isoformat(),
            beat_at=datetime.now(UTC).isoformat(),
            database_error=database_error,
        )
        try:
            self._state.beat(heartbeat)
        except (sqlite3.Error, OSError) as error:
            log.warning("the heartbeat cannot be written", error=str(error))


class _Helper:
    """A process beside the workers, started again when it dies."""

    def __init__(self, name: str, work: Callable[[_StopFlag], None], stop: _StopFlag) -> None:
        self._name = name
        self._work = work
        self._stop = stop
        self._process: ForkProcess | None = None

    def ensure(self) -> None:
        """Start it if it is not there."""
        if self._process is not None:
            if self._process.is_alive():
                return
            log.warning("a process of the daemon died, starting another", name=self._name)
        self._process = multiprocessing.get_context("fork").Process(
            target=self._run, name=self._name, daemon=True
        )
        self._process.start()

    def _run(self) -> None:
        os.setpgrp()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            self._work(self._stop)
        except Exception:
            log.exception("a process of the daemon failed", name=self._name)
            raise SystemExit(1) from None

    def end(self) -> None:
        """Wait until it has done what it was at; not for ever."""
        if self._process is not None:
            self._process.join(SHUTDOWN_TIMEOUT)
            if self._process.is_alive():
                self._process.kill()


class _StopFlag:
    """Huey's stop flag, which all processes of a daemon share, raised too when the main process is gone.

    Workers that outlived a kill -9 of their daemon must not work on beside the next one's.
    """

    def __init__(self, flag: ForkSafeFlag) -> None:
        self._flag = flag
        self._main = os.getpid()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Wait until the flag is raised, ``seconds`` at most; whether it is."""
        if os.getpid() != self._main != os.getppid():
            self._flag.set()
        return bool(self._flag.wait(seconds))


class _Worker(Worker):
    """Huey's worker, which looks between two tasks whether its daemon still lives."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stop = _StopFlag(self.stop_flag)

    def loop(self, now: datetime | None = None) -> None:
        if not self._stop.is_set():
            super().loop(now)


class _Consumer(Consumer):
    worker_class = _Worker
