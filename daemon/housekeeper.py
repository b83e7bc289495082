"""Keeps the daemon's house: finds what the queue lost, says that the daemon lives, and how it fares.

A process of the daemon's. The database has a thread of its own here: when it does not answer, that one waits,
and the rest goes on.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from daemon import disk, reconciler, spool
from daemon.board import Board
from daemon.catalog import daemons, probe
from daemon.catalog.daemons import Daemon
from daemon.catalog.database import Connection, Database, is_out_of_reach
from daemon.catalog.probe import Probe
from daemon.inbox.ledger import Ledger
from daemon.logger import Logger
from daemon.metrics import Exporter, Facts
from daemon.queue import JobQueue
from daemon.queue_error import QueueError
from daemon.settings import Paths, Settings
from daemon.state import Heartbeat, State
from daemon.watchdog import ANSWER_LIMIT, Watchdog

log = Logger(__name__)

QUEUE_PATIENCE = 2.0
"""Seconds to wait for the queue; meanwhile nobody hears that this daemon lives."""

LEAVE_TIMEOUT = 2
"""Seconds for connecting to the database when the daemon ends."""


class Housekeeper:
    """The housekeeper of one daemon."""

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        database: Database,
        board: Board,
        *,
        interval: float,
        wait: Callable[[float], bool],
        among: Daemon | None = None,
    ) -> None:
        """``interval`` is between two rounds, in seconds; ``wait`` waits, and says whether to stop.

        ``among`` is what this daemon is among those that share its queue.
        """
        self._among = among
        self._hung = 0
        self._settings = settings
        self._paths = paths
        self._database = database
        self._board = board
        self._interval = interval
        self._wait = wait
        self._started_at = datetime.now(UTC)
        self._error: str | None = None
        self._probe: Probe | None = None
        self._is_measured = bool(settings.metrics.file or settings.metrics.listen)
        self._watchdog = Watchdog(board)

    def run(self) -> None:
        """Work until the daemon stops."""
        board = self._board
        board.take(board.housekeeper)
        threading.Thread(target=self._ask_for_ever, name="database", daemon=True).start()
        exporter = Exporter(self._settings.metrics, board) if self._is_measured else None
        queue = JobQueue.of(self._settings, self._paths, patience=QUEUE_PATIENCE)
        with State(self._paths.state_db) as state, Ledger(self._paths.state_db) as ledger:
            while True:
                board.housekeeper.react()
                self._hung = hung = len(self._watchdog.find(time.monotonic()))
                self._beat(state, hung)
                if exporter:
                    exporter.update(self._facts(queue, ledger, hung))
                if self._wait(self._interval):
                    self._leave()
                    return

    def _ask_for_ever(self) -> None:
        """The database's thread: one connection for as long as it lasts, then the next."""
        queue = JobQueue.of(self._settings, self._paths, patience=QUEUE_PATIENCE)
        while True:
            try:
                with self._database.connect() as connection:
                    while True:
                        self._show(connection)
                        if self._is_measured:
                            self._probe = probe.take(connection)
                        self._error = None
                        self._board.database_answered(self._board.queue_depth)
                        self._board.database_answered(self._reconcile(connection, queue))
                        time.sleep(self._interval)
            except Exception as error:
                if not is_out_of_reach(error):
                    log.exception("housekeeping failed")
                self._error = str(error)
                time.sleep(self._interval)

    def _reconcile(self, connection: Connection, queue: JobQueue) -> int:
        """Enqueue what was lost; how many tasks there are in the queue, 0 if it is out of reach."""
        try:
            reconciler.reconcile(connection, queue)
            return queue.depth()
        except QueueError as error:
            log.debug("the queue is out of reach", error=str(error))  # workers say it aloud
            return 0

    def _show(self, connection: Connection) -> None:
        """Tell those who share the queue that this daemon lives, and what it sees of the spool."""
        me = self._among
        if me is not None:
            now = replace(
                me,
                busy=self._board.busy,
                hung=self._hung,
                spool_mark=spool.mark_of(self._paths.spool),
            )
            daemons.show(connection, now)

    def _leave(self) -> None:
        """Tell them that it ends, if that can be done quickly."""
        me, self._among = self._among, None
        if me is not None:
            with suppress(Exception), self._database.peek(LEAVE_TIMEOUT) as connection:
                if connection is not None:
                    daemons.leave(connection, me.host, me.home)

    @property
    def _silence(self) -> float:
        """Seconds since the database answered."""
        return time.monotonic() - self._board.answered_at

    def _beat(self, state: State, hung: int) -> None:
        """Write the heartbeat."""
        now = datetime.now(UTC)
        error = self._error
        if error is None and self._silence > ANSWER_LIMIT:
            error = f"it has not answered for {self._silence:.0f} s"
        seats = self._board.workers
        progress = max(seat.progress_at for seat in seats)
        moment = now - timedelta(seconds=time.monotonic() - progress)
        heartbeat = Heartbeat(
            pid=os.getppid(),
            workers=len(seats),
            started_at=self._started_at.isoformat(),
            beat_at=now.isoformat(),
            database_error=error,
            busy=self._board.busy,
            hung=hung,
            progress_at=moment.isoformat() if progress else None,
        )
        try:
            state.beat(heartbeat)
        except (sqlite3.Error, OSError) as error:
            log.warning("the heartbeat cannot be written", error=str(error))

    def _facts(self, queue: JobQueue, ledger: Ledger, hung: int) -> Facts:
        facts = Facts(hung=hung)
        if self._probe and self._error is None and self._silence <= ANSWER_LIMIT:
            facts = replace(facts, database_up=True, latency=self._probe.latency, jobs=self._probe.jobs)
        try:
            facts = replace(facts, queue_depth=queue.depth(), oldest_task=queue.oldest_age())
            facts = replace(facts, inbox=ledger.counts())
            return replace(facts, rooms=disk.rooms(self._settings, self._paths))
        except (QueueError, sqlite3.Error, OSError) as error:
            log.warning("some figures cannot be found", error=str(error))
            return facts
