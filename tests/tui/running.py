"""The dashboard, running on the home's catalogue, and what it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import Static

from bibliflow_tui.app import Dashboard
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon import settings
from tests.tui.waiting import wait_until


@asynccontextmanager
async def dashboard() -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    loaded, paths = settings.load()
    paths.make_private()
    app = Dashboard(loaded, paths)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: app.live.daemon_started is not None, 30)
        yield app, pilot


def screen_text(app: Dashboard) -> str:
    return "\n".join(str(static.render()) for static in app.screen.query(Static))


def cells(app: Dashboard, row: int) -> list[str]:
    found = app.screen.query_one(VirtualTable).row_at(row)
    return [str(cell) for cell in found.cells] if found else []


def toasts(app: Dashboard) -> str:
    return "\n".join(notification.message for notification in app._notifications)
