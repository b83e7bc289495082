"""What the places of the dashboard have in common: the line of state above, the keys below."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.events import ScreenResume
from textual.screen import Screen

from bibliflow_tui.live import DaemonChanged, DatabaseChanged, WorkloadChanged
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.state_line import StateLine

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard


class Place(Screen[None]):
    """One of the screens that the number keys lead to."""

    MODE: ClassVar[str]
    """Its name among the app's modes."""

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Line of state, the place itself, keys."""
        yield StateLine(self.MODE)
        yield from self.compose_place()
        yield KeyLine()

    def compose_place(self) -> ComposeResult:
        """What is between the line of state and the keys."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Something may have changed while another place was shown."""

    @on(ScreenResume)
    def _come_back(self) -> None:
        line = self.query_one(StateLine)
        if self.dashboard.database_state:
            line.show_database(self.dashboard.database_state)
        if self.dashboard.daemon_state:
            line.show_daemon(self.dashboard.daemon_state)
        if self.dashboard.workload_state:
            line.show_workload(self.dashboard.workload_state.workload)
        self.look_again()

    @on(DatabaseChanged)
    def _show_database(self, event: DatabaseChanged) -> None:
        self.query_one(StateLine).show_database(event)

    @on(DaemonChanged)
    def _show_daemon(self, event: DaemonChanged) -> None:
        self.query_one(StateLine).show_daemon(event)
        self.refresh_bindings()

    @on(WorkloadChanged)
    def _show_workload(self, event: WorkloadChanged) -> None:
        self.query_one(StateLine).show_workload(event.workload)
