"""Watches the inbox: a process of the daemon's that takes complete files in, one after another.

Looking is the truth; events only say that it is time to look. They are lost when there are too many, come for
files that are not complete, and stop when the folder is exchanged for another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

from daemon.catalog.database import Connection, Database, ensure_alive, is_out_of_reach, limit_waiting
from daemon.file_check import display_name
from daemon.inbox import leases
from daemon.inbox.arrivals import Arrivals
from daemon.inbox.events import Events
from daemon.inbox.ledger import FolderState, Ledger
from daemon.inbox.outcome import Outcomes, folder
from daemon.logger import Logger
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings
from daemon.spool import mark_of

log = Logger(__name__)

LOOK_EVERY = 30.0
"""Seconds between looks when no event comes."""

POLL_EVERY = 1.0
"""Seconds between looks where events cannot be had."""

LOOK_AGAIN = 2.0
"""Seconds after an event for one more look: files that came into a folder which was just made have none."""

LONGEST_SHARE = 4
"""Times as long as a look took there is no other one, when events do not end."""

DELIVER_EVERY = 10.0
"""Seconds between looks for files in the spool whose jobs ended elsewhere, as by a cancel."""

CONNECT_AGAIN = 2.0
"""Seconds before a database that was out of reach is tried again."""

SHORTEST_STEP = 0.02
LONGEST_STEP = 0.5
"""Seconds between looks at files that are not complete."""

IDLE_STEP = 1.0
"""Seconds between looks at whether to stop, when nothing is to be done."""


class Watcher:
    """The inbox of one home."""

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        database: Database,
        is_stopped: Callable[[], bool],
        spool_mark: str = "",
    ) -> None:
        """``spool_mark`` is that of the spool where several machines share it."""
        self._spool_mark = spool_mark
        self._settings = settings
        self._paths = paths
        self._database = database
        self._is_stopped = is_stopped
        self._folder = folder(settings.watch, paths)
        self._outcomes = Outcomes(settings.watch, paths)
        self._opened = ExitStack()
        self._connection: Connection | None = None
        self._problem = ""
        self._since = _now()
        self._why_waiting = ""
        self._look_at = self._deliver_at = self._connect_at = 0.0

    def run(self) -> None:
        """Work until the daemon stops."""
        leases.prepare()
        with suppress(OSError):
            self._folder.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        events = Events(self._folder, is_wanted=not self._settings.watch.poll)
        with Ledger(self._paths.state_db) as ledger:
            queue = JobQueue.of(self._settings, self._paths)
            arrivals = Arrivals(self._folder, self._settings, self._paths, ledger, queue, self._spool_mark)
            while not self._is_stopped():
                self._look(arrivals, ledger, events)
                is_busy = self._work(arrivals)
                arrivals.explain(self._why_waiting)
                events.wait(self._patience(arrivals, is_busy))
        events.stop()
        self._disconnect()

    def _look(self, arrivals: Arrivals, ledger: Ledger, events: Events) -> None:
        """At the folder if it is time to, else only at files that are not complete."""
        started = time.monotonic()
        happened = events.happened()
        if started < self._look_at and not happened:
            arrivals.look_again()
            return
        problem = ""
        try:
            events.follow()
            arrivals.look()
        except OSError as error:
            problem = f"{self._folder.root} cannot be read: {error.strerror or error}"
        self._say(ledger, problem, is_polled=not events.are_there)
        ended = time.monotonic()
        self._look_at = ended + (
            LOOK_AGAIN if happened else LOOK_EVERY if events.are_there else max(POLL_EVERY, ended - started)
        )
        events.rest(LONGEST_SHARE * (ended - started))

    def _say(self, ledger: Ledger, problem: str, *, is_polled: bool) -> None:
        """How it fares: to the ledger, and a change of that to the log."""
        if problem != self._problem:
            self._problem, self._since = problem, _now()
            if problem:
                log.warning("the inbox cannot be looked at", problem=problem)
            else:
                log.info("the inbox can be looked at again", folder=str(self._folder.root))
        root = display_name(self._folder.root)
        ledger.say(FolderState(root, is_polled, problem, self._since, looked_at=_now()))

    def _work(self, arrivals: Arrivals) -> bool:
        """What needs the database; whether there may be more of it at once."""
        now = time.monotonic()
        is_due = now >= self._deliver_at
        if now < self._connect_at or not (is_due or arrivals.is_waiting or arrivals.has_claims):
            return False
        is_shared = bool(self._spool_mark)
        if is_shared and mark_of(self._paths.spool) != self._spool_mark:
            self._why_waiting = f"the spool is not there: {self._paths.spool}"
            self._connect_at = now + CONNECT_AGAIN
            return False
        try:
            connection = self._connect()
            ensure_alive(connection)  # before a file is claimed that could not be handed in
            if arrivals.has_claims or (is_due and is_shared):  # those of a machine that died
                arrivals.take_up(connection)
            took = arrivals.take(connection, self._is_stopped)
            if is_due:
                self._outcomes.deliver_left(connection)
                if is_shared:
                    self._outcomes.catch_up(connection)
                self._deliver_at = now + DELIVER_EVERY
        except Exception as error:
            if is_out_of_reach(error):
                self._why_waiting = f"the database is out of reach: {error}"
            else:
                log.exception("watching the inbox failed")
            self._disconnect()
            arrivals.has_claims = True
            self._connect_at = time.monotonic() + CONNECT_AGAIN
            return False
        self._why_waiting = ""
        return took

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._opened.enter_context(self._database.connect())
            limit_waiting(self._connection)
        return self._connection

    def _disconnect(self) -> None:
        self._opened.close()
        self._connection = None

    def _patience(self, arrivals: Arrivals, is_busy: bool) -> float:
        """Seconds until there is something to do without an event."""
        if is_busy:
            return 0
        now = time.monotonic()
        until = min(self._look_at, max(self._deliver_at, self._connect_at)) - now
        longest = (
            min(self._settings.watch.settle_seconds / 4, LONGEST_STEP) if arrivals.is_waiting else IDLE_STEP
        )
        return max(min(until, longest), SHORTEST_STEP)


def _now() -> str:
    return datetime.now(UTC).isoformat()
