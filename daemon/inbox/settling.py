"""When is a file complete? No event says so: it is when it has been at rest for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from daemon.inbox.folder import Entry, Version

EMPTY = "empty so far"
GROWING = "still being written"
HELD_OPEN = "still open in the program that writes it"


@dataclass(slots=True)
class _Pending:
    entry: Entry
    rests_since: float
    """On the monotonic clock."""
    is_held_open: bool = False
    """Whether that was so when it was looked at last."""


class Settling:
    """The files that may not be complete yet."""

    def __init__(
        self,
        settle_seconds: float,
        is_being_written: Callable[[bytes], bool | None],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._seconds = settle_seconds
        self._is_being_written = is_being_written
        self._clock = clock
        self._wall_clock = wall_clock
        self._pending: dict[bytes, _Pending] = {}
        self._temporary: set[tuple[int, int]] = set()
        """Files under temporary names, by device and inode: complete as soon as they get their own."""

    def __len__(self) -> int:
        return len(self._pending)

    def update(self, entries: Iterable[Entry]) -> None:
        """All files that are there now."""
        pending: dict[bytes, _Pending] = {}
        temporary = set()
        for entry in entries:
            identity = entry.version[:2]
            if entry.ignored:
                temporary.add(identity)
            if entry.ignored or entry.refused:
                continue
            known = self._pending.get(entry.path)
            if known and known.entry.version == entry.version:
                pending[entry.path] = known
            else:
                pending[entry.path] = _Pending(entry, self._rest_began(entry.version, is_new=known is None))
        self._pending, self._temporary = pending, temporary

    def look_again(self, version: Callable[[bytes], Version | None]) -> None:
        """Look at the files that wait, and at no others."""
        for path, known in list(self._pending.items()):
            now = version(path)
            if now is None:
                del self._pending[path]
            elif now != known.entry.version:
                self._pending[path] = _Pending(Entry(path, now), self._clock())

    def settled(self, most: int) -> list[Entry]:
        """Some of the files that are complete. They stay until :meth:`forget`, or until they are gone."""
        return list(islice(filter(None, map(self._complete, self._pending.values())), most))

    def _complete(self, known: _Pending) -> Entry | None:
        known.is_held_open = False
        if self._why_waiting(known):
            return None
        known.is_held_open = bool(self._is_being_written(known.entry.path))
        return None if known.is_held_open else known.entry

    def waiting(self) -> Iterator[tuple[Entry, str]]:
        """All files that have not been taken, and why those wait that are not complete."""
        for known in self._pending.values():
            yield known.entry, self._why_waiting(known)

    def _why_waiting(self, known: _Pending) -> str:
        if not known.entry.version.size:
            return EMPTY
        if self._clock() - known.rests_since < self._seconds:
            return GROWING
        return HELD_OPEN if known.is_held_open else ""

    def forget(self, path: bytes) -> None:
        """The file has been taken, or is not wanted."""
        self._pending.pop(path, None)

    def _rest_began(self, version: Version, *, is_new: bool) -> float:
        now = self._clock()
        if version[:2] in self._temporary:
            return now - self._seconds  # renamed into place
        # A clock that is wrong, such as a file server's, must not make a file older than it is known to be.
        age = self._wall_clock() - version.mtime_ns / 1e9
        return now - self._seconds if is_new and age >= self._seconds else now
