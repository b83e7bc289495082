"""Looks how much there is to do."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime

from daemon.catalog import daemons, job_lock
from daemon.catalog.database import Connection
from daemon.catalog.job import JobStatus
from daemon.catalog.job_list import JobFilter, JobPages
from daemon.control import DaemonInfo
from daemon.inbox.ledger import FileState, Ledger
from daemon.queue import JobQueue
from daemon.queue_error import QueueError
from daemon.settings import Paths, Settings
from daemon.state import State
from daemon.workload import InboxState, Workload

ARRIVING = (FileState.GROWING, FileState.SETTLED)


class Gauge:
    """Looks whenever it is asked to, in 2 ms and in one thread. Files that are not there are not made."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._settings = settings
        self._watches = settings.watch.enabled
        self._is_shared = settings.queue.is_shared
        self._paths = paths
        self._queue: JobQueue | None = None
        self._state: State | None = None
        self._ledger: Ledger | None = None

    def look(self, daemon: DaemonInfo | None, connection: Connection | None) -> Workload:
        """What there is now; ``daemon`` is the one that runs, ``connection`` one to the catalogue, if any.

        Raises what :func:`~daemon.catalog.database.is_out_of_reach` knows.
        """
        waiting, beat, folder, arriving = None, None, None, 0
        with suppress(QueueError, sqlite3.Error, OSError):  # damaged, or about to be made again
            waiting = None if self._is_shared else self._depth()
        with suppress(sqlite3.Error, OSError):
            if self._paths.state_db.exists():
                self._state = self._state or State(self._paths.state_db)
                self._ledger = self._ledger or Ledger(self._paths.state_db)
                beat, folder = self._state.heartbeat(), self._ledger.folder()
                arriving = sum(self._ledger.counts().get(state, 0) for state in ARRIVING)
        if beat is not None and (daemon is None or beat.pid != daemon.pid):
            beat = None
        inbox, inbox_since = InboxState.WATCHED, None
        if not self._watches:
            inbox = InboxState.OFF
        elif daemon is None:
            inbox = InboxState.UNWATCHED
        elif folder and folder.problem:
            inbox, inbox_since = InboxState.STOPPED, folder.since_moment
        workers, at_work = beat.workers if beat else None, 0
        if self._is_shared and connection is not None:
            # Of a queue elsewhere it is not asked, which may be slow: the jobs that wait have tasks there.
            waiting = JobPages(JobFilter(JobStatus.PENDING)).count(connection)
            among = daemons.at_work(connection)
            at_work, workers = len(among), sum(one.workers for one in among) or None
        return Workload(
            waiting=waiting,
            busy=None if connection is None else job_lock.at_work(connection),
            workers=workers,
            daemons=at_work,
            silent_since=datetime.fromisoformat(beat.beat_at) if beat and beat.is_stale else None,
            inbox=inbox,
            inbox_since=inbox_since,
            arriving=0 if inbox is InboxState.OFF else arriving,
        )

    def _depth(self) -> int:
        if not JobQueue.is_there(self._settings, self._paths):
            return 0
        self._queue = self._queue or JobQueue.of(self._settings, self._paths)
        return self._queue.depth()

    def close(self) -> None:
        """Give the files back."""
        for file in (self._queue, self._state, self._ledger):
            if file is not None:
                file.close()
        self._queue = self._state = self._ledger = None
