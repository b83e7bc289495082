"""The line on top: how everything fares, in as many words as there is room for."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from bibliflow_tui.app import Dashboard
from bibliflow_tui.live import DaemonChanged, DatabaseChanged
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.widgets.state_line import StateLine
from daemon import settings
from daemon.control import DaemonInfo
from daemon.request import Request
from daemon.workload import InboxState, Workload
from tests.files import HEADER, book, isbn13, written
from tests.hostile import screen_lines
from tests.imports import held_up
from tests.machines.fleet import fleet, written_files
from tests.processes import wait_until as process_wait_until
from tests.tui import still_life
from tests.tui.running import dashboard
from tests.tui.waiting import wait_until

NOON = still_life.NOW.replace(hour=12, minute=4)
UP = DatabaseChanged(None)
AWAY = DatabaseChanged("refused", retry_in=8, since=NOON)
RUNS = DaemonChanged(DaemonInfo(7, ready=True))
GONE = DaemonChanged(None, since=NOON)
IDLE = Workload(waiting=0, busy=0, workers=2, inbox=InboxState.WATCHED)
BUSY = replace(IDLE, waiting=12_345, busy=2, arriving=1_234)
HUNG = replace(IDLE, silent_since=NOON)
STOPPED = replace(IDLE, inbox=InboxState.STOPPED, inbox_since=NOON)
UNWATCHED = replace(IDLE, inbox=InboxState.UNWATCHED, workers=None)
SHARED = replace(IDLE, waiting=7, busy=2, workers=6, daemons=3)

LINES = [
    (120, UP, RUNS, IDLE, "● database  ● daemon 0/2 busy  0 queued  inbox watched"),
    (120, UP, RUNS, BUSY, "● database  ● daemon 2/2 busy  12,345 queued  inbox 1,234 waiting"),
    (80, UP, RUNS, IDLE, "● database  ● daemon 0/2 busy  inbox"),
    (80, UP, RUNS, replace(BUSY, waiting=3, arriving=0), "● db  ● daemon 2/2 busy  3 queued  inbox"),
    (80, UP, RUNS, replace(IDLE, inbox=InboxState.OFF), "● database  ● daemon 0/2 busy  inbox off"),
    (60, UP, RUNS, replace(BUSY, waiting=3, arriving=1), "● db  ● daemon 2/2  3 queued  inbox 1"),
    (60, UP, RUNS, replace(BUSY, waiting=3), "● ● 2/2 busy 3 queued inbox 1,234"),
    (60, UP, RUNS, replace(BUSY, waiting=3, busy=3), "● ● 3 busy 3 queued inbox 1,234"),
    (
        120,
        AWAY,
        RUNS,
        replace(IDLE, busy=None),
        "○ database out of reach since 12:04, next try in N s  ● daemon  0 queued  inbox watched",
    ),
    (80, AWAY, RUNS, replace(IDLE, busy=None), "○ database away since 12:04, next try in N s  ● daemon"),
    (60, AWAY, RUNS, replace(IDLE, busy=None), "○ db away 12:04, try in N s  ● daemon"),
    (80, UP, GONE, UNWATCHED, "● database  ○ no daemon since 12:04, d starts it"),
    (60, UP, GONE, UNWATCHED, "● db  ○ no daemon since 12:04"),
    (80, AWAY, GONE, UNWATCHED, "○ db away 12:04, try in N s  ○ no daemon 12:04"),
    (60, AWAY, GONE, UNWATCHED, "○ db, try in N s ○ no daemon"),
    (80, UP, RUNS, HUNG, "● database  ○ daemon hangs since 12:04"),
    (80, UP, RUNS, STOPPED, "● db  ● daemon 0/2 busy  ○ inbox stopped"),
    (120, UP, RUNS, SHARED, "● database  ● daemons 3 2/6 busy  7 queued  inbox watched"),
    (120, UP, GONE, replace(SHARED, inbox=InboxState.OFF), "● daemons 3 2/6 busy  7 queued  inbox off"),
    (80, UP, RUNS, SHARED, "● db  ● daemons 2/6  7 queued  inbox"),
    (60, UP, RUNS, SHARED, "● db  ● daemons 2/6  7 queued  inbox"),
    (80, UP, DaemonChanged(None, is_starting=True), UNWATCHED, "● database  ◌ daemon starting  inbox off"),
]


class LineApp(App[None]):
    """Nothing but the line."""

    CSS_PATH = Dashboard.CSS_PATH

    def compose(self) -> ComposeResult:
        yield StateLine("imports")


async def test_words_for_every_width() -> None:
    app = LineApp()
    with still_life.still_clock():  # the day may end while tests run
        await _words_for_every_width(app)


def _without_seconds(app: LineApp) -> str:
    return re.sub(r"try in [\d,]+ s", "try in N s", screen_lines(app)[0]).rstrip()


async def _words_for_every_width(app: LineApp) -> None:
    async with app.run_test(size=(80, 1)) as pilot:
        line = app.query_one(StateLine)
        for width, database, daemon, workload, words in LINES:
            await pilot.resize_terminal(width, 1)
            line.show_database(database)
            line.show_daemon(daemon)
            line.show_workload(workload)
            await wait_until(pilot, lambda: _without_seconds(app).endswith(f" {words}"))  # noqa: B023
            assert "1 Imports  2" in _without_seconds(app)
            assert "…" not in _without_seconds(app)
        for width in range(1, 60, 7):
            await pilot.resize_terminal(width, 1)
            for workload in (IDLE, BUSY, STOPPED):
                line.show_workload(workload)
                assert line.render().cell_length <= width


async def test_it_counts_down_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    app = LineApp()
    async with app.run_test(size=(80, 1)) as pilot:
        line = app.query_one(StateLine)
        line.show_database(replace_retry(3))
        for seconds in (3, 2):
            await wait_until(pilot, lambda: f"try in {seconds} s" in screen_lines(app)[0])  # noqa: B023
        line.show_database(replace_retry(0))
        await wait_until(pilot, lambda: "trying now" in screen_lines(app)[0])
        line.show_database(UP)
        await wait_until(pilot, lambda: "● database" in screen_lines(app)[0])
        assert line._countdown is not None
        assert not line._countdown._active.is_set()


def replace_retry(seconds: float) -> DatabaseChanged:
    return DatabaseChanged("refused", retry_in=seconds, since=NOON - timedelta(days=400))


async def test_what_there_is_to_do(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIBLIFLOW_WATCH__SETTLE_SECONDS", "3600")
    async with dashboard() as (app, pilot):
        await pilot.resize_terminal(120, 24)
        await wait_until(pilot, lambda: "0/2 busy  0 queued  inbox watched" in screen_lines(app)[0])
        (home / "inbox" / "later.csv").write_text(written([HEADER, book(1)]))
        with held_up(*map(isbn13, range(3))):
            files = [tmp_path / f"{number}.csv" for number in range(3)]
            for number, path in enumerate(files):
                path.write_text(written([HEADER, ["T", "A", isbn13(number), ""]]))
            app.submit([(path, Request()) for path in files])
            await wait_until(pilot, lambda: "2/2 busy  1 queued  inbox 1 waiting" in screen_lines(app)[0])
        await wait_until(pilot, lambda: "0/2 busy  0 queued  inbox 1 waiting" in screen_lines(app)[0])
        await pilot.click(StateLine, offset=(27, 0))
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        await wait_until(pilot, lambda: "0/2 busy  0 queued  inbox 1 waiting" in screen_lines(app)[0])


async def test_daemons_of_other_machines(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is started here while they are at work."""
    with fleet(own_database, own_database, "abc") as this:
        a, b, here = this.machines
        a.spawn()
        b.spawn()
        await asyncio.to_thread(process_wait_until, lambda: a.is_ready() and b.is_ready())
        for name, value in here.environment.items():
            monkeypatch.setenv(name, value)
        loaded, paths = settings.load()
        paths.make_private()
        app = Dashboard(loaded, paths)
        async with app.run_test(size=(120, 24)) as pilot:
            await wait_until(pilot, lambda: "● daemons 2 0/4 busy  0 queued" in screen_lines(app)[0])
            (path,) = written_files(this.base / "lists", range(1), 5)
            app.submit([(path, Request())])
            await wait_until(pilot, lambda: "✓ done       list 0.csv" in "\n".join(screen_lines(app)))
            assert here.daemon is None
