"""The line in which a search is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from bibliflow_tui.widgets.safe_input import SafeInput

DEBOUNCE = 0.15
"""Seconds without a key before the search begins."""


class SearchLine(SafeInput):
    """Posts `Sought` when typing pauses. The list that it is for comes next in the order of the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down", "leave", "To the list", tooltip="To what was found", id="search.leave"),
        Binding(
            "escape", "clear", "Clear", tooltip="Look for nothing, and leave this line", id="search.clear"
        ),
    ]

    @dataclass
    class Sought(Message):
        """Look for this, without white space at its ends."""

        text: str

    def __init__(self, placeholder: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(placeholder=placeholder, compact=True, select_on_focus=False, id=id)
        self._pause: Timer | None = None

    def show(self, text: str) -> None:
        """Have this in the line; nobody is told."""
        with self.prevent(Input.Changed):
            self.value = text
        self._stop()

    def _stop(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None

    @on(Input.Changed)
    def _wait(self, event: Input.Changed) -> None:
        event.stop()
        self._stop()
        self._pause = self.set_timer(DEBOUNCE, self._seek)

    def _seek(self) -> None:
        self._stop()
        self.post_message(self.Sought(self.value.strip()))

    def action_leave(self) -> None:
        """Look for it at once, and go there."""
        self._seek()
        self.screen.focus_next()

    def action_clear(self) -> None:
        """Look for nothing, and go to the list."""
        self.show("")
        self.action_leave()
