"""Which processes of the daemon hang? Decided by the main process, from what they show on the board.

A process hangs if it did not react for longer than anything takes that it may wait for:

- Workers react when they look for a task, whenever they ask whether to stop, which is after each chunk and
  several times a second while they wait for one to be read, and before each new attempt at a lost database.
- A statement may take two minutes (``WAITING_LIMITS``), and the housekeeper may wait for a busy file.
- As long as the database does not answer the housekeeper, no worker hangs: it waits, and no restart would
  help. When it answers again, each worker has its time anew.

The watcher is not among them: a dead file server may stop it, and shall stop nothing else.
"""

from __future__ import annotations

from daemon.board import Board
from daemon.logger import Logger

LIMIT = 180.0
"""Seconds without a reaction, unless the service manager has a limit of its own."""

ANSWER_LIMIT = 10.0
"""Seconds since the last answer of the database after which it counts as being away."""

log = Logger(__name__)


class Watchdog:
    """Looks at the board."""

    def __init__(self, board: Board, limit: float = LIMIT) -> None:
        self._board = board
        self._limit = limit
        self._hung: frozenset[str] = frozenset()
        self._away_until = 0.0

    def all_is_well(self, now: float) -> bool:
        """Whether no process hangs at the moment ``now``; one that does is logged once."""
        hung = frozenset(self.find(now))
        for name in sorted(hung - self._hung):
            log.error("a process of the daemon hangs", name=name, seconds=round(self._limit, 1))
        for name in sorted(self._hung - hung):
            log.warning("a process of the daemon reacts again", name=name)
        self._hung = hung
        return not hung

    def is_database_away(self, now: float) -> bool:
        """Whether the database has not answered for a while."""
        return now - self._board.answered_at > min(ANSWER_LIMIT, self._limit / 2)

    def find(self, now: float) -> list[str]:
        """The processes that hang, by what they are. To be asked often: so it sees the database come back."""
        board = self._board
        if self.is_database_away(now):
            self._away_until = now
        found = ["housekeeper"] if now - board.housekeeper.seen_at > self._limit else []
        for number, seat in enumerate(board.workers, 1):
            if now - max(seat.seen_at, self._away_until) > self._limit:
                found.append(f"worker {number}")
        return found
