"""With NO_COLOR, and in the terminal's own colours, one sees where the cursor is."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from rich.segment import Segment

from bibliflow_tui.app import Dashboard
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog.database import Connection
from tests.hostile import screen_strips
from tests.terminal import Terminal
from tests.tui.running import cells, still_dashboard
from tests.tui.test_imports import some_jobs
from tests.tui.waiting import wait_until

STYLE = re.compile(rb"\x1b\[([\d;:]*)m")

WITHOUT_COLOUR = {0, 1, 2, 3, 4, 5, 7, 8, 9, 21, 22, 23, 24, 25, 27, 28, 29}
"""Bold, dim, underlined, reversed and the like, and their ends."""


def row(app: Dashboard, text: str) -> list[Segment]:
    """The line of a table with this text."""
    return next(list(strip) for strip in screen_strips(app) if text in strip.text)


def test_no_colour_reaches_the_terminal(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_jobs(connection, ["one.csv", "two.csv"])
    monkeypatch.setenv("NO_COLOR", "1")
    with Terminal([sys.executable, "-m", "bibliflow_tui"]) as terminal:
        terminal.until(lambda: terminal.sees("two.csv", "● daemon"))
        terminal.do("/", "part of a file", "Clear")
        terminal.do("\x1b", "Add files")
        terminal.do("?", "Choose")
        terminal.do("?2", "No books yet")
        terminal.do("q")
        assert terminal.wait() == 0
        codes = {
            int(code or 0) for codes in STYLE.findall(terminal.output) for code in re.split(b"[;:]", codes)
        }
    assert codes <= WITHOUT_COLOUR
    assert 7 in codes


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_the_cursor_without_colour(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    some_jobs(connection, ["one.csv", "two.csv"])
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("BIBLIFLOW_DASHBOARD__THEME", theme)
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: cells(app, 1) != [])
        await pilot.pause()
        styles = [segment.style for strip in screen_strips(app) for segment in strip if segment.style]
        assert not any(style.color or style.bgcolor for style in styles)
        assert all(part.style and part.style.reverse for part in row(app, "two.csv") if part.text.strip())
        assert not any(part.style and part.style.reverse for part in row(app, "one.csv"))
        await pilot.press("slash")
        await wait_until(pilot, lambda: app.screen.query_one(FilterLine).has_focus)
        await pilot.pause()
        under = [part.style for part in row(app, "two.csv") if part.text.strip()]
        assert all(style and style.bold and style.underline for style in under)
        assert any(part.style and part.style.reverse for part in row(app, "part of a file"))


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_the_cursor_in_the_terminals_own_colours(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    some_jobs(connection, ["one.csv", "two.csv"])
    monkeypatch.setenv("BIBLIFLOW_DASHBOARD__THEME", theme)
    async with still_dashboard() as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: table.has_focus and cells(app, 1) != [])
        await pilot.press("slash")
        await wait_until(pilot, lambda: app.screen.query_one(FilterLine).has_focus)
        await pilot.pause()
        here = {part.style for part in row(app, "two.csv") if part.text.strip()}
        assert here
        assert all(style and style.bold and style.underline for style in here)
        elsewhere = [part.style for part in row(app, "one.csv") if part.text.strip()]
        assert not any(style and style.underline for style in elsewhere)
