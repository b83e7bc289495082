"""Pages of a long ordered list, at any place of it, without reading all that is before.

OFFSET reads what it passes over. So a page is fetched from the nearest place whose key is known: an end of
the list, or a page that was fetched before.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

Row = TypeVar("Row")
Key = tuple[object, ...]


class Step(NamedTuple):
    """How to come to a page."""

    key: Key | None
    """Behind this key, or before it if backwards; None: from that end of the list."""
    backwards: bool
    """In the reverse order; the rows are turned round afterwards."""
    offset: int
    """Rows to pass over."""
    limit: int


class Anchors(Generic[Row]):
    """The known places of one list. A list that has changed needs new ones."""

    MOST = 4096
    """Places that are remembered."""

    def __init__(self, key_of: Callable[[Row], Key]) -> None:
        self._key_of = key_of
        self._lock = threading.Lock()  # pages are fetched by several threads
        self._places: list[int] = []
        self._keys: list[Key] = []

    def step(self, offset: int, limit: int, total: int) -> Step:
        """How to come to ``limit`` rows from ``offset`` on in a list of ``total``."""
        end = min(offset + limit, total)
        with self._lock:
            at = bisect_left(self._places, offset)
            before = (self._places[at - 1], self._keys[at - 1]) if at else None
            at = bisect_left(self._places, end)
            behind = (self._places[at], self._keys[at]) if at < len(self._places) else None
        forwards = offset - (before[0] + 1 if before else 0)
        backwards = (behind[0] if behind else total) - end
        if forwards <= backwards:
            return Step(before[1] if before else None, False, forwards, max(end - offset, 0))
        return Step(behind[1] if behind else None, True, backwards, max(end - offset, 0))

    def remember(self, offset: int, rows: Sequence[Row]) -> None:
        """The page at ``offset`` has these rows."""
        if not rows or len(self._places) >= self.MOST:
            return
        with self._lock:
            for place, row in ((offset, rows[0]), (offset + len(rows) - 1, rows[-1])):
                at = bisect_left(self._places, place)
                if at == len(self._places) or self._places[at] != place:
                    self._places.insert(at, place)
                    self._keys.insert(at, self._key_of(row))
