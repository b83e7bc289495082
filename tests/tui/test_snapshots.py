"""Pictures of the places, compared with those in ``__snapshots__``; `make pictures` takes them anew."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bibliflow_tui.app import Dashboard
from bibliflow_tui.live import DatabaseChanged
from daemon import control, settings
from daemon.catalog.database import Connection
from tests.processes import wait_until
from tests.tui import still_life
from tests.tui.running import StillDashboard
from tests.tui.still_life import Way

IDLE_DAEMON = """
import signal
from daemon import settings
from daemon.control import DaemonLock
lock = DaemonLock(settings.paths().daemon_lock)
lock.acquire()
lock.announce(ready=True)
signal.pause()
"""

Compare = Callable[..., bool]


@pytest.fixture
def taken(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap_compare: Compare
) -> Iterator[Compare]:
    """Takes a picture of the dashboard after a way through it, and says whether it is as it was."""
    monkeypatch.chdir(tmp_path)
    for variable in ("NO_COLOR", "FORCE_COLOR", "UNICODE_VERSION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("BIBLIFLOW_WATCH__FOLDER", "/srv/booklists")

    def compare(way: Way, size: tuple[int, int] = (80, 24)) -> bool:
        async def go(pilot: Pilot[None]) -> None:
            assert isinstance(pilot.app, Dashboard)
            await way(pilot.app, pilot)

        return snap_compare(StillDashboard(), run_before=go, terminal_size=size)

    with still_life.still_clock():
        yield compare


@pytest.fixture
def filled(connection: Connection, tmp_path: Path) -> None:
    """The catalogue and the current folder have something in them."""
    still_life.fill(connection, tmp_path)


def test_imports_of_a_newcomer(taken: Compare) -> None:
    assert taken(still_life.to_imports)


@pytest.mark.usefixtures("filled")
class TestFilled:
    """A home in which something was done."""

    @pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
    def test_imports(self, taken: Compare, size: tuple[int, int]) -> None:
        assert taken(still_life.to_imports, size)

    def test_imports_in_light(self, taken: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BIBLIFLOW_DASHBOARD__THEME", "textual-light")
        assert taken(still_life.to_imports)

    def test_database_away(self, taken: Compare) -> None:
        async def lose(app: Dashboard, pilot: Pilot[None]) -> None:
            await still_life.to_imports(app, pilot)
            app.post_message(DatabaseChanged("refused", retry_in=-1, since=still_life.NOW))
            await pilot.pause()

        assert taken(lose)

    def test_help(self, taken: Compare) -> None:
        assert taken(still_life.to_help)

    def test_errors(self, taken: Compare) -> None:
        assert taken(still_life.to_errors)

    def test_books(self, taken: Compare) -> None:
        assert taken(still_life.to_books)

    def test_confirmation(self, taken: Compare) -> None:
        assert taken(still_life.to_confirmation)

    def test_add_files(self, taken: Compare) -> None:
        assert taken(still_life.to_add_files, (100, 30))


def test_inbox(taken: Compare) -> None:
    still_life.fill_inbox(prepared())
    daemon = subprocess.Popen([sys.executable, "-c", IDLE_DAEMON])
    wait_until(lambda: control.running(settings.paths()))
    assert taken(still_life.to_inbox)
    daemon.terminate()
    daemon.wait()


def test_log(taken: Compare) -> None:
    prepared().daemon_log.write_text(still_life.LOG)
    assert taken(still_life.to_log)


def prepared() -> settings.Paths:
    paths = settings.paths()
    paths.make_private()
    return paths
