"""Repair many rejected rows in the same way, having seen what would come of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Checkbox, Input, Static

from bibliflow_tui.live import AWAY, DatabaseChanged
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.book_form import FIELDS
from bibliflow_tui.widgets.bulk_form import BulkForm
from bibliflow_tui.widgets.columns import Column
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.search_line import DEBOUNCE
from bibliflow_tui.widgets.virtual_table import Row, VirtualTable
from daemon import followups
from daemon.catalog.database import Connection
from daemon.catalog.error_filter import ErrorFilter
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError
from daemon.catalog.roles import RoleError
from daemon.followups import FollowUpError
from daemon.importing import bulk
from daemon.importing.bulk import BulkRepair, Example, RepairPreview
from daemon.queue import JobQueue
from daemon.queue_error import QueueError
from daemon.values import BookField

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

COLUMNS = (
    Column("row", "row", 9, "right"),
    Column("before", "as it is"),
    Column("after", "as it would be"),
    Column("outcome", "and then"),
)

LONGEST_VALUE = 200
"""Characters of a value in the table."""

LONGEST_TEXT = 40
"""Characters of a filter in the title."""

SAY_HOW = "Say how: take the suggestions, or type what fields are to be or what is to come off them."


@dataclass
class Previewed(Message):
    """What a repair would come to, as far as that is known; None if the catalogue is out of reach."""

    number: int
    preview: RepairPreview | None
    is_whole: bool = False

    def can_replace(self, message: Message) -> bool:
        """Only the last matters."""
        return isinstance(message, Previewed)


@dataclass
class Started(Message):
    """The job that does it; None if there is none, for this reason."""

    job: Job | None
    reason: str = ""


class BulkRepairScreen(ModalScreen[Job | None]):
    """Which rows, what is done to them, and what comes of it. Results in the job that does it."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "bulk_repair.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "run", "Import", tooltip="Import the rows that pass like this", id="bulk.run"),
        Binding("escape", "back", "Back", tooltip="Back to the list, changing nothing", id="bulk.back"),
    ]

    def __init__(self, job: Job, wanted: ErrorFilter, *, suggestions: bool = False) -> None:
        """``wanted`` are the rows; ``suggestions`` are taken from the beginning."""
        super().__init__()
        self._job = job
        self._rows = wanted
        self._suggestions = suggestions
        self._number = 0
        """Of the latest preview: what comes of others is stale."""
        self._preview: RepairPreview | None = None
        self._is_whole = False
        self._is_starting = False
        self._pause: Timer | None = None

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Which rows, how, what comes of it, keys."""
        yield Static(self._heading(), id="bulk-title")
        yield BulkForm(suggestions=self._suggestions)
        yield Static(id="bulk-count")
        yield VirtualTable(COLUMNS, id="bulk-rows")
        yield KeyLine(show_command_palette=False)

    def _heading(self) -> Content:
        rows = self._rows
        parts = [
            Content.assemble(("Repair rows of ", "$foreground-muted"), safe_text(self._job.filename, "bold"))
        ]
        if rows.ids:
            parts.append(safe_text(f"{len(rows.ids):,} marked", "$text-accent"))
        if rows.code:
            parts.append(safe_text(rows.code, "$text-accent"))
        if rows.text:
            parts.append(safe_text(f"with {rows.text}", "$text-accent", limit=LONGEST_TEXT))
        if rows == ErrorFilter():
            parts.append(safe_text("all that are open", "$text-accent"))
        return Content("   ").join(parts)

    def on_mount(self) -> None:
        """Look what would come of what is chosen already."""
        (self.query_one(VirtualTable) if self._suggestions else self.query_one(Input)).focus()
        self._look()

    @property
    def _repair(self) -> BulkRepair | None:
        """What was asked for; None as long as that is nothing."""
        asked = self.query_one(BulkForm).asked()
        rows = self._rows
        return (
            BulkRepair(code=rows.code, text=rows.text, ids=rows.ids, **asked) if any(asked.values()) else None
        )

    # What would come of it.

    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _look_soon(self) -> None:
        """Another repair: what is on its way for the old one is dropped."""
        self._number += 1
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(DEBOUNCE, self._look)

    @on(DatabaseChanged)
    def _look_again(self, event: DatabaseChanged) -> None:
        if event.error is None and self._preview is None:
            self._look()

    def _look(self) -> None:
        self._number += 1
        self._preview, self._is_whole = None, False
        repair = self._repair
        if repair is None:
            self._say(SAY_HOW)
            self.query_one(VirtualTable).reset(0)
        else:
            self._say("looking...")
            self._fetch(self._number, repair)

    @work(thread=True, group="bulk-preview", exit_on_error=False)
    def _fetch(self, number: int, repair: BulkRepair) -> None:
        def look(connection: Connection) -> RepairPreview | None:
            found = None
            for found in bulk.preview(connection, self._job, repair):
                if number != self._number:
                    return None  # nobody wants to know any more
                self.post_message(Previewed(number, found))
            return found

        found = self.dashboard.ask(look)
        self.post_message(Previewed(number, found, is_whole=True))

    @on(Previewed)
    def _show(self, event: Previewed) -> None:
        if event.number != self._number:
            return
        if event.preview is None:
            self._say(f"{AWAY}; what would come of it is shown when it is back", "$text-error")
            return
        self._preview, self._is_whole = event.preview, event.is_whole
        self._say(*_words(event.preview, is_whole=event.is_whole))
        table = self.query_one(VirtualTable)
        table.empty_text = "No row is like that."
        table.refetch(len(event.preview.examples))

    def _say(self, text: str, style: str = "$foreground-muted") -> None:
        self.query_one("#bulk-count", Static).update(safe_text(text, style))

    @on(VirtualTable.PageWanted)
    def _provide(self, event: VirtualTable.PageWanted) -> None:
        examples = self._preview.examples if self._preview else ()
        rows = [_line(example) for example in examples[event.offset : event.offset + event.limit]]
        event.table.provide(event.request, event.offset, rows)

    # Doing it.

    @on(Input.Submitted)
    @on(VirtualTable.RowSelected)
    def action_run(self) -> None:
        """Let the daemon do it."""
        repair = self._repair
        if repair is None:
            self.dashboard.toast(SAY_HOW, "warning")
        elif self._is_whole and self._preview and not self._preview.passing:
            self.dashboard.toast("No row would pass like this", "warning")
        elif not self._is_starting:
            self._is_starting = True
            self._start(repair)

    @work(thread=True, group="bulk-start", exit_on_error=False)
    def _start(self, repair: BulkRepair) -> None:
        def start(connection: Connection) -> Job:
            with JobQueue.of(self.dashboard.settings, self.dashboard.paths) as queue:
                return followups.repair_many(connection, queue, self._job, repair, source="dashboard")

        try:
            job = self.dashboard.ask(start)
        except (FollowUpError, NoSuchJobError, QueueError, RoleError) as error:
            self.post_message(Started(None, str(error)))
            return
        if job is None:
            self.post_message(Started(None, f"{AWAY}; try again when it is back, if no repair has begun"))
            return
        self.dashboard.followed.add(job)
        self.post_message(Started(job))
        self.dashboard.live.ensure_daemon()

    @on(Started)
    def _end(self, event: Started) -> None:
        self._is_starting = False
        if event.job is None:
            self.dashboard.toast(event.reason, "error")
        else:
            self._number += 1  # so that the preview ends
            self.dismiss(event.job)

    def action_back(self) -> None:
        """Leave all as it is."""
        self._number += 1
        self.dismiss(None)


def _words(preview: RepairPreview, *, is_whole: bool) -> tuple[str, str]:
    """How many rows pass, as far as is known, and the style of that."""
    if not is_whole:
        seen = f"{preview.passing:,} of {preview.examined:,} so far"
        return f"looking: {seen} would be imported; {preview.total:,} rows to look at", "$foreground-muted"
    words = f"{preview.passing:,} of {preview.total:,} rows would be imported"
    left = preview.total - preview.passing
    if left:
        words += f"; {left:,} would stay in error"
    return words, "bold $text-success" if preview.passing else "bold $text-warning"


def _line(example: Example) -> Row:
    changed = [field for field in FIELDS if example.after.get(field) != example.before.get(field)]
    message = "; ".join(problem.message for problem in example.problems)
    outcome = safe_text(f"✗ {message}", "$text-error", limit=LONGEST_VALUE)
    return Row(
        str(example.error.id),
        [
            f"{example.error.row_number:,}",
            _values(example.before, changed) or "nothing changes",
            _values(example.after, changed),
            outcome if message else safe_text("✓ imported", "$text-success"),
        ],
    )


def _values(values: dict[BookField, str], changed: list[BookField]) -> str:
    return ", ".join(
        f"{FIELDS[field]} {values.get(field, '')[:LONGEST_VALUE] or '(empty)'}" for field in changed
    )
