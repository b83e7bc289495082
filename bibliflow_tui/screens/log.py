"""What the daemon did, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bibliflow_tui import formats
from bibliflow_tui.screens.place import Place
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.columns import Column
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.virtual_table import Row, VirtualTable
from daemon import activity
from daemon.activity import Event

COLUMNS = (
    Column("when", "when", 12, "right"),
    Column("event", "event", "2fr"),
    Column("details", "to what", "3fr"),
)
LEVELS = {"warning": "$text-warning", "error": "$text-error", "critical": "$text-error"}

LOOK = 1.0
"""Seconds between looks at the log while it is shown."""

EMPTY = (
    "The log is empty.\n\nA daemon that runs as a service writes to the system's journal instead:\n"
    "bibliflow logs shows that."
)


@dataclass
class LogRead(Message):
    """The events that are to be shown."""

    wanted: str
    events: Sequence[Event]


class LogScreen(Place):
    """The events, and the one under the cursor in full."""

    MODE = "log"
    CSS_PATH = Path(__file__).parent.parent / "styles" / "log.tcss"
    AUTO_FOCUS = "VirtualTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", tooltip="Show events with a text in them", id="log.filter"),
        Binding("y", "copy", "Copy", tooltip="Copy the event to the clipboard", id="log.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._events: Sequence[Event] = ()
        self._seen: tuple[int, int, str] | None = None
        """Size and time of the log when it was read, and what was wanted of it."""

    def compose_place(self) -> ComposeResult:
        """Filter, events, detail."""
        yield FilterLine("part of an event")
        yield VirtualTable(COLUMNS, empty_text=EMPTY, id="log-events")
        yield Static(id="log-detail")

    def on_mount(self) -> None:
        """Look as long as it is shown."""
        self.set_interval(LOOK, self.look_again)

    @on(FilterLine.Sought)
    def look_again(self) -> None:
        """Read the log, if anybody sees it."""
        if self.is_current:
            self._read(self.query_one(FilterLine).value.strip())

    @work(thread=True, group="log-read", exit_on_error=False)
    def _read(self, wanted: str) -> None:
        path = self.dashboard.paths.daemon_log
        try:
            status = path.stat()
            seen = (status.st_size, status.st_mtime_ns, wanted)
            if seen == self._seen:
                return
            events = [event for event in activity.latest(path) if event.holds(wanted)]
        except FileNotFoundError:
            seen, events = (0, 0, wanted), []
        self._seen = seen
        self.post_message(LogRead(wanted, events))

    @on(LogRead)
    def _show(self, event: LogRead) -> None:
        if event.wanted == self.query_one(FilterLine).value.strip():
            self._events = event.events
            self.query_one(VirtualTable).refetch(len(event.events))

    @on(VirtualTable.PageWanted)
    def _provide(self, event: VirtualTable.PageWanted) -> None:
        rows = self._events[event.offset : event.offset + event.limit]
        total = len(self._events)
        # By their number from the oldest, which stays the same when others come.
        keyed = [(str(total - event.offset - place), found) for place, found in enumerate(rows)]
        self.query_one(VirtualTable).provide(
            event.request, event.offset, [event_row(key, found) for key, found in keyed]
        )

    @property
    def _selected(self) -> Event | None:
        place = self.query_one(VirtualTable).cursor_row
        return self._events[place] if 0 <= place < len(self._events) else None

    @on(VirtualTable.RowHighlighted)
    def _show_detail(self) -> None:
        event = self._selected
        self.query_one("#log-detail", Static).update(detail(event) if event else Content(""))

    def action_filter(self) -> None:
        """Type what the events must hold."""
        self.query_one(FilterLine).open()

    def action_copy(self) -> None:
        """Copy the event under the cursor."""
        if event := self._selected:
            self.app.copy_to_clipboard(
                f"{formats.clock(event.at)} {event.text} {event.details} {event.trace}".strip()
            )
            self.dashboard.toast("Event copied")


def event_row(key: str, event: Event) -> Row:
    """An event as a line of the table."""
    return Row(
        key, [formats.ago(event.at), safe_text(event.text, LEVELS.get(event.level, "")), event.details]
    )


def detail(event: Event) -> Content:
    """All of an event."""
    head = f"{formats.clock(event.at)}  {event.level}".strip()
    return Content("\n").join(
        [
            safe_text(head, "$foreground-muted"),
            safe_text(event.text, f"bold {LEVELS.get(event.level, '')}".strip(), limit=500),
            safe_text(f"{event.details} {event.trace}".strip(), limit=1000),
        ]
    )
