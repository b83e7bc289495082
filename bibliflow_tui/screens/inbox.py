"""The inbox: what came, what it waits for, what became of it."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from bibliflow_tui import formats
from bibliflow_tui.formats import State
from bibliflow_tui.key_names import key_of
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.place import Place
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.columns import Column
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.virtual_table import Row, VirtualTable
from bibliflow_tui.widgets.words import Words
from daemon.catalog import jobs
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError
from daemon.inbox.ledger import FileState, Ledger, LedgerEntry, describe

COLUMNS = (
    Column("state", "state", 11),
    Column("file", "file", "3fr"),
    Column("why", "", "4fr"),
    Column("when", "when", 12, "right"),
)

STATES: dict[FileState, State] = {
    FileState.GROWING: State("◔", "growing", "$text-warning"),
    FileState.SETTLED: State("◌", "waiting", "$text-warning"),
    FileState.QUEUED: State("▶", "importing", "$text-accent"),
    FileState.IMPORTED: State("✓", "imported", "$text-success"),
    FileState.FAILED: State("✗", "failed", "$text-error"),
    FileState.IGNORED: State("·", "ignored", "$foreground-muted"),
    FileState.REFUSED: State("⊘", "refused", "$text-error"),
}

LOOK = 1.0
"""Seconds between looks at the ledger while it is shown."""

CALM = 5.0
"""Seconds between looks at a filtered list that has not changed: the whole ledger is read for it."""

EMPTY = (
    "Nothing has come yet.\n\nPut CSV files into the folder named above:\nthey are imported by themselves."
)
NONE_SUCH = "No file is like that."


@dataclass
class LedgerRead(Message):
    """How many files are like what is wanted, and how the folder fares."""

    wanted: str
    total: int
    folder: list[str]
    has_problem: bool


@dataclass
class FilesFetched(Message):
    """Files that the table asked for; None if the ledger cannot be read at this moment."""

    request: int
    offset: int
    found: list[LedgerEntry] | None


@dataclass
class JobOfFile(Message):
    """The job whose rejected rows are asked for."""

    job: Job | None


class InboxTable(VirtualTable):
    """Opens the errors of a file's import."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Errors", tooltip="Show its rejected rows", id="inbox.errors"),
    ]


class InboxScreen(Place):
    """The folder above, its files below, and what is known of the one under the cursor."""

    MODE = "inbox"
    CSS_PATH = Path(__file__).parent.parent / "styles" / "inbox.tcss"
    AUTO_FOCUS = "VirtualTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            tooltip="Show files with a text in name or reason",
            id="inbox.filter",
        ),
        Binding("escape", "all", "All", tooltip="Show all files again", id="inbox.all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._wanted = ""
        """What the files that are shown hold."""
        self._read_last: tuple[str, tuple[int, str]] | None = None
        """What was wanted when the ledger was read, and its version then."""
        self._read_at = 0.0
        self._files: dict[str, LedgerEntry] = {}

    def compose_place(self) -> ComposeResult:
        """Folder, filter, files, detail."""
        yield Words(id="inbox-folder")
        yield FilterLine("part of a file's name, or of what is said of it")
        yield InboxTable(COLUMNS, empty_text=EMPTY, id="inbox-files")
        yield Words(id="inbox-detail")

    def on_mount(self) -> None:
        """Look as long as it is shown."""
        self.set_interval(LOOK, self.look_again)

    def on_unmount(self) -> None:
        """Give the file back."""
        if self._ledger is not None:
            self._ledger.close()

    def look_again(self) -> None:
        """Read the ledger, if anybody sees it."""
        if self.is_current:
            self._read(self._wanted)

    @on(FilterLine.Sought)
    def _show_list(self) -> None:
        """Other files."""
        wanted = self.query_one(FilterLine).value.strip()
        if wanted != self._wanted:
            self._wanted = wanted
            self.query_one(VirtualTable).reset(0)
            self.refresh_bindings()
        self.look_again()

    def _opened(self) -> Ledger:
        if self._ledger is None:
            self._ledger = Ledger(self.dashboard.paths.state_db, is_shared=True)
        return self._ledger

    @work(thread=True, group="inbox-read", exit_on_error=False)
    def _read(self, wanted: str) -> None:
        try:
            with self._lock:
                ledger = self._opened()
                seen = (wanted, ledger.version())
                if wanted and seen == self._read_last and time.monotonic() - self._read_at < CALM:
                    return
                total, folder = sum(ledger.counts(wanted).values()), ledger.folder()
                self._read_last, self._read_at = seen, time.monotonic()
        except (sqlite3.Error, OSError):
            return  # about to be made again
        words, has_problem = describe(self.dashboard.settings.watch, self.dashboard.paths, folder)
        self.post_message(LedgerRead(wanted, total, words, has_problem))

    @on(LedgerRead)
    def _show(self, event: LedgerRead) -> None:
        style = "$text-error" if event.has_problem else "$foreground-muted"
        self.query_one("#inbox-folder", Words).tell(safe_text(" ".join(event.folder), style))
        if event.wanted == self._wanted:
            table = self.query_one(VirtualTable)
            none_such = f"{NONE_SUCH}\n\n{key_of(self.app, 'inbox.all')} shows all again."
            table.empty_text = none_such if event.wanted else EMPTY
            table.refetch(event.total)

    @on(VirtualTable.PageWanted)
    def _want_page(self, event: VirtualTable.PageWanted) -> None:
        self._fetch(self._wanted, event.request, event.offset, event.limit)

    @work(thread=True, group="inbox-page", exit_on_error=False)
    def _fetch(self, wanted: str, request: int, offset: int, limit: int) -> None:
        found = None
        with suppress(sqlite3.Error, OSError), self._lock:  # about to be made again
            found = list(self._opened().entries(text=wanted, offset=offset, limit=limit))
        self.post_message(FilesFetched(request, offset, found))

    @on(FilesFetched)
    def _provide(self, event: FilesFetched) -> None:
        table = self.query_one(VirtualTable)
        if event.found is None:
            table.lose(event.request, event.offset)
            return
        self._files = {key: entry for key, entry in self._files.items() if key == table.selected_key}
        self._files |= {str(entry.id): entry for entry in event.found}
        table.provide(event.request, event.offset, [file_row(entry) for entry in event.found])

    @on(VirtualTable.RowHighlighted)
    def _show_detail(self, event: VirtualTable.RowHighlighted) -> None:
        entry = self._files.get(event.key or "")
        self.query_one("#inbox-detail", Words).tell(detail(entry) if entry else Content(""))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers to show all where something is left out."""
        return action != "all" or bool(self._wanted)

    def action_filter(self) -> None:
        """Type what the files must hold."""
        self.query_one(FilterLine).open()

    def action_all(self) -> None:
        """Show all files again."""
        self.query_one(FilterLine).restore("")
        self._show_list()

    @on(VirtualTable.RowSelected)
    def _open(self, event: VirtualTable.RowSelected) -> None:
        entry = self._files.get(event.key)
        if entry and entry.job_id:
            self._fetch_job(entry.job_id)

    @work(thread=True, group="inbox-job", exit_on_error=False)
    def _fetch_job(self, job_id: str) -> None:
        try:
            job = self.dashboard.ask(lambda connection: jobs.find(connection, job_id))
        except NoSuchJobError:
            job = None
        self.post_message(JobOfFile(job))

    @on(JobOfFile)
    def _open_job(self, event: JobOfFile) -> None:
        if event.job is None:
            self.dashboard.toast("Its import is not there (any more)", "warning")
        else:
            self.app.push_screen(ErrorsScreen(event.job))


def file_row(entry: LedgerEntry) -> Row:
    """A file as a line of the table."""
    return Row(
        key=str(entry.id),
        cells=[STATES[entry.state].content(), entry.name, entry.reason, formats.ago(entry.changed)],
        style="$foreground-muted" if entry.state is FileState.IGNORED else "",
    )


def detail(entry: LedgerEntry) -> Content:
    """All that is known of a file."""
    muted = "$foreground-muted"
    seen = datetime.fromisoformat(entry.seen_at)
    lines = [
        Content.assemble(safe_text(entry.name, "bold"), "  ", (f"{entry.size:,} bytes", muted)),
        Content.assemble("  ", STATES[entry.state].content(), "  ", safe_text(entry.reason)),
        safe_text(f"  seen {formats.clock(seen)}, {entry.state.value} {formats.clock(entry.changed)}", muted),
    ]
    if entry.place:
        lines.append(safe_text(f"  now {entry.place}", muted))
    return Content("\n").join(lines)
