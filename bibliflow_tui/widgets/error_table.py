"""The table of the rejected rows of one import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast
from uuid import UUID

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message

from bibliflow_tui.key_names import key_of
from bibliflow_tui.widgets.columns import Column
from bibliflow_tui.widgets.virtual_table import Row, VirtualTable
from daemon.catalog import row_errors, row_repairs
from daemon.catalog.database import Connection
from daemon.catalog.error_filter import ErrorFilter
from daemon.catalog.error_pages import ErrorPages
from daemon.catalog.job import Job
from daemon.catalog.row_errors import RowError
from daemon.catalog.row_repairs import RowRepair
from daemon.values import BookField

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

COLUMNS = (
    Column("row", "row", 11, "right"),
    Column("problem", "problem", "3fr"),
    Column("record", "record", "2fr"),
)
ALL_IN = "No rejected rows: everything is in."

MARK = "• "


@dataclass
class Counted(Message):
    """How many errors a list has."""

    pages: ErrorPages
    total: int


@dataclass
class PageFetched(Message):
    """Errors of a list that the table asked for, as lines; None if the catalogue is out of reach."""

    pages: ErrorPages
    request: int
    offset: int
    found: list[ErrorLine] | None


@dataclass
class LastRepaired(Message):
    """The repair that can be taken back next."""

    repair: RowRepair | None


@dataclass(frozen=True, kw_only=True)
class ErrorLine(Row):
    """A rejected row as a line of the table."""

    error: RowError
    repairs: Sequence[RowRepair] = ()
    """What was done about it, the last repair first."""


class ErrorTable(VirtualTable):
    """Fetches its pages by itself; rows can be marked, brought in as suggested, and taken back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Repair", tooltip="Repair this row by hand", id="errors.repair"),
        Binding("s", "suggest", "Suggest", tooltip="Import this row as suggested", id="errors.suggest"),
        Binding(
            "z",
            "undo_row",
            "Take back",
            tooltip="Undo the repair of this row, or the one that you made last",
            id="errors.undo_row",
        ),
        Binding(
            "space",
            "mark",
            "Mark",
            tooltip="Mark the row, or take the mark off; Bulk repairs the marked rows",
            id="errors.mark",
            show=False,
        ),
    ]

    @dataclass
    class MarksChanged(Message):
        """`marked` has changed."""

    def __init__(self, job: Job, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(COLUMNS, id=id)
        self._job = job
        self._listed = ErrorPages(job.id, ErrorFilter())
        self.marked: dict[UUID, None] = {}
        """Ids of errors, in the order of marking."""
        self._last_repair: RowRepair | None = None
        """Of those made here, the last one that was not taken back."""

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def wanted(self) -> ErrorFilter:
        """Which rows are listed."""
        return self._listed.wanted

    @property
    def line(self) -> ErrorLine | None:
        """The row under the cursor; None while it has not arrived."""
        line = self.row_at(self.cursor_row)
        return line if isinstance(line, ErrorLine) else None

    # What is listed.

    def list_errors(self, job: Job, wanted: ErrorFilter) -> None:
        """List these; what is on its way for the old list is dropped. ``job`` is as it is now."""
        if wanted != self.wanted:
            self.reset(0)
        self._job, self._listed = job, ErrorPages(job.id, wanted)
        self._count(self._listed, job)

    @work(thread=True, group="errors-count", exit_on_error=False)
    def _count(self, pages: ErrorPages, job: Job) -> None:
        wanted = pages.wanted
        total: int | None
        if wanted.text or wanted.with_resolved:
            total = self.dashboard.ask(pages.count)
        else:
            total = job.error_codes.get(wanted.code, 0) if wanted.code else job.open_error_count
        if total is not None:
            self.post_message(Counted(pages, total))

    @on(Counted)
    def _show_count(self, event: Counted) -> None:
        if event.pages is self._listed:
            self.empty_text = ALL_IN if self.wanted == ErrorFilter() else self._none_such()
            self.refetch(event.total)

    def _none_such(self) -> str:
        clear, following = key_of(self.app, "search.clear"), key_of(self.app, "errors.kind")
        return (
            "No rejected row is like that."
            f"\n\n{clear} in the filter shows all again, {following} the next kind."
        )

    @on(VirtualTable.PageWanted)
    def _want_page(self, event: VirtualTable.PageWanted) -> None:
        event.stop()
        self._fetch_page(self._listed, event.request, event.offset, event.limit, self.total)

    @work(thread=True, group="errors-page", exit_on_error=False)
    def _fetch_page(self, pages: ErrorPages, request: int, offset: int, limit: int, total: int) -> None:
        def fetch(connection: Connection) -> list[ErrorLine]:
            errors = pages.page(connection, offset, limit, total)
            repairs = row_repairs.of_errors(connection, [error.id for error in errors])
            return [error_line(error, repairs.get(error.id, ())) for error in errors]

        self.post_message(PageFetched(pages, request, offset, self.dashboard.ask(fetch)))

    @on(PageFetched)
    def _provide(self, event: PageFetched) -> None:
        if event.pages is not self._listed or event.found is None:
            self.lose(event.request, event.offset)
        else:
            self.provide(event.request, event.offset, list(map(self._as_marked, event.found)))

    def _as_marked(self, line: ErrorLine) -> ErrorLine:
        return error_line(line.error, line.repairs, is_marked=line.error.id in self.marked)

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take the mark off, and go on to the next."""
        if (line := self.line) is None or line.error.resolved_at:
            return
        if line.error.id in self.marked:
            del self.marked[line.error.id]
        else:
            self.marked[line.error.id] = None
        self.update_row(line.key, self._as_marked(line))
        self.post_message(self.MarksChanged())
        self.cursor_row += 1

    def unmark(self) -> None:
        """Take all marks off."""
        self.marked.clear()
        self.post_message(self.MarksChanged())
        self.refetch(self.total)

    # Single rows brought in.

    def action_suggest(self) -> None:
        """Import the row under the cursor as it is suggested."""
        if (line := self.line) is None or line.error.resolved_at:
            return
        if suggested := row_errors.suggested(line.error.as_problems()):
            self._import(line.error, suggested)
        else:
            row = f"row {line.error.row_number:,}"
            by_hand = f"{key_of(self.app, 'errors.repair')} repairs it by hand"
            self.dashboard.toast(f"Nothing is suggested for {row}; {by_hand}", "warning")

    @work(thread=True, group="errors-repair", exit_on_error=False)
    def _import(self, error: RowError, typed: dict[BookField, str]) -> None:
        from bibliflow_tui import row_actions

        repair, problems, reason = row_actions.repair(self.dashboard, self._job, error, typed)
        row = f"row {error.row_number:,}"
        if repair is not None:
            self.post_message(LastRepaired(repair))
            key = key_of(self.app, "errors.undo_row")
            self.dashboard.toast(f"{row.capitalize()} repaired · {key} takes it back")
        elif problems:
            words = "; ".join(problem.message for problem in problems)
            by_hand = f"{key_of(self.app, 'errors.repair')} repairs it by hand"
            self.dashboard.toast(f"Not as suggested, {row}: {words}; {by_hand}", "warning")
        else:
            self.dashboard.toast(reason or f"{row.capitalize()} was repaired already", "error")

    @on(LastRepaired)
    def _keep_repair(self, event: LastRepaired) -> None:
        self._last_repair = event.repair
        self.screen.refresh_bindings()

    def action_undo_row(self) -> None:
        """Take the repair of the row under the cursor back; of an open one, the last that was made here."""
        line = self.line
        done = [repair for repair in line.repairs if not repair.undone_at] if line else []
        if repair := done[0] if done else self._last_repair:
            self._take_back_row(repair)
        else:
            self.dashboard.toast("This row is in error; there is no repair of it to take back", "warning")

    @work(thread=True, group="errors-repair", exit_on_error=False)
    def _take_back_row(self, repair: RowRepair) -> None:
        from bibliflow_tui import row_actions

        is_kept, reason = row_actions.take_back(self.dashboard, self._job, repair)
        if reason:
            self.dashboard.toast(reason, "error")
            return
        self.post_message(LastRepaired(None))
        if is_kept:
            self.dashboard.toast("The row stays: its book was edited or deleted since", "warning")
        else:
            self.dashboard.toast("The row is in error again")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers to take back what there may be to take back."""
        if action == "undo_row":
            return self._last_repair is not None or self.wanted.with_resolved
        return super().check_action(action, parameters)


def error_line(error: RowError, repairs: Sequence[RowRepair], *, is_marked: bool = False) -> ErrorLine:
    """A rejected row as a line of the table."""
    cells = [f"{MARK if is_marked else ''}{error.row_number:,}", error.error_message, error.raw_data]
    if error.resolved_at:
        cells[1] = f"✓ repaired: {cells[1]}"
    style = "$foreground-muted" if error.resolved_at else ""
    return ErrorLine(str(error.id), cells, style, error=error, repairs=repairs)
