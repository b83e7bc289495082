"""Pages of a long ordered list, at any place of it, without reading all that is before.

OFFSET reads what it passes over. So a page is fetched from the nearest place whose key is known: an end of
the list, or a page that was fetched before.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

Row = TypeVar("Row")

MOST = 4096
"""Rows that are remembered."""


@dataclass(frozen=True, slots=True)
class Sort(Generic[Row]):
    """SQL of an order by one key. ``id`` decides among equals, in the same direction."""

    id: str
    """The column of the identifier."""
    key: str = ""
    """An expression over a row, never NULL; empty for the identifier alone."""
    other_key: str = ""
    """The same of another row, over ``%(key)s``, which is what ``value`` makes of that."""
    value: Callable[[Row], object] | None = None
    descending: bool = False

    def by(self, *, backwards: bool) -> str:
        """ORDER BY this, or the other way round."""
        direction = "DESC" if self.descending is not backwards else "ASC"
        return ", ".join(f"{key} {direction}" for key in (self.key, self.id) if key)

    def beyond(self, *, backwards: bool) -> str:
        """The condition for what comes after the row of :meth:`parameters`, or before it."""
        sign = "<" if self.descending is not backwards else ">"
        if not self.key:
            return f"{self.id} {sign} %(id)s"
        return f"({self.key}, {self.id}) {sign} ({self.other_key}, %(id)s)"

    def parameters(self, row: Row) -> dict[str, Any]:
        """What :meth:`beyond` needs of a row, which has an ``id``."""
        return {"id": getattr(row, "id"), "key": self.value(row) if self.value else None}  # noqa: B009


class Step(NamedTuple, Generic[Row]):
    """How to come to a page."""

    row: Row | None
    """Behind this row, or before it if backwards; None: from that end of the list."""
    backwards: bool
    """In the reverse order; :meth:`Anchors.page` turns the rows round."""
    offset: int
    """Rows to pass over."""
    limit: int


class Anchors(Generic[Row]):
    """The known rows of one list. A list that has changed needs new ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # pages are fetched by several threads
        self._places: list[int] = []
        self._rows: list[Row] = []

    def step(self, offset: int, limit: int, total: int | None) -> Step[Row]:
        """How to come to ``limit`` rows from ``offset`` on, in a list of ``total`` if that is known."""
        end = offset + limit if total is None else min(offset + limit, total)
        with self._lock:
            at = bisect_left(self._places, offset)
            before = (self._places[at - 1] + 1, self._rows[at - 1]) if at else (0, None)
            at = bisect_left(self._places, end)
            behind = (self._places[at], self._rows[at]) if at < len(self._places) else (total, None)
        forwards = offset - before[0]
        if behind[0] is None or forwards <= behind[0] - end:
            return Step(before[1], False, forwards, max(end - offset, 0))
        return Step(behind[1], True, behind[0] - end, max(end - offset, 0))

    def page(
        self, offset: int, limit: int, total: int | None, fetch: Callable[[Step[Row]], list[Row]]
    ) -> list[Row]:
        """``limit`` rows from ``offset`` on, in the order of the list; ``fetch`` gets those of a step."""
        step = self.step(offset, limit, total)
        if step.limit <= 0:
            return []
        found = fetch(step)
        if not step.backwards:
            self.remember(offset, found)
            return found
        # It ends where it was to, though it may have fewer rows.
        found = found[::-1]
        self.remember(offset + step.limit - len(found), found)
        return found

    def remember(self, offset: int, rows: Sequence[Row]) -> None:
        """The page at ``offset`` has these rows."""
        if not rows or len(self._places) >= MOST:
            return
        with self._lock:
            for place, row in ((offset, rows[0]), (offset + len(rows) - 1, rows[-1])):
                at = bisect_left(self._places, place)
                if at == len(self._places) or self._places[at] != place:
                    self._places.insert(at, place)
                    self._rows.insert(at, row)
