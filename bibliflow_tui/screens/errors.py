"""The rejected rows of one import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static

from bibliflow_tui.live import JobsChanged
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.error_detail import ErrorDetail
from bibliflow_tui.widgets.virtual_table import Column, Row, VirtualTable
from daemon.catalog import row_errors
from daemon.catalog.jobs import Job
from daemon.catalog.row_errors import RowError

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

COLUMNS = (
    Column("row", "row", 9, "right"),
    Column("problem", "problem", "3fr"),
    Column("record", "record", "2fr"),
)


@dataclass
class ErrorsCounted(Message):
    """How many open errors the job has."""

    total: int


@dataclass
class PageFetched(Message):
    """Errors that the table asked for; None if the catalogue is out of reach."""

    request: int
    offset: int
    found: list[RowError] | None


class ErrorsScreen(Screen[None]):
    """The errors above, the selected record below."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "errors.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Back to the imports", id="errors.back"),
    ]

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._errors: dict[str, RowError] = {}

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Title, table, detail, keys."""
        yield Static(id="errors-title")
        yield VirtualTable(COLUMNS, empty_text="No rejected rows: everything is in.", id="errors")
        with VerticalScroll(id="error-detail-frame", can_focus=False):
            yield ErrorDetail(id="error-detail")
        yield Footer()

    def on_mount(self) -> None:
        """Ask how many there are."""
        self._show_title("")
        self._count()

    def _show_title(self, count: str) -> None:
        title = Content.assemble(
            ("Errors of ", "$foreground-muted"), safe_text(self._job.filename, "bold"), f"   {count}"
        )
        self.query_one("#errors-title", Static).update(title)

    @on(JobsChanged)
    def _look_again(self, event: JobsChanged) -> None:
        if not event.ids or self._job.id in event.ids:
            self._count()

    @work(thread=True, group="errors-count", exit_on_error=False)
    def _count(self) -> None:
        total = self.dashboard.ask(lambda connection: row_errors.count(connection, self._job.id))
        if total is not None:
            self.post_message(ErrorsCounted(total))

    @on(ErrorsCounted)
    def _show_count(self, event: ErrorsCounted) -> None:
        self._show_title(f"{event.total:,} open")
        self.query_one(VirtualTable).set_total(event.total)

    @on(VirtualTable.PageWanted)
    def _want_page(self, event: VirtualTable.PageWanted) -> None:
        self._fetch_page(event.request, event.offset, event.limit)

    @work(thread=True, group="errors-page", exit_on_error=False)
    def _fetch_page(self, request: int, offset: int, limit: int) -> None:
        found = self.dashboard.ask(
            lambda connection: row_errors.page(connection, self._job.id, offset=offset, limit=limit)
        )
        self.post_message(PageFetched(request, offset, found))

    @on(PageFetched)
    def _provide(self, event: PageFetched) -> None:
        if event.found is None:
            self.query_one(VirtualTable).lose(event.request, event.offset)
            return
        self._errors = {key: error for key, error in self._errors.items() if self._is_shown(key)}
        self._errors |= {str(error.id): error for error in event.found}
        rows = [
            Row(str(error.id), [f"{error.row_number:,}", error.error_message, error.raw_data])
            for error in event.found
        ]
        self.query_one(VirtualTable).provide(event.request, event.offset, rows)

    def _is_shown(self, key: str) -> bool:
        return key == self.query_one(VirtualTable).selected_key

    @on(VirtualTable.RowHighlighted)
    def _show_detail(self, event: VirtualTable.RowHighlighted) -> None:
        self.query_one(ErrorDetail).show(self._job, self._errors.get(event.key or ""))

    def action_back(self) -> None:
        """Back to the imports."""
        self.dismiss()
