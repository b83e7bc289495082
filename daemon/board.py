"""What the processes of one daemon show each other, in memory that they share.

The main process must see whether the others are well, has no connections and no threads, and may wait for
nobody: so there are no locks. Each number has one writer, and is written in one piece.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, auto
from mmap import mmap

LONGEST_NAME = 120
"""Bytes of a file's name that are shown."""


class _Number(IntEnum):
    SEEN_AT = 0
    BUSY_SINCE = auto()
    PROGRESS_AT = auto()
    IMPORTED = auto()
    REJECTED = auto()
    SKIPPED = auto()
    NAME_LENGTH = auto()


_SEAT = len(_Number) * 8 + LONGEST_NAME


class _Shared(IntEnum):
    ANSWERED_AT = 0
    QUEUE_DEPTH = auto()


_HEAD = len(_Shared) * 8


class Board:
    """The seats of the workers, that of the housekeeper, and what the latter knows of the database.

    Moments are those of :func:`time.monotonic`, which all processes of a machine share; 0 is never.
    """

    def __init__(self, workers: int) -> None:
        self._memory = mmap(-1, _HEAD + (workers + 2) * _SEAT)
        self._numbers = memoryview(self._memory)[:_HEAD].cast("d")
        self.workers = [Seat(self._memory, number) for number in range(workers)]
        self.housekeeper = Seat(self._memory, workers)
        self.mine = Seat(self._memory, workers + 1)
        """That of this process, once it has taken one; until then one that nobody looks at."""
        for seat in (*self.workers, self.housekeeper):
            seat.react()
        self._numbers[_Shared.ANSWERED_AT] = time.monotonic()  # or else it would not have for ages

    def take(self, seat: Seat) -> None:
        """Sit down: from now on this process is the one at ``seat``."""
        self.mine = seat
        seat.react()

    @property
    def busy(self) -> int:
        """How many workers have a job."""
        return sum(seat.is_busy for seat in self.workers)

    @property
    def answered_at(self) -> float:
        """When the database last answered the housekeeper."""
        return self._numbers[_Shared.ANSWERED_AT]

    @property
    def queue_depth(self) -> int:
        """Tasks in the queue, when the housekeeper looked last."""
        return int(self._numbers[_Shared.QUEUE_DEPTH])

    def database_answered(self, queue_depth: int, now: float | None = None) -> None:
        """It did, ``now`` or at this moment; for the housekeeper."""
        self._numbers[_Shared.QUEUE_DEPTH] = queue_depth
        self._numbers[_Shared.ANSWERED_AT] = now or time.monotonic()


class Seat:
    """What one process shows of itself."""

    def __init__(self, memory: mmap, number: int) -> None:
        begin = _HEAD + number * _SEAT
        end = begin + len(_Number) * 8
        self._numbers = memoryview(memory)[begin:end].cast("d")
        self._name = memoryview(memory)[end : end + LONGEST_NAME]

    def react(self, now: float | None = None) -> None:
        """Show that this process goes on, ``now`` or at this moment: called wherever it asks what to do."""
        self._numbers[_Number.SEEN_AT] = now or time.monotonic()

    def progress(self) -> None:
        """Show that a chunk more is stored."""
        now = time.monotonic()
        self._numbers[_Number.PROGRESS_AT] = self._numbers[_Number.SEEN_AT] = now

    @contextmanager
    def busy(self, name: str) -> Iterator[None]:
        """Show that this process is at the job of the file ``name``."""
        encoded = name.encode("utf-8", "replace")[:LONGEST_NAME]
        self._name[: len(encoded)] = encoded
        self._numbers[_Number.NAME_LENGTH] = len(encoded)
        now = time.monotonic()
        self._numbers[_Number.PROGRESS_AT] = self._numbers[_Number.BUSY_SINCE] = now
        try:
            yield
        finally:
            self.rest()

    def rest(self) -> None:
        """Show that this process has no job; also for one that starts in the place of a dead one."""
        self._numbers[_Number.BUSY_SINCE] = 0
        self.react()

    def count(self, imported: int, rejected: int, skipped: int) -> None:
        """Add rows to those that were counted at this seat since the daemon started."""
        self._numbers[_Number.IMPORTED] += imported
        self._numbers[_Number.REJECTED] += rejected
        self._numbers[_Number.SKIPPED] += skipped

    @property
    def rows(self) -> tuple[int, int, int]:
        """Rows imported, rejected and skipped at this seat."""
        imported, rejected, skipped = self._numbers[_Number.IMPORTED : _Number.SKIPPED + 1]
        return int(imported), int(rejected), int(skipped)

    @property
    def seen_at(self) -> float:
        """When the process last showed that it goes on."""
        return self._numbers[_Number.SEEN_AT]

    @property
    def progress_at(self) -> float:
        """When its job last made progress."""
        return self._numbers[_Number.PROGRESS_AT]

    @property
    def is_busy(self) -> bool:
        """Whether the process has a job."""
        return self._numbers[_Number.BUSY_SINCE] > 0

    @property
    def name(self) -> str:
        """The file of the job that it has, or had last."""
        length = int(self._numbers[_Number.NAME_LENGTH])
        return bytes(self._name[:length]).decode("utf-8", "replace")
