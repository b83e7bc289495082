"""The inbox in the dashboard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.imports import ImportsScreen
from bibliflow_tui.screens.inbox import InboxScreen
from bibliflow_tui.widgets.virtual_table import VirtualTable
from tests.files import HEADER, book, written
from tests.tui.running import cells, dashboard, screen_text
from tests.tui.waiting import wait_until

NAME = "[@click=app.quit]x[b]\x1b]52;c;x\x07.csv"


async def test_the_inbox_is_watched_and_a_file_opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIBLIFLOW_WATCH__SETTLE_SECONDS", "0.3")
    async with dashboard() as (app, pilot):
        await pilot.press("3")
        await wait_until(pilot, lambda: isinstance(app.screen, InboxScreen))
        await wait_until(pilot, lambda: f"Watching {home / 'inbox'}." in screen_text(app))
        (home / "inbox" / NAME).write_text(written([HEADER, book(1), ["", "A", "x", ""]]))
        os.mkfifo(home / "inbox" / "pipe")
        await wait_until(pilot, lambda: cells(app, 1) != [] and cells(app, 0)[0] == "✓ imported", 20)
        assert cells(app, 0)[2] == "1 row rejected"
        assert cells(app, 1)[:2] == ["⊘ refused", "pipe"]
        await wait_until(pilot, lambda: "[@click=app.quit]x[b]␛]52;c;x␇.csv" in screen_text(app))
        # The name as it is shown, and the reason, are what is looked through.
        table = app.screen.query_one(VirtualTable)
        for text, names in {
            "PIPE": ["pipe"],
            "%1b": [],
            "ROW rej": [NAME],
            "%5D": [],
            "␛]52": [NAME],
        }.items():
            await pilot.press("slash", "ctrl+u", *text, "enter")
            await wait_until(pilot, lambda: table.total == len(names))  # noqa: B023
            rows = range(len(names))
            await wait_until(pilot, lambda: [cells(app, n)[1:2] for n in rows] == [[n] for n in names])  # noqa: B023
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen) and cells(app, 0) != [])
        assert "Missing required field: title" in cells(app, 0)[1]
        # Each place is as it was left.
        await pilot.press("1")
        await wait_until(pilot, lambda: isinstance(app.screen, ImportsScreen) and cells(app, 0) != [])
        await pilot.press("3")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, InboxScreen))
        await pilot.press("escape")
        await wait_until(pilot, lambda: table.total == 2)
        (home / "inbox" / "pipe").unlink()
        (home / "inbox" / "imported" / NAME).unlink()
