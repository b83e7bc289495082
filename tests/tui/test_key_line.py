"""The keys at the bottom: those that matter are there, and none in part."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets._footer import FooterKey

from bibliflow_tui.live import JobsChanged
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.widgets.key_line import KeyLine
from daemon.catalog.database import Connection
from tests.hostile import screen_lines
from tests.tui.picking import PickerApp, loaded
from tests.tui.running import dashboard, still_dashboard
from tests.tui.test_books import DUNE, EMMA, import_of
from tests.tui.test_imports import some_jobs
from tests.tui.waiting import wait_until


def keys(app: App[Any]) -> str:
    return screen_lines(app)[-1].strip()


def assert_none_is_cut(app: App[Any]) -> None:
    regions = sorted((key.region for key in app.screen.query(FooterKey)), key=lambda region: region.x)
    assert regions
    assert regions[-1].right <= app.size.width
    assert all(one.right <= two.x for one, two in pairwise(regions))


async def test_books(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, DUNE)
    async with dashboard() as (app, pilot):
        await pilot.press("2")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        await wait_until(pilot, lambda: keys(app).startswith("e Edit  d Delete") and "^p" in keys(app))
        await pilot.press("slash")
        # No letters: they are typed.
        await wait_until(pilot, lambda: keys(app).split("▏")[0].strip() == "⏎ To the list  esc Clear")
        await pilot.press("d", "enter")
        filtered = "e Edit d Delete / Find s Sort i Import y Copy esc All ? Help q Quit"
        await wait_until(pilot, lambda: keys(app).split("▏")[0].strip() == filtered)
        assert_none_is_cut(app)
        await pilot.resize_terminal(60, 20)
        fewer = "e Edit d Delete / Find s Sort i Import esc All ? Help"
        await wait_until(pilot, lambda: keys(app) == fewer)
        assert_none_is_cut(app)


async def test_what_cannot_be_opened(home: Path, connection: Connection) -> None:
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: keys(app).startswith("a Add files"))
        some_jobs(connection, ["x.csv"])
        app.post_message(JobsChanged(frozenset()))
        await wait_until(pilot, lambda: " ".join(keys(app).split()).startswith("⏎ Errors a Add files"))
        await pilot.press("slash", *"no", "enter")
        await wait_until(pilot, lambda: keys(app).startswith("a Add files"))


async def test_adding_files(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    app = PickerApp(tmp_path)
    async with app.run_test(size=(60, 20)) as pilot:
        await loaded(pilot, app, "x.csv")
        whole = "space Mark ⏎ Import h Parent / Path e Reading esc Back"
        await wait_until(pilot, lambda: keys(app) == whole)
        assert_none_is_cut(app)


class KeysApp(App[None]):
    """Keys, and a line of them."""

    COMMAND_PALETTE_BINDING = "f1"
    BINDINGS = [  # noqa: RUF012
        Binding("x", "go", "First", id="test.first"),
        Binding("y", "stay", "Second", id="test.second"),
        Binding("escape", "leave", "Back", id="test.back"),
        Binding("q", "quit", "Quit", id="app.quit"),
    ]

    def compose(self) -> ComposeResult:
        yield KeyLine()


async def test_which_keys_go_first() -> None:
    app = KeysApp()
    all_of_them = "x First  y Second  esc Back  q Quit"
    async with app.run_test(size=(80, 3)) as pilot:
        for width, words in {
            80: all_of_them,
            49: all_of_them,
            48: "x First y Second esc Back q Quit",
            44: "x First  y Second  esc Back",
            40: "x First y Second esc Back",
            30: "x First  y Second  esc Back",
            27: "x First y Second esc Back",
            20: "x First  esc Back",
            10: "esc Back",
            4: "",
        }.items():
            await pilot.resize_terminal(width, 3)
            await wait_until(pilot, lambda: keys(app).split("▏")[0].strip() == words)  # noqa: B023
            assert ("▏f1 palette" in keys(app)) == (width > 30)
