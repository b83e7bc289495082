"""A line to type what a list is filtered by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from bibliflow_tui.text import visible

PAUSE = 0.15
"""Seconds without a key after which the list follows."""


class FilterLine(Input):
    """Hidden until it is asked for; the list follows while one types. Escape clears and hides it."""

    DEFAULT_CSS = """
    FilterLine { display: none; }
    FilterLine.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape", "clear", "Show all", tooltip="Clear the filter and show all again", id="filter.clear"
        ),
        Binding(
            "enter,down", "leave", "To the list", tooltip="Keep the filter, go to the list", id="filter.leave"
        ),
    ]

    @dataclass
    class Filtered(Message):
        """The list is to show what holds ``text``; all, if that is empty."""

        text: str

    def __init__(self, what: str) -> None:
        super().__init__(placeholder=what, compact=True, select_on_focus=False)
        self._timer: Timer | None = None

    def validate_value(self, value: str) -> str:
        """Input draws its value as it is, ESC included."""
        return visible(value)

    def open(self) -> None:
        """Show it and type into it."""
        self.add_class("-shown")
        self.focus()

    @on(Input.Changed)
    def _follow(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self.post_message(self.Filtered(self.value.strip()))

    def action_clear(self) -> None:
        """Show all again."""
        self.value = ""
        self.remove_class("-shown")
        self.screen.focus_next()

    def action_leave(self) -> None:
        """To the list, which stays filtered."""
        if not self.value:
            self.remove_class("-shown")
        self.screen.focus_next()
