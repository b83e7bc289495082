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
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from daemon import disk, reconciler
from daemon.board import Board
from daemon.catalog import probe
from daemon.catalog.database import Database, is_out_of_reach
from daemon.catalog.probe import Probe
from daemon.inbox.ledger import Ledger
from daemon.logger import Logger
from daemon.metrics import Exporter, Facts
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings
from daemon.state import Heartbeat, State
from daemon.watchdog import ANSWER_LIMIT, Watchdog

log = Logger(__name__)


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
    ) -> None:
        """``interval`` is between two rounds, in seconds; ``wait`` waits, and says whether to stop."""
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
        queue = JobQueue(self._paths.queue_db)
        with State(self._paths.state_db) as state, Ledger(self._paths.state_db) as ledger:
            while True:
                board.housekeeper.react()
                hung = len(self._watchdog.find(time.monotonic()))
                self._beat(state, hung)
                if exporter:
                    exporter.update(self._facts(queue, ledger, hung))
                if self._wait(self._interval):
                    return

    def _ask_for_ever(self) -> None:
        """The database's thread: one connection for as long as it lasts, then the next."""
        queue = JobQueue(self._paths.queue_db)
        while True:
            try:
                with self._database.connect() as connection:
                    while True:
                        reconciler.reconcile(connection, queue)
                        if self._is_measured:
                            self._probe = probe.take(connection)
                        self._error = None
                        self._board.database_answered(queue.depth())
                        time.sleep(self._interval)
            except Exception as error:
                if not is_out_of_reach(error):
                    log.exception("housekeeping failed")
                self._error = str(error)
                time.sleep(self._interval)

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
            busy=sum(seat.is_busy for seat in seats),
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
        except (sqlite3.Error, OSError) as error:
            log.warning("some figures cannot be found", error=str(error))
            return facts
