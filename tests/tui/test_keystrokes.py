"""Keys that come in one burst go where the keys before them led."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from textual.events import Key, Paste
from textual.pilot import Pilot
from textual.widget import Widget

from bibliflow_tui.app import Dashboard
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.screens.imports import ImportsScreen
from bibliflow_tui.widgets.facets import Facets
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.search_line import SearchLine
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog.database import Connection
from tests.terminal import Terminal
from tests.tui.running import cells, still_dashboard
from tests.tui.test_books import DUNE, EMMA, POTTER, import_of
from tests.tui.test_imports import some_jobs
from tests.tui.waiting import wait_until


def burst(app: Dashboard, *keys: str) -> None:
    """All at once, as a terminal hands over what was typed while the program was busy."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


async def among_books(app: Dashboard, pilot: Pilot[None]) -> None:
    await pilot.press("2")
    await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen) and cells(app, 0) != [])


async def test_letters_behind_the_slash(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, DUNE, POTTER)
    async with still_dashboard() as (app, pilot):
        await among_books(app, pilot)
        burst(app, "slash", *"edisq2")
        line = app.screen.query_one(SearchLine)
        await wait_until(pilot, lambda: line.value == "edisq2")
        assert isinstance(app.screen, BooksScreen)
        burst(app, "escape", "slash", *"austen", "enter", "down", "up")
        await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).total == 1)
        assert line.value == "austen"
        assert app.screen.query_one(VirtualTable).has_focus


async def test_keys_behind_the_end_of_a_line(home: Path, connection: Connection) -> None:
    some_jobs(connection, [f"list {number}.csv" for number in range(20)])
    async with still_dashboard() as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: cells(app, 19) != [])
        await pilot.press("slash")
        await wait_until(pilot, lambda: app.screen.query_one(FilterLine).has_focus)
        burst(app, "f", "backspace", "enter", "j", "j", "k", "j", "j")
        await wait_until(pilot, lambda: table.cursor_row == 3)
        assert app.screen.query_one(FilterLine).value == ""
        assert app.screen.query_one(Facets).chosen == ""
        assert isinstance(app.screen, ImportsScreen)


async def test_what_is_pasted_behind_the_slash(home: Path, connection: Connection) -> None:
    some_jobs(connection, ["one.csv", "two.csv"])
    async with still_dashboard() as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: cells(app, 1) != [])
        burst(app, "slash", "t")
        app.post_message(Paste("wo."))
        burst(app, "c")
        await wait_until(pilot, lambda: table.total == 1)
        assert app.screen.query_one(FilterLine).value == "two.c"


async def test_a_widget_that_goes_away_holds_nobody_up(home: Path, connection: Connection) -> None:
    some_jobs(connection, ["one.csv"])
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: cells(app, 0) != [])
        for _ in range(3):
            burst(app, "a")
            await wait_until(pilot, lambda: len(app.screen_stack) == 2)
            burst(app, "escape", "slash", "x", "escape")
            await wait_until(pilot, lambda: len(app.screen_stack) == 1)
            await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).has_focus)


class Stuck(Widget, can_focus=True):
    """Hands the focus on with the first key, and does not come to an end with it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_free = asyncio.Event()

    async def on_key(self, event: Key) -> None:
        event.stop()
        self.screen.set_focus(self.screen.query_one(VirtualTable))
        await self.is_free.wait()


async def test_a_widget_that_hangs_holds_nobody_up_for_long(home: Path, connection: Connection) -> None:
    some_jobs(connection, ["one.csv"])
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: cells(app, 0) != [])
        stuck = Stuck()
        await app.screen.mount(stuck)
        stuck.focus()
        await wait_until(pilot, lambda: stuck.has_focus)
        try:
            burst(app, "x", "slash", *"one")
            async with asyncio.timeout(30):  # the pilot would wait for all widgets
                while app.screen.query_one(FilterLine).value != "one":
                    await asyncio.sleep(0.01)
        finally:
            stuck.is_free.set()


def test_in_a_terminal(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, DUNE, POTTER)
    with Terminal([sys.executable, "-m", "bibliflow_tui"]) as terminal:
        terminal.until(lambda: terminal.sees("● daemon"))
        terminal.do("2", "3 books")
        terminal.do("/austen\r", "1 found", "emma")
        terminal.do("qjjk/x2", "goes on importing")
        assert terminal.wait() == 0
