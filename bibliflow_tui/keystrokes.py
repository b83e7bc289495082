"""Keys one after the other, however fast they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from textual.dom import DOMNode
from textual.events import Key, Paste

PATIENCE = 1.0
"""Seconds that a key waits for the one before."""


class Keystrokes:
    """Deals with a key when the one before has been dealt with: then the focus is where that has put it.

    Textual puts every key at once into the queue of the widget that has the focus at that moment: what the
    first of a few did to the focus would come too late for the others. The end of a key's way is known by
    what goes the same way behind it, from the widget through all that hold it to the app.
    """

    def __init__(
        self,
        deal_with: Callable[[Key | Paste], Awaitable[DOMNode]],
        call_after: Callable[[float, Callable[[], Awaitable[None]]], object],
    ) -> None:
        """``deal_with`` puts a key, or what is pasted, on its way and says where that begins.

        ``call_after`` so many seconds calls what it is given.
        """
        self._deal_with = deal_with
        self._call_after = call_after
        self._waiting: deque[Key | Paste] = deque()
        self._number = 0
        """Of the key that is under way."""
        self._is_under_way = False

    async def take(self, key: Key | Paste) -> None:
        """Deal with ``key`` now, or when it is its turn."""
        self._waiting.append(key)
        if self._is_under_way:
            self._limit_patience()
        else:
            await self._go_on()

    def _limit_patience(self) -> None:
        self._call_after(PATIENCE, partial(self._stop_waiting, self._number))

    async def _stop_waiting(self, number: int) -> None:
        if number == self._number:
            await self._go_on()

    async def _go_on(self) -> None:
        self._number += 1
        self._is_under_way = False
        if self._waiting:
            first = await self._deal_with(self._waiting.popleft())
            self._is_under_way = True
            if self._waiting:
                self._limit_patience()
            way = list(first.ancestors_with_self)
            # Twice through the app: what the key made it do a little later is done then, too.
            await self._follow(self._number, iter([*way, way[-1]]))

    async def _follow(self, number: int, way: Iterator[DOMNode]) -> None:
        """Into the next queue on the way, if it takes anything yet; at the end it is the next key's turn."""
        if number != self._number:
            return  # nobody waits for it any more
        for node in way:
            if node.call_later(self._follow, number, way):
                return
        await self._go_on()
