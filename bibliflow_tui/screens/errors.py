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
from textual.widgets import Static

from bibliflow_tui import errors_file
from bibliflow_tui.live import JobsChanged
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.error_detail import ErrorDetail
from bibliflow_tui.widgets.facets import Facets
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.virtual_table import Column, Row, VirtualTable
from daemon.catalog import jobs, row_errors
from daemon.catalog.database import Connection
from daemon.catalog.error_pages import ErrorFilter, ErrorPages
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError
from daemon.catalog.row_errors import RowError

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

COLUMNS = (
    Column("row", "row", 9, "right"),
    Column("problem", "problem", "3fr"),
    Column("record", "record", "2fr"),
)
ALL_IN = "No rejected rows: everything is in."
NONE_SUCH = "No rejected row is like that.\n\nEscape in the filter shows all again, f the next kind."


@dataclass
class JobRead(Message):
    """The job as it is now."""

    job: Job


@dataclass
class ErrorsCounted(Message):
    """How many errors a list has."""

    pages: ErrorPages
    total: int


@dataclass
class PageFetched(Message):
    """Errors of a list that the table asked for; None if the catalogue is out of reach."""

    pages: ErrorPages
    request: int
    offset: int
    found: list[RowError] | None


class ErrorsScreen(Screen[None]):
    """The errors above, the selected record below."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "errors.tcss"
    AUTO_FOCUS = "VirtualTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            tooltip="Show rows with a text in message or record",
            id="errors.filter",
        ),
        Binding("f", "kind(1)", "Kind", tooltip="Show the next kind of problem only", id="errors.kind"),
        Binding(
            "F",
            "kind(-1)",
            "Kind back",
            tooltip="Show the kind of problem before",
            id="errors.kind_back",
            show=False,
        ),
        Binding("y", "copy", "Copy", tooltip="Copy the record to the clipboard", id="errors.copy"),
        Binding(
            "x", "export", "Export", tooltip="Write the rows to a file for a spreadsheet", id="errors.export"
        ),
        Binding("escape", "back", "Back", tooltip="Back to where you came from", id="errors.back"),
    ]

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._pages = ErrorPages(job.id, ErrorFilter())
        self._total = 0
        self._errors: dict[str, RowError] = {}

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Title, kinds, filter, table, detail, keys."""
        yield Static(id="errors-title")
        yield Facets(id="errors-kinds")
        yield FilterLine("text in message or record")
        yield VirtualTable(COLUMNS, id="errors")
        with VerticalScroll(id="error-detail-frame", can_focus=False):
            yield ErrorDetail(id="error-detail")
        yield KeyLine()

    def on_mount(self) -> None:
        """Show what the job says of itself; then count."""
        self._show_job(JobRead(self._job))
        self._count(self._pages)

    @on(JobsChanged)
    def _look_again(self, event: JobsChanged) -> None:
        if not event.ids or self._job.id in event.ids:
            self._read_job()

    @work(thread=True, group="errors-job", exit_on_error=False)
    def _read_job(self) -> None:
        try:
            job = self.dashboard.ask(lambda connection: jobs.get(connection, self._job.id))
        except NoSuchJobError:
            return  # deleted meanwhile; what was read stays
        if job is not None:
            self.post_message(JobRead(job))

    @on(JobRead)
    def _show_job(self, event: JobRead) -> None:
        has_changed = event.job.error_codes != self._job.error_codes
        self._job = event.job
        title = Content.assemble(
            ("Errors of ", "$foreground-muted"),
            safe_text(self._job.filename, "bold"),
            (f"   {self._job.open_error_count:,} open of {self._job.error_count:,}", "$foreground-muted"),
        )
        self.query_one("#errors-title", Static).update(title)
        self.query_one(Facets).show(self._job.open_error_count, self._job.error_codes)
        if has_changed:
            self._show_list()

    @on(Facets.Chosen)
    @on(FilterLine.Sought)
    def _show_list(self) -> None:
        """Another list: those that are on their way for the old one are dropped."""
        wanted = ErrorFilter(self.query_one(Facets).chosen or None, self.query_one(FilterLine).value.strip())
        if wanted != self._pages.wanted:
            self.query_one(VirtualTable).reset(0)
        self._pages = ErrorPages(self._job.id, wanted)
        self._count(self._pages)

    @work(thread=True, group="errors-count", exit_on_error=False)
    def _count(self, pages: ErrorPages) -> None:
        job, wanted = self._job, pages.wanted
        total: int | None
        if wanted.text:
            total = self.dashboard.ask(pages.count)
        else:
            total = job.error_codes.get(wanted.code, 0) if wanted.code else job.open_error_count
        if total is not None:
            self.post_message(ErrorsCounted(pages, total))

    @on(ErrorsCounted)
    def _show_count(self, event: ErrorsCounted) -> None:
        if event.pages is self._pages:
            self._total = event.total
            table = self.query_one(VirtualTable)
            table.empty_text = ALL_IN if self._pages.wanted == ErrorFilter() else NONE_SUCH
            table.refetch(event.total)

    @on(VirtualTable.PageWanted)
    def _want_page(self, event: VirtualTable.PageWanted) -> None:
        self._fetch_page(self._pages, event.request, event.offset, event.limit, self._total)

    @work(thread=True, group="errors-page", exit_on_error=False)
    def _fetch_page(self, pages: ErrorPages, request: int, offset: int, limit: int, total: int) -> None:
        def fetch(connection: Connection) -> list[RowError]:
            return pages.page(connection, offset, limit, total)

        self.post_message(PageFetched(pages, request, offset, self.dashboard.ask(fetch)))

    @on(PageFetched)
    def _provide(self, event: PageFetched) -> None:
        table = self.query_one(VirtualTable)
        if event.pages is not self._pages or event.found is None:
            table.lose(event.request, event.offset)
            return
        self._errors = {key: error for key, error in self._errors.items() if key == table.selected_key}
        self._errors |= {str(error.id): error for error in event.found}
        rows = [
            Row(str(error.id), [f"{error.row_number:,}", error.error_message, error.raw_data])
            for error in event.found
        ]
        table.provide(event.request, event.offset, rows)

    @on(VirtualTable.RowHighlighted)
    def _show_detail(self, event: VirtualTable.RowHighlighted) -> None:
        for detail in self.query(ErrorDetail):  # it is mounted last
            detail.show(self._job, self._errors.get(event.key or ""))

    def action_filter(self) -> None:
        """Type what the rows must hold."""
        self.query_one(FilterLine).open()

    def action_kind(self, by: int) -> None:
        """Show another kind of problem only."""
        self.query_one(Facets).move(by)

    def action_copy(self) -> None:
        """Copy the record under the cursor."""
        error = self._errors.get(self.query_one(VirtualTable).selected_key or "")
        if error is not None:
            self.app.copy_to_clipboard(error.raw_data)
            self.dashboard.toast(f"Row {error.row_number:,} copied")

    def action_export(self) -> None:
        """Write all open errors to a file in the current folder."""
        self._export()

    @work(thread=True, group="errors-export", exit_on_error=False)
    def _export(self) -> None:
        def export(connection: Connection) -> str:
            return errors_file.save(Path.cwd(), self._job, row_errors.stream(connection, self._job.id))

        try:
            said = self.dashboard.ask(export)
        except OSError as error:
            self.dashboard.toast(f"{Path.cwd()}: {error.strerror}", "error")
            return
        self.dashboard.toast(said or "The database is out of reach; nothing was written")

    def action_back(self) -> None:
        """Back to where one came from."""
        self.dismiss()
