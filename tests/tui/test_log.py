"""What the daemon did, on the screen."""

from __future__ import annotations

import json
from pathlib import Path

from bibliflow_tui.screens.log import LogScreen
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon import activity, settings
from tests.tui.running import cells, dashboard, screen_text
from tests.tui.waiting import wait_until


def line(event: str, **more: str) -> str:
    return json.dumps({"event": event, "level": "info", "timestamp": "2026-01-02T03:04:05Z", **more}) + "\n"


async def test_events_come_are_filtered_and_shown(home: Path) -> None:
    async with dashboard() as (app, pilot):
        await pilot.press("4")
        await wait_until(pilot, lambda: isinstance(app.screen, LogScreen) and cells(app, 0) != [])
        assert "daemon ready" in {cells(app, row)[1] for row in range(3) if cells(app, row)}
        log = settings.paths().daemon_log
        with log.open("a") as file:
            file.write("Traceback (most recent call last):\n")
            file.write(line("disk full", level="error", file="list.csv"))
        await wait_until(pilot, lambda: cells(app, 0)[1:] == ["disk full", "file=list.csv"])
        assert cells(app, 1)[1] == "Traceback (most recent call last):"
        await pilot.press("slash", *"DISK")
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: table.total == 1 and "list.csv" in screen_text(app))
        await pilot.press("enter", "y")
        await wait_until(pilot, lambda: app.clipboard.endswith("disk full file=list.csv"))


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    log.write_text("".join(line(f"event {number}") for number in range(60_000)))
    assert log.stat().st_size > 2 * activity.LONGEST_READ
    events = activity.latest(log)
    assert events[0].text == "event 59999"
    assert [event.text for event in events] == [f"event {59_999 - n}" for n in range(len(events))]
    assert activity.latest(tmp_path / "none.log") == []
