"""The top line: the places, and how database, daemon, workers, queue and inbox fare."""

from __future__ import annotations

import time
from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from bibliflow_tui import formats
from bibliflow_tui.key_names import key_of
from bibliflow_tui.live import DaemonChanged, DatabaseChanged
from bibliflow_tui.text import safe_text
from daemon.workload import InboxState, Workload

UP, DOWN, UNKNOWN = "●", "○", "◌"

PLACES = ("imports", "books", "inbox", "log")
"""The app's modes; ``app.imports`` and so on are the keys that lead there."""

GOOD, WRONG, SOON, QUIET = "$text-success", "$text-error", "$text-warning", "$foreground-muted"


class Shape(NamedTuple):
    """How much of it all is said."""

    has_product: bool
    has_names: bool
    """Of all places, or only of the one that is shown."""
    brevity: int
    """From 0, whole words, to :data:`BRIEFEST`."""


BRIEFEST = 4
WELL = (
    Shape(True, True, 0),
    *(Shape(False, True, brevity) for brevity in range(BRIEFEST)),
    *(Shape(False, False, brevity) for brevity in range(1, BRIEFEST + 1)),
)
"""What is tried while all is well: places keep their names as long as that can be."""
NOT_WELL = (
    Shape(True, True, 0),
    Shape(False, True, 0),
    *(Shape(False, False, brevity) for brevity in range(BRIEFEST + 1)),
)
"""What is tried when something is away: that needs the room."""


class Part(NamedTuple):
    """One thing that is told of."""

    forms: tuple[str, ...]
    """By brevity; the last also for what is briefer."""
    style: str = ""

    def content(self, brevity: int) -> Content:
        """In as few words."""
        return safe_text(self.forms[min(brevity, len(self.forms) - 1)], self.style)


class StateLine(Static):
    """What was heard last, as far as there is room. Drawn when something has changed, or counts down."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self._database: DatabaseChanged | None = None
        self._daemon: DaemonChanged | None = None
        self._workload: Workload | None = None
        self._next_try = 0.0
        self._countdown: Timer | None = None
        self._ends: list[tuple[int, str]] = []
        """Where the places end, for clicks."""

    def on_mount(self) -> None:
        """Be ready to count down."""
        self._countdown = self.set_interval(1, self.refresh, pause=not self._is_away)

    def show_database(self, change: DatabaseChanged) -> None:
        """Within reach, or out of it, since when, and when the next try is."""
        self._database = change
        self._next_try = time.monotonic() + change.retry_in
        if self._countdown is not None:
            if self._is_away:
                self._countdown.resume()
            else:
                self._countdown.pause()
        self.refresh()

    def show_daemon(self, change: DaemonChanged) -> None:
        """Running, or not, since when, and what to do."""
        self._daemon = change
        self.refresh()

    def show_workload(self, workload: Workload) -> None:
        """What there is to do."""
        self._workload = workload
        self.refresh()

    async def on_click(self, event: events.Click) -> None:
        """A click on a place leads there."""
        offset = event.get_content_offset(self)
        if offset is not None:
            place = next((place for end, place in self._ends if offset.x < end), None)
            if place:
                await self.run_action(f"app.go('{place}')")

    def render(self) -> Content:
        """The longest that there is room for."""
        width = self.size.width
        for shape in WELL if self._is_well else NOT_WELL:
            places, states = self._places(shape), self._states(shape.brevity)
            room = width - places.cell_length - states.cell_length
            if room > 1:
                return Content.assemble(places, " " * room, states)
        return Content.assemble(places, "  ", states).truncate(width, ellipsis=True)

    def _start_key(self) -> str:
        """What starts a daemon. It does so among the imports only; elsewhere it may be another key."""
        there, start = key_of(self.app, "app.imports"), key_of(self.app, "imports.daemon")
        return f"{start} starts it" if self._place == "imports" else f"{there} and {start} start it"

    @property
    def _is_away(self) -> bool:
        return self._database is not None and self._database.error is not None

    @property
    def _is_well(self) -> bool:
        is_silent = self._workload is not None and self._workload.silent_since is not None
        is_gone = self._daemon is not None and self._daemon.info is None and not self._daemon.is_starting
        has_others = self._workload is not None and self._workload.daemons > 0
        return not (self._is_away or (is_gone and not has_others) or is_silent)

    def _places(self, shape: Shape) -> Content:
        names = [("", Content.styled("Bibliflow ", "bold $text-accent"))] if shape.has_product else []
        for place in PLACES:
            key = key_of(self.app, f"app.{place}")
            is_here = place == self._place
            name = f" {place.capitalize()}" if shape.has_names or is_here else ""
            names.append((place, Content.assemble((key, QUIET), (name, "bold" if is_here else QUIET))))
        self._ends, width = [], 0
        for place, part in names:
            width += part.cell_length + 2
            self._ends.append((width, place))
        return Content("  ").join([part for _, part in names])

    def _states(self, brevity: int) -> Content:
        parts = [_of_database(self._database, max(0, round(self._next_try - time.monotonic())))]
        parts.append(_of_daemon(self._daemon, self._workload, self._start_key()))
        if self._workload is not None:
            if self._workload.waiting or (self._workload.waiting == 0 and not brevity):
                parts.append(Part((f"{self._workload.waiting:,} queued",)))
            if self._is_well or not brevity or self._workload.inbox is InboxState.STOPPED:
                parts.append(_of_inbox(self._workload))
        gap = "  " if brevity < BRIEFEST else " "
        return Content(gap).join([part.content(brevity) for part in parts])


def _of_database(change: DatabaseChanged | None, seconds: int) -> Part:
    """Where the database is; ``seconds`` are those to the next try."""
    if change is None:
        return Part((f"{UNKNOWN} database starting", f"{UNKNOWN} database"), SOON)
    if change.error is None:
        role = "" if change.may_write else ", to read only"
        forms = [f"{UP} database{role}"] * 2 + [f"{UP} db{role}"] * 2
        return Part((*forms, f"{UP}{role and ' read only'}"), GOOD)
    since = formats.since(change.since) if change.since else ""
    soon = f"try in {seconds} s" if seconds else "trying now"
    next_soon = f"next {soon}" if seconds else soon
    words = (
        f"database out of reach since {since}, {next_soon}",
        f"database away since {since}, {next_soon}",
        f"db away since {since}, {next_soon}",
        f"db away {since}, {soon}",
        f"db, {soon}",
    )
    return Part(tuple(f"{DOWN} {form}" for form in words), WRONG)


def _of_daemon(change: DaemonChanged | None, workload: Workload | None, advice: str) -> Part:
    """The daemon and its workers; ``advice`` is how to have one."""
    if change is None:
        return Part((f"{UNKNOWN} daemon",), QUIET)
    others = workload is not None and workload.daemons > 0
    if others and not change.is_starting and workload and workload.silent_since is None:
        return _of_workers(workload, f"daemons {workload.daemons:,}", "daemons")
    if change.is_starting or (change.info and not change.info.ready):
        return Part((f"{UNKNOWN} daemon starting",), SOON)
    if change.info is None:
        since = formats.since(change.since) if change.since else ""
        words = (f"no daemon since {since}", f"no daemon {since}", "no daemon")
        return Part(tuple(f"{DOWN} {form}" for form in (*[f"{words[0]}, {advice}"] * 2, *words)), WRONG)
    if workload is not None and workload.silent_since is not None:
        since = formats.since(workload.silent_since)
        return Part((*[f"{DOWN} daemon hangs since {since}"] * 3, f"{DOWN} daemon hangs"), WRONG)
    if workload is None:
        return Part((f"{UP} daemon",), GOOD)
    return _of_workers(workload, "daemon", "daemon")


def _of_workers(workload: Workload, name: str, briefly: str) -> Part:
    """How many are busy, of the daemon or of all that share the queue."""
    busy, workers = workload.busy, workload.workers
    if busy is None or workers is None:
        return Part((f"{UP} {name}",), GOOD)
    # Daemons of other homes may work on the same database.
    share = f"{busy}/{workers}" if busy <= workers else f"{busy}"
    return Part((*[f"{UP} {name} {share} busy"] * 3, f"{UP} {briefly} {share}", f"{UP} {share} busy"), GOOD)


def _of_inbox(workload: Workload) -> Part:
    waiting = f" {workload.arriving:,}" if workload.arriving else ""
    match workload.inbox:
        case InboxState.WATCHED:
            return Part((f"inbox{waiting} waiting" if waiting else "inbox watched", f"inbox{waiting}"))
        case InboxState.STOPPED:
            since = formats.since(workload.inbox_since) if workload.inbox_since else ""
            return Part((f"{DOWN} inbox stopped since {since}", f"{DOWN} inbox stopped"), WRONG)
        case InboxState.UNWATCHED | InboxState.OFF:
            return Part((f"inbox {workload.inbox.value}", "inbox off"), QUIET)
