"""The daemon: embedded server, Huey consumer, import workers and the housekeeper, in one process tree.

- The main process is Huey's consumer. It has no threads and no connections, so that it can fork workers,
  also a replacement for one that died, at any time.
- Import workers are processes, Huey's worker type "process": checking rows is Python, and only a process
  of its own gives an import a core of its own.
- The housekeeper is a process too: it sends heartbeats and reconciles queue and catalogue.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sqlite3
import time
from datetime import UTC, datetime
from multiprocessing.context import ForkProcess
from typing import Any

from huey.consumer import Consumer, ConsumerStopped, ForkSafeFlag, Worker

from daemon import reconciler
from daemon.catalog.database import Database, DatabaseError, is_out_of_reach
from daemon.control import DaemonLock
from daemon.logger import Logger
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings
from daemon.state import Heartbeat, State
from daemon.tasks import ImportTask

log = Logger(__name__)

IDLE_POLL = 0.2
"""Seconds between looks at an empty queue. Huey's default lets it grow to 10 s."""

HOUSEKEEPING = 2.0
"""Seconds between heartbeats, and between looks for jobs that the queue lost."""

WATCH_CHILDREN = 1.0
"""Seconds between looks whether workers, housekeeper and embedded server are alive."""

SHUTDOWN_TIMEOUT = 8.0
"""Seconds for workers to reach the end of a chunk when the daemon is asked to stop."""


class Service:
    """One daemon for one home."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._settings = settings
        self._paths = paths
        self._database = Database(settings, paths)
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
                self._work(lock)
        finally:
            lock.release()

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
        queue.on_job(ImportTask(self._database, self._paths, stop.is_set))
        queue.huey.on_startup("leave_terminal")(os.setpgrp)
        gc.freeze()  # what is loaded now stays shared with the forked processes
        consumer.start()
        # SIGINT like SIGTERM, which Huey takes as: finish what you are at; and a second time: now.
        signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        housekeeper = self._start_housekeeper(stop)
        lock.announce(ready=True)
        log.info("daemon ready", workers=self._settings.daemon.workers)
        self._supervise(consumer, housekeeper, stop)
        log.info("daemon stopped")

    def _supervise(self, consumer: Consumer, housekeeper: ForkProcess, stop: _StopFlag) -> None:
        """Huey's main loop, and beside it an eye on the housekeeper and the embedded server."""
        checked = looked = time.monotonic()
        while True:
            try:
                checked = consumer.loop(checked)
            except ConsumerStopped:
                break
            if time.monotonic() - looked < WATCH_CHILDREN:
                continue
            looked = time.monotonic()
            if not housekeeper.is_alive():
                log.warning("housekeeper died, starting another")
                housekeeper = self._start_housekeeper(stop)
            try:
                if self._database.ensure_server():
                    log.warning("embedded server died and was started again")
            except DatabaseError as error:
                log.error("embedded server cannot be started", error=str(error))
        housekeeper.join(SHUTDOWN_TIMEOUT)
        if housekeeper.is_alive():
            housekeeper.kill()

    def _start_housekeeper(self, stop: _StopFlag) -> ForkProcess:
        process = multiprocessing.get_context("fork").Process(
            target=self._keep_house, args=(stop,), name="housekeeper", daemon=True
        )
        process.start()
        return process

    def _keep_house(self, stop: _StopFlag) -> None:
        """The housekeeper's process: one connection for as long as it lasts, then the next."""
        os.setpgrp()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
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
        """Write the heartbeat. The file is opened each time: it may have been deleted or replaced."""
        heartbeat = Heartbeat(
            pid=os.getppid(),
            workers=self._settings.daemon.workers,
            started_at=self._started_at.isoformat(),
            beat_at=datetime.now(UTC).isoformat(),
            database_error=database_error,
        )
        try:
            with State(self._paths.state_db) as state:
                state.beat(heartbeat)
        except (sqlite3.Error, OSError) as error:
            log.warning("the heartbeat cannot be written", error=str(error))


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
