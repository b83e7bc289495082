"""The top line: the product's name, and whether database and daemon are there."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from bibliflow_tui.live import DaemonChanged, DatabaseChanged
from bibliflow_tui.text import safe_text

UP, DOWN, UNKNOWN = "●", "○", "◌"


PLACES = {"1": "imports", "2": "books", "3": "inbox", "4": "log"}
"""The app's modes by the keys that lead there."""


class PlaceTab(Static):
    """The name of a place with its key; a click leads there."""

    def __init__(self, key: str, name: str, *, is_here: bool) -> None:
        style = "bold" if is_here else "$foreground-muted"
        super().__init__(Content.assemble((f"{key} ", "$foreground-muted"), (name.capitalize(), style)))
        self._place = name

    async def on_click(self) -> None:
        """Go there."""
        await self.run_action(f"app.go('{self._place}')")


class StateLine(Horizontal):
    """Shows the latest :class:`DatabaseChanged` and :class:`DaemonChanged`."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def compose(self) -> ComposeResult:
        """Name and places on the left, states on the right."""
        yield Static(Content.styled("Bibliflow", "bold $accent"), id="state-name")
        for key, name in PLACES.items():
            yield PlaceTab(key, name, is_here=name == self._place)
        yield Static(id="state-room")
        yield Static(id="state-database")
        yield Static(id="state-daemon")

    def on_mount(self) -> None:
        """Before the first answer."""
        self._next_try = 0.0
        self._show("database", UNKNOWN, "database starting", "$text-warning")
        self._show("daemon", UNKNOWN, "daemon", "$foreground-muted")
        self.set_interval(1, self._count_down)

    def show_database(self, change: DatabaseChanged) -> None:
        """Within reach, or out of it and when the next try is."""
        self._next_try = time.monotonic() + change.retry_in if change.error else 0.0
        if change.error is None:
            words = "database" if change.may_write else "database, to read only"
            self._show("database", UP, words, "$text-success")
        else:
            self._count_down()

    def show_daemon(self, change: DaemonChanged) -> None:
        """Running, or not and what to do."""
        if change.info:
            self._show("daemon", UP, "daemon", "$text-success")
        else:
            advice = ", d starts it" if self._place == "imports" else ""  # elsewhere d is another key
            self._show("daemon", DOWN, f"no daemon{advice}", "$text-error")

    def _count_down(self) -> None:
        if self._next_try:
            seconds = max(0, round(self._next_try - time.monotonic()))
            when = f"next try in {seconds} s" if seconds else "trying now"
            self._show("database", DOWN, f"database out of reach, {when}", "$text-error")

    def _show(self, name: str, glyph: str, text: str, colour: str) -> None:
        self.query_one(f"#state-{name}", Static).update(safe_text(f"{glyph} {text}", colour))
