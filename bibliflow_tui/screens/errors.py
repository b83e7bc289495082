"""The rejected rows of one import: seen, and brought in after all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen

from bibliflow_tui import errors_file
from bibliflow_tui.key_names import key_of
from bibliflow_tui.live import AWAY, JobsChanged
from bibliflow_tui.widgets.error_detail import ErrorDetail
from bibliflow_tui.widgets.error_table import ErrorTable
from bibliflow_tui.widgets.errors_title import ErrorsTitle
from bibliflow_tui.widgets.facets import Facets
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog import job_history, jobs, row_errors
from daemon.catalog.database import Connection
from daemon.catalog.error_filter import ErrorFilter
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

# What repairs rows is loaded when somebody does: the first screen is sooner there.


@dataclass
class JobRead(Message):
    """The job as it is now, and the one that is doing something about it."""

    job: Job
    at_work: Job | None = None


class ErrorsScreen(Screen[None]):
    """The errors above, the selected record below."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "errors.tcss"
    AUTO_FOCUS = "VirtualTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel", tooltip="Stop the repair that is going on", id="errors.cancel"),
        Binding(
            "S",
            "suggest_alike",
            "Alike",
            tooltip="Import all rows with this kind of problem as suggested; shows them first",
            id="errors.suggest_alike",
        ),
        Binding(
            "a",
            "suggest_all",
            "All",
            tooltip="Import all rows that have suggestions; shows them first",
            id="errors.suggest_all",
        ),
        Binding(
            "b",
            "bulk",
            "Bulk",
            tooltip="Repair the marked rows, or all that are listed, in the same way",
            id="errors.bulk",
        ),
        Binding(
            "x", "export", "Export", tooltip="Write the rows to a file for a spreadsheet", id="errors.export"
        ),
        Binding(
            "i",
            "take_back",
            "Import",
            tooltip="Import a file of these rows that was corrected; their errors are resolved",
            id="errors.take_back",
        ),
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
        Binding(
            "o",
            "resolved",
            "Repaired",
            tooltip="Show also rows that were repaired, or no longer",
            id="errors.resolved",
            show=False,
        ),
        Binding(
            "y", "copy", "Copy", tooltip="Copy the record to the clipboard", id="errors.copy", show=False
        ),
        Binding("escape", "back", "Back", tooltip="Back to where you came from", id="errors.back"),
    ]

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._at_work: Job | None = None

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def _table(self) -> ErrorTable:
        return self.query_one(ErrorTable)

    def compose(self) -> ComposeResult:
        """Title, kinds, filter, table, detail, keys."""
        yield ErrorsTitle(id="errors-title")
        yield Facets(wraps=True, id="errors-kinds")
        yield FilterLine("text in message or record")
        yield ErrorTable(self._job, id="errors")
        with VerticalScroll(id="error-detail-frame", can_focus=False):
            yield ErrorDetail(id="error-detail")
        yield KeyLine()

    def on_mount(self) -> None:
        """Show what the job says of itself; then look how it is now."""
        self._show_job(JobRead(self._job))
        self._list(self._table.wanted)
        self._read_job()

    # What is listed.

    @on(JobsChanged)
    def _look_again(self, event: JobsChanged) -> None:
        if not event.ids or event.ids & {job.id for job in (self._job, self._at_work) if job}:
            self._read_job()

    @work(thread=True, group="errors-job", exit_on_error=False)
    def _read_job(self) -> None:
        def read(connection: Connection) -> JobRead:
            return JobRead(jobs.get(connection, self._job.id), job_history.at_work(connection, self._job.id))

        try:
            found = self.dashboard.ask(read)
        except NoSuchJobError:
            return  # deleted meanwhile; what was read stays
        if found is not None:
            self.post_message(found)

    @on(JobRead)
    def _show_job(self, event: JobRead) -> None:
        before = self._job
        self._job, self._at_work = event.job, event.at_work
        self.query_one(Facets).show(self._job.open_error_count, self._job.error_codes)
        self._show_title()
        self.refresh_bindings()
        if (before.error_codes, before.open_error_count) != (
            self._job.error_codes,
            self._job.open_error_count,
        ):
            self._list(self._table.wanted)

    @on(ErrorTable.MarksChanged)
    def _show_title(self) -> None:
        table = self._table
        self.query_one(ErrorsTitle).show(
            self._job, self._at_work, len(table.marked), with_resolved=table.wanted.with_resolved
        )

    @on(Facets.Chosen)
    @on(FilterLine.Sought)
    def _choose(self) -> None:
        code, text = self.query_one(Facets).chosen or None, self.query_one(FilterLine).value.strip()
        self._list(replace(self._table.wanted, code=code, text=text))

    def _list(self, wanted: ErrorFilter) -> None:
        self._table.list_errors(self._job, wanted)

    @on(VirtualTable.RowHighlighted)
    def _show_detail(self) -> None:
        line = self._table.line
        for detail in self.query(ErrorDetail):  # it is mounted last
            detail.show(self._job, line.error if line else None, line.repairs if line else ())

    def action_filter(self) -> None:
        """Type what the rows must hold."""
        self.query_one(FilterLine).open()

    def action_kind(self, by: int) -> None:
        """Show another kind of problem only."""
        self.query_one(Facets).move(by)

    def action_resolved(self) -> None:
        """Show rows that were repaired, too, or no longer."""
        wanted = self._table.wanted
        self._list(replace(wanted, with_resolved=not wanted.with_resolved))
        self._show_title()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers what makes sense at this moment."""
        return self._at_work is not None if action == "cancel" else True

    # One row.

    @on(VirtualTable.RowSelected)
    def _repair(self) -> None:
        from bibliflow_tui.screens.repair_row import RepairRow
        from daemon import followups

        if (line := self._table.line) is None:
            return
        if line.error.resolved_at:
            key = key_of(self.app, "errors.undo_row")
            self.dashboard.toast(f"Row {line.error.row_number:,} is in already; {key} takes its repair back")
            return
        try:
            checker = followups.checker(self._job)
        except followups.FollowUpError as error:
            self.dashboard.toast(str(error), "error")
        else:
            self.app.push_screen(RepairRow(self._job, checker, line.error, self._table.wanted))

    # Many rows.

    def action_suggest_alike(self) -> None:
        """Suggestions for all rows that have this kind of problem, in the present filter."""
        if (line := self._table.line) is not None:
            wanted = self._table.wanted
            code = wanted.code or next((problem.code for problem in line.error.as_problems()), None)
            self._open_bulk(ErrorFilter(code, wanted.text), suggestions=True)

    def action_suggest_all(self) -> None:
        """Suggestions for all rows that have them."""
        self._open_bulk(ErrorFilter(), suggestions=True)

    def action_bulk(self) -> None:
        """Repair the marked rows, or all that are listed."""
        wanted, marked = self._table.wanted, tuple(self._table.marked)
        self._open_bulk(ErrorFilter(ids=marked) if marked else ErrorFilter(wanted.code, wanted.text))

    def _open_bulk(self, wanted: ErrorFilter, *, suggestions: bool = False) -> None:
        from bibliflow_tui.screens.bulk_repair import BulkRepairScreen

        self.app.push_screen(BulkRepairScreen(self._job, wanted, suggestions=suggestions), self._follow)

    def _follow(self, job: Job | None) -> None:
        """A repair of many was begun."""
        if job is not None:
            self._at_work = job
            self._table.unmark()
            self._read_job()

    def action_cancel(self) -> None:
        """Stop what is being done about the rows."""
        if self._at_work is not None:
            self.dashboard.cancel(self._at_work)

    # Files of them.

    def action_copy(self) -> None:
        """Copy the record under the cursor."""
        if (line := self._table.line) is not None:
            self.app.copy_to_clipboard(line.error.raw_data)
            self.dashboard.toast(f"Row {line.error.row_number:,} copied")

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
        if said is None:
            self.dashboard.toast(f"{AWAY}; nothing was written", "error")
        else:
            self.dashboard.toast(f"{said}. Corrected, {key_of(self.app, 'errors.take_back')} takes it back")

    def action_take_back(self) -> None:
        """Choose a file of rejected rows that was corrected, and import it."""
        from bibliflow_tui.screens.corrected_file import CorrectedFile
        from daemon.request import Request

        def take(path: Path | None) -> None:
            if path is not None:
                self.dashboard.submit([(path, Request(corrects=self._job.id))])

        self.app.push_screen(CorrectedFile(self._job), take)

    def action_back(self) -> None:
        """Back to where one came from."""
        self.dismiss()
