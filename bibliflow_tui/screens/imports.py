"""The home screen: all imports, the newest first, moving live."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast
from uuid import UUID

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer

from bibliflow_tui import formats
from bibliflow_tui.live import DaemonChanged, DatabaseChanged, JobsChanged
from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.widgets.job_detail import JobDetail
from bibliflow_tui.widgets.state_line import StateLine
from bibliflow_tui.widgets.virtual_table import Column, Row, VirtualTable
from daemon.catalog import jobs, row_errors
from daemon.catalog.database import is_out_of_reach
from daemon.catalog.jobs import Job, JobStatus
from daemon.catalog.row_errors import RowError

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

COLUMNS = (
    Column("state", "state", 11),
    Column("file", "file"),
    Column("progress", "progress", 14),
    Column("rows", "rows", 9, "right"),
    Column("errors", "errors", 8, "right"),
    Column("when", "speed, left", 13, "right"),
)
BAR = 8
"""Cells of a progress bar, so that 80 columns hold a whole line."""

SHOWN_ERRORS = 3
"""Errors under the selected job; Enter shows them all."""

WELCOME = "No imports yet.\n\nPress a to add a CSV file of books,\nor run: bibliflow import FILE"
WAITING = "Opening the database ..."


@dataclass
class JobsFetched(Message):
    """A page of jobs, or news of some of them."""

    total: int
    found: list[Job]
    request: int
    offset: int


@dataclass
class JobFetched(Message):
    """The job under the cursor."""

    number: int
    job: Job
    errors: list[RowError]


class ImportsScreen(Screen[None]):
    """Jobs above, the selected one below."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "imports.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add_files", "Add files", tooltip="Choose CSV files to import", id="imports.add"),
        Binding(
            "enter", "errors", "Errors", tooltip="Show the rejected rows of the selected import", id="imports.errors"
        ),
        Binding("d", "start_daemon", "Start daemon", tooltip="Start the daemon that imports", id="imports.daemon"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, Job] = {}
        self._detail_number = 0
        self._daemon_is_missing = False

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """State line, table, detail, keys."""
        yield StateLine()
        yield VirtualTable(COLUMNS, id="jobs")
        yield JobDetail(id="job-detail")
        yield Footer()

    @on(DatabaseChanged)
    def _show_database(self, event: DatabaseChanged) -> None:
        self.query_one(StateLine).show_database(event)

    @on(DaemonChanged)
    def _show_daemon(self, event: DaemonChanged) -> None:
        self._daemon_is_missing = event.info is None
        self.query_one(StateLine).show_daemon(event)
        self.refresh_bindings()

    @on(JobsChanged)
    def _look_again(self, event: JobsChanged) -> None:
        self._count()

    @work(thread=True, group="jobs-count", exclusive=True, exit_on_error=False)
    def _count(self) -> None:
        try:
            with self.dashboard.live.connection() as connection:
                total = jobs.count(connection)
        except Exception as error:
            if not is_out_of_reach(error):
                raise
            return  # the link says so, and comes back with JobsChanged
        self.post_message(JobsCounted(total))

    @on(VirtualTable.PageWanted)
    def _fetch(self, event: VirtualTable.PageWanted) -> None:
        self._fetch_page(event.request, event.offset, event.limit)

    @work(thread=True, group="jobs-page", exit_on_error=False)
    def _fetch_page(self, request: int, offset: int, limit: int) -> None:
        ...
