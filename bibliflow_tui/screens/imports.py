"""The home screen: all imports, the newest first, moving live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast
from uuid import UUID

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bibliflow_tui import follow_up_words, formats, habits
from bibliflow_tui.job_words import name_of
from bibliflow_tui.key_names import key_of
from bibliflow_tui.live import JobsChanged
from bibliflow_tui.past import Past
from bibliflow_tui.screens.confirm import ConfirmScreen
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.place import Place
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.facets import Facets
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.job_detail import JobDetail
from bibliflow_tui.widgets.job_table import COLUMNS, JobTable, job_row
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog import job_list
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.catalog.job_history import JobHistory
from daemon.catalog.job_list import JobFilter, JobOrder, JobPages
from daemon.catalog.jobs import NoSuchJobError

if TYPE_CHECKING:
    from bibliflow_tui.screens.books import BooksScreen
    from daemon.request import Request


@dataclass
class JobsCounted(Message):
    """How many jobs a list has, and how many there are in each state."""

    pages: JobPages
    total: int
    by_status: dict[JobStatus, int]


@dataclass
class PageFetched(Message):
    """Jobs of a list that the table asked for; None if the catalogue is out of reach."""

    pages: JobPages
    request: int
    offset: int
    found: list[Job] | None


@dataclass
class JobFetched(Message):
    """The job under the cursor."""

    number: int
    job: Job
    history: JobHistory


class ImportsScreen(Place):
    """Jobs above, the selected one below."""

    MODE = "imports"
    CSS_PATH = Path(__file__).parent.parent / "styles" / "imports.tcss"
    AUTO_FOCUS = "VirtualTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add_files", "Add files", tooltip="Choose CSV files to import", id="imports.add"),
        Binding("c", "cancel", "Cancel", tooltip="Stop it; what it brought stays", id="imports.cancel"),
        Binding("r", "retry", "Retry", tooltip="Go on where it was stopped", id="imports.retry"),
        Binding("u", "undo", "Undo", tooltip="Take back what it brought; asks first", id="imports.undo"),
        Binding(
            "b", "books", "Books", tooltip="Show the books of this import", id="imports.books", show=False
        ),
        Binding("slash", "filter", "Filter", tooltip="Show imports of files like this", id="imports.filter"),
        Binding("f", "state(1)", "State", tooltip="Show imports in the next state only", id="imports.state"),
        Binding(
            "F",
            "state(-1)",
            "State back",
            tooltip="Show the state before",
            id="imports.state_back",
            show=False,
        ),
        Binding(
            "s",
            "sort(1)",
            "Sort",
            tooltip="The newest first, the oldest, by name, by rows, by rejected rows, by time taken",
            id="imports.sort",
        ),
        Binding("S", "sort(-1)", "Sort back", tooltip="The order before", id="imports.sort_back", show=False),
        Binding("escape", "all", "All", tooltip="Show all imports again", id="imports.all"),
        Binding("y", "copy", "Copy id", tooltip="Copy the import's id", id="imports.copy", show=False),
        Binding(
            "d", "start_daemon", "Start daemon", tooltip="Start the daemon that imports", id="imports.daemon"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._selected: Job | None = None
        self._past = Past()
        self._history = JobHistory()
        """Of the selected job."""
        self._to_open: str | None = None
        self._detail_number = 0
        self._pages = JobPages(JobFilter())
        self._total = 0

    def compose_place(self) -> ComposeResult:
        """States and order, filter, table and detail."""
        with Horizontal(id="jobs-top"):
            yield Facets(id="jobs-states")
            yield Static(id="jobs-order")
        yield FilterLine("part of a file's name, or of the reason why it failed")
        yield JobTable(COLUMNS, id="jobs")
        yield JobDetail(id="job-detail")

    def on_mount(self) -> None:
        """As it was left the last time; and show the files that the command line named."""
        before = self.dashboard.habits.now
        self.query_one(Facets).chosen = before.imports_state
        self.query_one(FilterLine).restore(before.imports_text)
        self._list(habits.chosen(before.imports_order, JobOrder.NEWEST))
        if self.dashboard.offered:
            self._choose(self.dashboard.offered)

    @on(JobsChanged)
    def look_again(self) -> None:
        """Jobs may have come, gone or moved on: so the places of the old ones are not known any more."""
        self._pages = JobPages(self._pages.wanted, self._pages.order)
        self._count(self._pages)
        self._fetch_detail()

    @on(Facets.Chosen)
    @on(FilterLine.Sought)
    def _show_list(self) -> None:
        """Others of the jobs."""
        self._show_pages(self._pages.order)

    def _show_pages(self, order: JobOrder) -> None:
        """Another list: what is on its way for the old one is dropped."""
        before = self._pages
        self._list(order)
        if not self._pages.is_like(before):
            is_filter_new = self._pages.wanted != before.wanted
            self.query_one(VirtualTable).reset(0 if is_filter_new else self._total)
            self.dashboard.remember(
                imports_state=self.query_one(Facets).chosen,
                imports_text=self._pages.wanted.text,
                imports_order=order,
            )
        self._count(self._pages)

    def _list(self, order: JobOrder) -> None:
        """What the line of states and the filter say, in this order."""
        kind = self.query_one(Facets).chosen
        status = next((status for status, state in formats.STATES.items() if state.word == kind), None)
        self._pages = JobPages(JobFilter(status, self.query_one(FilterLine).value.strip()), order)
        self.query_one("#jobs-order", Static).update(safe_text(order))
        self.refresh_bindings()

    @work(thread=True, group="jobs-count", exit_on_error=False)
    def _count(self, pages: JobPages) -> None:
        def count(connection: Connection) -> JobsCounted:
            by_status = job_list.count_by_status(connection)
            total = sum(by_status.values()) if pages.wanted == JobFilter() else pages.count(connection)
            return JobsCounted(pages, total, by_status)

        if (counted := self.dashboard.ask(count)) is not None:
            self.post_message(counted)

    @on(JobsCounted)
    def _refetch(self, event: JobsCounted) -> None:
        words = {formats.STATES[status].word: count for status, count in event.by_status.items()}
        self.query_one(Facets).show(sum(event.by_status.values()), words)
        if event.pages is self._pages:
            self._total = event.total
            table = self.query_one(VirtualTable)
            table.empty_text = self._explain_empty()
            table.refetch(event.total)

    def _explain_empty(self) -> str:
        """Why there are no imports, and what can be done."""
        if self._pages.wanted == JobFilter():
            add = key_of(self.app, "imports.add")
            return (
                f"No imports yet.\n\nPress {add} to add a CSV file of books,\nor run: bibliflow import FILE"
            )
        back, following = key_of(self.app, "imports.all"), key_of(self.app, "imports.state")
        return f"No import is like that.\n\n{back} shows all again, {following} the next state."

    @on(VirtualTable.PageWanted)
    def _want_page(self, event: VirtualTable.PageWanted) -> None:
        self._fetch_page(self._pages, event.request, event.offset, event.limit, self._total)

    @work(thread=True, group="jobs-page", exit_on_error=False)
    def _fetch_page(self, pages: JobPages, request: int, offset: int, limit: int, total: int) -> None:
        found = self.dashboard.ask(lambda connection: pages.page(connection, offset, limit, total))
        self.post_message(PageFetched(pages, request, offset, found))

    @on(PageFetched)
    def _provide(self, event: PageFetched) -> None:
        table = self.query_one(VirtualTable)
        if event.found is None or not event.pages.is_like(self._pages):
            table.lose(event.request, event.offset)
        else:
            table.provide(event.request, event.offset, [job_row(job) for job in event.found])

    @on(VirtualTable.RowHighlighted)
    def _highlight(self, event: VirtualTable.RowHighlighted) -> None:
        if event.key != self._to_open:
            self._to_open = None
        self._fetch_detail()

    def _fetch_detail(self) -> None:
        self._detail_number += 1
        key = self.query_one(VirtualTable).selected_key
        if key is None:
            if self.query_one(VirtualTable).total == 0:
                self._selected = None
                self.query_one(JobDetail).show(None)
            return
        self._fetch_job(self._detail_number, UUID(key))

    @work(thread=True, group="job-detail", exit_on_error=False)
    def _fetch_job(self, number: int, job_id: UUID) -> None:
        try:
            found = self.dashboard.ask(lambda connection: self._past.of(connection, job_id))
        except NoSuchJobError:
            return  # deleted meanwhile; the list says so next
        if found is not None:
            self.post_message(JobFetched(number, *found))

    @on(JobFetched)
    def _show_detail(self, event: JobFetched) -> None:
        if event.number == self._detail_number:  # else the cursor stands elsewhere by now
            if (event.job, event.history) != (self._selected, self._history):
                self._selected, self._history = event.job, event.history
                self.query_one(JobDetail).show(event.job, event.history)
                self.refresh_bindings()
            self._open_if_fetched()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers what makes sense for the selected job, and to start a daemon if none runs."""
        status = self._selected.status if self._selected else None
        match action:
            case "start_daemon":
                daemon = self.dashboard.daemon_state
                return daemon is not None and daemon.info is None and not daemon.is_starting
            case "all":
                return self._pages.wanted != JobFilter()
            case "cancel":
                return status is not None and not status.is_final
            case "retry":
                return status in (JobStatus.FAILURE, JobStatus.CANCELLED)
            case "undo":
                return self._selected is not None and follow_up_words.can_be_undone(
                    self._selected, self._history.target
                )
        return True

    def action_add_files(self) -> None:
        """Choose files and enqueue them."""
        self._choose(())

    def _choose(self, offered: Sequence[Path]) -> None:
        # It loads all that reads files, which the first screen does not need.
        from bibliflow_tui.screens.add_files import AddFiles

        dashboard = self.dashboard
        screen = AddFiles(
            offered[0].parent if offered else dashboard.places[0],
            dashboard.settings,
            known=dashboard.known,
            places=dashboard.places,
            offered=offered,
        )
        self.app.push_screen(screen, self._add)

    def _add(self, files: list[tuple[Path, Request]] | None) -> None:
        if files:
            self.dashboard.remember_folder(files[-1][0].parent)
            self.dashboard.submit(files)

    @on(VirtualTable.RowSelected)
    def _open(self, event: VirtualTable.RowSelected) -> None:
        self._to_open = event.key
        self._open_if_fetched()

    def _open_if_fetched(self) -> None:
        """Open the errors of the job that was chosen; its detail may be on its way yet."""
        if self._selected is None or str(self._selected.id) != self._to_open:
            return
        self._to_open = None
        if (owner := self._owner) is None:
            self.dashboard.toast(
                f"The import that the {self._selected.kind} is about was forgotten", "warning"
            )
        else:
            self.app.push_screen(ErrorsScreen(owner))

    @property
    def _owner(self) -> Job | None:
        """The selected import, or the one that the selected job is about."""
        if self._selected is None or self._selected.kind == "import":
            return self._selected
        return self._history.target

    def action_filter(self) -> None:
        """Type what the files' names must hold."""
        self.query_one(FilterLine).open()

    def action_state(self, by: int) -> None:
        """Show imports in another state only."""
        self.query_one(Facets).move(by)

    def action_sort(self, by: int) -> None:
        """List them in another order."""
        orders = list(JobOrder)
        self._show_pages(orders[(orders.index(self._pages.order) + by) % len(orders)])

    def action_all(self) -> None:
        """List all of them again."""
        self.query_one(FilterLine).restore("")
        self.query_one(Facets).clear()

    def action_copy(self) -> None:
        """Copy the id of the selected import, for the command line."""
        if self._selected is not None:
            self.app.copy_to_clipboard(str(self._selected.id))
            self.dashboard.toast(f"Id of {name_of(self._selected)} copied")

    def action_cancel(self) -> None:
        """Stop the selected job."""
        if self._selected is not None:
            self.dashboard.cancel(self._selected)

    def action_retry(self) -> None:
        """Let the selected job go on."""
        if self._selected is not None:
            self.dashboard.retry(self._selected)

    def action_undo(self) -> None:
        """Take back what the selected job brought, if the user says yes."""
        if (job := self._selected) is None:
            return
        question = Content.assemble(
            safe_text(follow_up_words.undo_question(job)), "\n\n", follow_up_words.undo_effect(job)
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self.dashboard.undo(job)

        self.app.push_screen(ConfirmScreen(question), answered)

    async def action_books(self) -> None:
        """List the books of the selected import; of one that is undone, those that were kept."""
        job, target = self._selected, self._history.target
        if job is None:
            return
        await self.app.switch_mode("books")
        books = cast("BooksScreen", self.app.screen_stack[0])
        if job.undone_at:
            books.show_kept(job)
        elif job.kind == "undo" and target is not None:
            books.show_kept(target)
        else:
            books.show_import(target or job)

    def action_start_daemon(self) -> None:
        """Start the daemon."""
        self.dashboard.start_daemon()
