"""The dashboard, running on the home's catalogue, and what it shows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import Static

from bibliflow_tui.app import Dashboard
from bibliflow_tui.live import DaemonChanged, Live, WorkloadChanged
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon import settings
from daemon.catalog.database import Connection
from daemon.control import DaemonInfo
from daemon.workload import InboxState, Workload
from tests.tui.waiting import wait_until


@asynccontextmanager
async def dashboard() -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    loaded, paths = settings.load()
    paths.make_private()
    app = Dashboard(loaded, paths)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(
            pilot, lambda: app.daemon_state is not None and app.daemon_state.info is not None, 30
        )
        yield app, pilot


class StillLive(Live):
    """Says that a daemon runs, and starts none: nothing in the home moves by itself."""

    def start_daemon(self) -> None:
        self._post(DaemonChanged(DaemonInfo(os.getpid(), ready=True)))

    def _look_around(self, connection: Connection | None) -> None:
        self._post(WorkloadChanged(Workload(waiting=0, busy=0, workers=2, inbox=InboxState.WATCHED)))


class StillDashboard(Dashboard):
    """The dashboard of this home as it is, without a daemon."""

    def __init__(self) -> None:
        loaded, paths = settings.load()
        paths.make_private()
        super().__init__(loaded, paths)
        self.live = StillLive(loaded, paths, self._pass_on)


@asynccontextmanager
async def still_dashboard(size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    app = StillDashboard()
    async with app.run_test(size=size, notifications=True) as pilot:
        await wait_until(pilot, lambda: app.database_state is not None)
        yield app, pilot


def screen_text(app: Dashboard) -> str:
    return "\n".join(str(static.render()) for static in app.screen.query(Static))


def cells(app: Dashboard, row: int) -> list[str]:
    found = app.screen.query_one(VirtualTable).row_at(row)
    return [str(cell) for cell in found.cells] if found else []


def toasts(app: Dashboard) -> str:
    return "\n".join(notification.message for notification in app._notifications)
