"""What the user chose is there again the next time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.widgets import OptionList

from bibliflow_tui.habits import LONGEST, HabitFile, Habits, chosen
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.widgets.books_title import BooksTitle
from bibliflow_tui.widgets.facets import Facets
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.search_line import SearchLine
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon import settings
from daemon.catalog import jobs
from daemon.catalog.book_search import Order
from daemon.catalog.database import Connection
from tests.hostile import HOSTILE, assert_screen_is_clean
from tests.tui.running import cells, dashboard, screen_text
from tests.tui.test_books import DUNE, EMMA, POTTER, import_of
from tests.tui.test_imports import some_jobs
from tests.tui.waiting import wait_until


async def test_lists_are_as_they_were_left(home: Path, connection: Connection) -> None:
    some_jobs(connection, [f"list {number}.csv" for number in range(20)])
    jobs.cancel(connection, import_of(connection, EMMA, DUNE, POTTER).id)
    async with dashboard() as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: table.total == 21)
        await pilot.press("s", "s")
        await wait_until(pilot, lambda: "by name" in screen_text(app))
        await pilot.press("f", "slash", *"LIST 1", "enter")
        await wait_until(pilot, lambda: table.total == 5 and cells(app, 4) != [])
        await pilot.press("2", "s", "slash", *"j", "enter")
        await wait_until(pilot, lambda: "2 found   by title" in screen_text(app))
    async with dashboard() as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        assert app.screen.query_one(FilterLine).value == "LIST 1"
        await wait_until(pilot, lambda: table.total == 5 and cells(app, 4) != [])
        assert [cells(app, row)[1] for row in range(5)] == [f"list {n}.csv" for n in (10, 12, 14, 16, 18)]
        assert app.screen.query_one(Facets).chosen == "cancelled"
        assert app.screen.query_one(FilterLine).has_class("-shown")
        assert app.focused is table
        await pilot.press("escape")
        await wait_until(pilot, lambda: table.total == 21 and "by name" in screen_text(app))
        await pilot.press("2")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen) and cells(app, 0) != [])
        await wait_until(
            pilot, lambda: str(app.screen.query_one(BooksTitle).render()) == "2 found   by title"
        )
        assert app.screen.query_one(SearchLine).value == "j"
    assert json.loads(settings.paths().habits.read_text()) == {
        "theme": "", "imports_order": "by name", "imports_state": "", "imports_text": "",
        "books_order": "by title", "books_text": "j",
    }  # fmt: skip


async def test_the_theme_of_the_palette_goes_before_the_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIBLIFLOW_DASHBOARD__THEME", "textual-light")
    async with dashboard() as (app, pilot):
        assert app.theme == "textual-light"
        assert not settings.paths().habits.exists()
        app.search_themes()
        await wait_until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"nord")
        found = app.screen.query_one(OptionList)
        await wait_until(pilot, lambda: found.option_count == 1)
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: app.theme == "nord")
        await pilot.press("q")
    async with dashboard() as (app, _):
        assert app.theme == "nord"


HOSTILE_HABITS = json.dumps(
    {
        "theme": "\x1b]52;c;x\x07",
        "imports_order": "[/]",
        "imports_state": "[@click=app.exit]x",
        "imports_text": HOSTILE["c0"] + HOSTILE["lone surrogates"],
        "books_order": 7,
        "books_text": "\0" + HOSTILE["clipboard"],
        "unknown": {},
    }
)


async def test_a_file_that_strangers_wrote(home: Path, connection: Connection) -> None:
    some_jobs(connection, ["x.csv"])
    settings.paths().make_private()
    settings.paths().habits.write_text(HOSTILE_HABITS)
    async with dashboard() as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: "No import is like that" in table.empty_text)
        assert "newest first" in screen_text(app)
        assert_screen_is_clean(app)
        await pilot.press("2")
        await wait_until(pilot, lambda: "0 found   newest first" in screen_text(app))
        assert_screen_is_clean(app)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"\xff\xfe", b"null", b"[]", b'"x"', b'{"theme": 1, "books_text": null}', b"[" * 100_000,
        json.dumps({"theme": "x" * (LONGEST + 1)}).encode(),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "dashboard.json"
    path.write_bytes(text)
    file = HabitFile(path)
    assert file.now == Habits()
    assert file.change(theme="nord")
    file.save()
    assert HabitFile(path).now == Habits(theme="nord")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "dashboard.json").mkdir()
    for path in (tmp_path / "dashboard.json", tmp_path / "none" / "dashboard.json"):
        file = HabitFile(path)
        file.change(theme="nord")
        file.save()
        assert file.now.theme == "nord"
        file.save()


def test_two_dashboards_write_what_they_changed(tmp_path: Path) -> None:
    one, two = HabitFile(tmp_path / "x"), HabitFile(tmp_path / "x")
    one.change(theme="nord", books_text="x")
    one.save()
    two.change(books_text="y")
    two.save()
    one.change(theme="nord")
    one.save()
    assert HabitFile(tmp_path / "x").now == Habits(theme="nord", books_text="y")


def test_a_choice_that_there_is_not() -> None:
    assert chosen("by title", Order.NEWEST) is Order.TITLE
    assert chosen("by colour", Order.NEWEST) is Order.NEWEST
