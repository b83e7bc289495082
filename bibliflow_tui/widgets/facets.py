"""Kinds of rows with their numbers, one of which can be chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bibliflow_tui.text import safe_text

ALL = ""


class Facets(Static):
    """``all 7,308   isbn_scientific 6,728   missing_field 565``, the most frequent first."""

    @dataclass
    class Chosen(Message):
        """The kind to be shown; :data:`ALL` for all."""

        kind: str

    def __init__(self, *, wraps: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        """``wraps`` has it take as many lines as it needs, none of which ends within a kind."""
        super().__init__(id=id)
        self.chosen = ALL
        self._wraps = wraps
        self._counts: dict[str, int] = {}
        self._ends: list[tuple[int, int, str]] = []
        """Line and end of each kind, for clicks."""

    def show(self, total: int, counts: Mapping[str, int]) -> None:
        """Show these numbers."""
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        counts = {ALL: total, **dict(ordered)}
        if counts == self._counts:
            return
        self._counts = counts
        if self.chosen not in self._counts:
            self._choose(ALL)
        self._draw()

    def _draw(self) -> None:
        lines: list[list[Content]] = [[]]
        self._ends, width = [], 0
        for kind, count in self._counts.items():
            is_chosen = kind == self.chosen
            text = safe_text(
                f"{kind or 'all'} {count:,}", "bold $text-accent" if is_chosen else "$foreground-muted"
            )
            if self._wraps and width and width + text.cell_length > (self.size.width or math.inf):
                lines.append([])
                width = 0
            lines[-1].append(text)
            width += text.cell_length + 3
            self._ends.append((len(lines) - 1, width, kind))
        self.update(Content("\n").join([Content("   ").join(line) for line in lines]))

    def on_resize(self) -> None:
        """There may be room for more in a line, or less."""
        if self._wraps:
            self._draw()

    def move(self, by: int) -> None:
        """Choose the next kind, or the one before."""
        kinds = list(self._counts)
        if kinds:
            self._choose(kinds[(kinds.index(self.chosen) + by) % len(kinds)])

    def clear(self) -> None:
        """Choose all."""
        self._choose(ALL)

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        offset = event.get_content_offset(self)
        if offset is not None:
            here = (kind for line, end, kind in self._ends if offset.y == line and offset.x < end)
            if (kind := next(here, None)) is not None:
                self._choose(kind)

    def _choose(self, kind: str) -> None:
        self.chosen = kind
        self._draw()
        self.post_message(self.Chosen(kind))
