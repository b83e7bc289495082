"""Counts the rows that a worker's imports bring, for the daemon's figures."""

from __future__ import annotations

from uuid import UUID

from daemon.board import Board
from daemon.catalog.job import Counts, Job


class Tally:
    """What the jobs of one worker had when they were last looked at."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._job_id: UUID | None = None
        self._before = Counts()

    def begin(self, job: Job) -> None:
        """Count from what ``job`` has; or had when it was looked at last, if it is the same job going on."""
        if self._job_id != job.id or self._before.processed > job.processed_rows:
            self._job_id, self._before = job.id, _counts(job)

    def add(self, counts: Counts) -> None:
        """Add what a chunk of the import that was begun brought to this worker's rows."""
        self._board.mine.count(counts.success, counts.error, counts.skipped)
        self._before += counts

    def look(self, job: Job) -> None:
        """Add what the import ``job`` has more than before to this worker's rows."""
        if job.kind != "import" or self._job_id != job.id:
            return
        now = _counts(job)
        self._board.mine.count(
            max(now.success - self._before.success, 0),
            max(now.error - self._before.error, 0),
            max(now.skipped - self._before.skipped, 0),
        )
        self._before = now


def _counts(job: Job) -> Counts:
    return Counts(job.success_count, job.error_count, job.skipped_count)
