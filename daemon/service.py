"""The daemon: embedded server, Huey consumer, import workers and helpers, in one process tree.

- The main process is Huey's consumer. It has no threads and no connections, so that it can fork workers,
  also a replacement for one that died, at any time.
- Import workers are processes, Huey's worker type "process": checking rows is Python, and only a process
  of its own gives an import a core of its own. One that has grown leaves when it has nothing to do, and
  another takes its seat.
- The housekeeper, a process too, sends heartbeats and reconciles queue and catalogue. It is where Huey has
  its scheduler, which would have nothing to do: no task is ever put off.
- So is the watcher of the inbox, which a dead file server may stop, and nothing else with it.
"""

from __future__ import annotations

import gc
import os
import signal
import time

from huey.consumer import ConsumerStopped

from daemon import control, machine
from daemon.board import Board
from daemon.catalog import daemons
from daemon.catalog.daemons import Daemon
from daemon.catalog.database import Database, DatabaseError
from daemon.catalog.ids import uuid7
from daemon.catalog.roles import may_write, roles_explained
from daemon.control import DaemonError, DaemonLock
from daemon.housekeeper import Housekeeper
from daemon.importing.checking import load_what_long_files_need
from daemon.inbox.ledger import Ledger
from daemon.logger import Logger
from daemon.notify import Notifier
from daemon.processes import Helper, StopFlag, WorkerProcesses
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings
from daemon.spool import mark_of, marked, not_shared
from daemon.state import State
from daemon.tasks import JobTask
from daemon.watchdog import LIMIT, Watchdog
from daemon.watcher import Watcher

log = Logger(__name__)

LONGEST_PAUSE = 1.0
"""Seconds between looks at a queue that cannot be read. Huey's default lets it grow to 10 s."""

HOUSEKEEPING = 2.0
"""Seconds between heartbeats, and between looks for jobs that the queue lost."""

WATCH_CHILDREN = 1.0
"""Seconds between looks whether workers, housekeeper and embedded server are alive."""

GC_THRESHOLD = 200_000
"""Objects made before the collector looks at them. Rows are no cycles; at the usual 700 it takes a fifth of
the time of reading them to see that, and a third of that of repairing them."""

CLOCK_LIMIT = 3600.0
"""Seconds between the clocks of machines and database; an undo bears twelve times as much."""


class Service:
    """One daemon for one home."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._settings = settings
        self._paths = paths
        self._database = Database(settings, paths)
        self._among: Daemon | None = None
        """What this daemon is among those that share its queue, if any do."""
        self._notifier = Notifier()
        self._board = Board(settings.daemon.workers)
        limit = self._notifier.watchdog
        self._watchdog = Watchdog(self._board, limit or LIMIT)
        # Under a manager that is impatient, several signs of life within its limit.
        self._interval = min(HOUSEKEEPING, limit / 8) if limit else HOUSEKEEPING

    def run(self) -> None:
        """Work until SIGTERM or SIGINT.

        Raises :class:`~daemon.control.DaemonError` if a daemon runs already, and
        :class:`~daemon.catalog.database.DatabaseError` if the database cannot be used at the start.
        """
        self._paths.make_private()
        if self._notifier.is_managed:
            self._take_over()
        lock = DaemonLock(self._paths.daemon_lock)
        lock.acquire()
        try:
            self._database.open()
            self._check_role()
            self._join()
            self._work(lock)
        finally:
            # A service manager kills what is left when the service ends. So the embedded server is stopped
            # properly then, even if a dashboard uses it.
            self._database.close(end_server=self._notifier.is_managed)
            lock.release()

    def _check_role(self) -> None:
        """Raise :class:`DatabaseError` for a role that could only look at the jobs."""
        with self._database.connect() as connection:
            if not may_write(connection):
                raise DatabaseError(
                    f"The role {connection.info.user} may not import: a daemon needs one that may. "
                    "`bibliflow help security` says what each role needs."
                )

    def _join(self) -> None:
        """Show itself to the daemons that share the queue. Raises DaemonError if they have another spool."""
        if not self._settings.queue.is_shared:
            return
        me = Daemon(
            id=uuid7(),
            host=machine.name(self._settings),
            home=str(self._paths.state),
            pid=os.getpid(),
            workers=self._settings.daemon.workers,
            spool_mark=marked(self._paths.spool),
        )
        with self._database.connect() as connection, roles_explained(connection):
            ahead = daemons.clock_ahead(connection, time.time())
            if abs(ahead) > CLOCK_LIMIT:
                raise DaemonError(
                    "The clock of this machine differs from the database's by "
                    f"{abs(ahead) / 3600:.1f} hours. "
                    "Set it: identifiers are made by it, and an undo finds what an import brought by them."
                )
            if others := daemons.join(connection, me):
                raise DaemonError(not_shared(self._paths.spool, [other.host for other in others]))
        self._among = me

    def _take_over(self) -> None:
        """End a daemon that somebody, or the dashboard, started: the home is the service's."""
        info = control.running(self._paths)
        # One that is not ready may be no daemon, but who keeps daemons away: then the manager tries again.
        if info and info.ready and control.stop(self._paths):
            log.info("ended the daemon that ran without the service", pid=info.pid)

    def _work(self, lock: DaemonLock) -> None:
        queue = JobQueue.of(self._settings, self._paths)
        for file in (State(self._paths.state_db), Ledger(self._paths.state_db)):
            with file:
                file.make()  # before several processes would at once
        consumer = WorkerProcesses(
            queue.huey,
            board=self._board,
            keep_house=self._keep_house,
            on_stop=self._say_that_it_stops,
            max_delay=LONGEST_PAUSE,
            health_check_interval=WATCH_CHILDREN,
        )
        stop = StopFlag(consumer.stop_flag)
        board = self._board

        def should_stop() -> bool:
            board.mine.react()  # who asks is not stuck
            return stop.is_set()

        me = self._among
        task = JobTask(
            self._database,
            self._paths,
            self._settings.watch,
            should_stop,
            board,
            host=me.host if me else "",
            is_spool_there=lambda: me is None or mark_of(self._paths.spool) == me.spool_mark,
        )
        queue.on_job(task)
        load_what_long_files_need()
        gc.freeze()  # what is loaded now stays shared with the forked processes
        gc.set_threshold(GC_THRESHOLD)
        outlives_terminal = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        consumer.start()
        # SIGINT like SIGTERM, which Huey takes as: finish what you are at; and a second time: now.
        signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        if outlives_terminal:  # as nohup wants it, and Huey does not ask
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        watcher = Helper("watcher", self._watch, stop) if self._settings.watch.enabled else None
        if watcher:
            watcher.ensure()
        lock.announce(ready=True)
        self._notifier.ready()
        log.info("daemon ready", workers=self._settings.daemon.workers)
        self._supervise(consumer, watcher)
        log.info("daemon stopped")

    def _supervise(self, consumer: WorkerProcesses, watcher: Helper | None) -> None:
        """Huey's main loop, and beside it an eye on the other processes and the embedded server."""
        checked = looked = time.monotonic()
        while True:
            try:
                checked = consumer.loop(checked)
            except ConsumerStopped:
                break
            except KeyboardInterrupt:  # a second signal, in a moment in which Huey does not expect it
                consumer.environment.interrupt_workers([process for _, process in consumer.worker_threads])
                break
            consumer.replace_those_that_left()
            now = time.monotonic()
            if self._watchdog.all_is_well(now):
                self._notifier.ping()
            if now - looked < WATCH_CHILDREN:
                continue
            looked = now
            self._look_after(watcher, now)
        if watcher:
            try:
                watcher.end()
            except KeyboardInterrupt:
                watcher.kill()
        consumer.kill_all()

    def _say_that_it_stops(self) -> None:
        log.info("daemon stops")
        self._notifier.stopping()

    def _look_after(self, watcher: Helper | None, now: float) -> None:
        """Say what the daemon does, and start again what died."""
        self._notifier.status(self._status(now))
        if watcher:
            watcher.ensure()
        try:
            if self._database.ensure_server():
                log.warning("embedded server died and was started again")
        except DatabaseError as error:
            log.error("embedded server cannot be started", error=str(error))

    def _status(self, now: float) -> str:
        """What the daemon does, in a line for people."""
        board = self._board
        busy = [seat.name for seat in board.workers if seat.is_busy]
        parts = [f"{len(busy)} of {len(board.workers)} workers busy", f"{board.queue_depth} in the queue"]
        if hung := self._watchdog.find(now):
            parts.insert(0, f"{', '.join(hung)} hangs")
        if self._watchdog.is_database_away(now):
            parts.insert(0, "the database does not answer")
        return "; ".join(parts) + (f"; at {', '.join(busy)}" if busy else "")

    def _watch(self, stop: StopFlag) -> None:
        """The watcher's process."""
        mark = self._among.spool_mark if self._among else ""
        Watcher(self._settings, self._paths, self._database, stop.is_set, mark).run()

    def _keep_house(self, stop: StopFlag) -> None:
        """The housekeeper's process."""
        Housekeeper(
            self._settings,
            self._paths,
            self._database,
            self._board,
            interval=self._interval,
            wait=stop.wait,
            among=self._among,
        ).run()
