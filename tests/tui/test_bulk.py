"""Many rejected rows repaired at once from the dashboard, and taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from bibliflow_tui.app import Dashboard
from bibliflow_tui.screens.bulk_repair import BulkRepairScreen
from bibliflow_tui.screens.corrected_file import CorrectedFile
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon import followups, settings
from daemon.catalog import books, job_lock, jobs
from daemon.catalog.database import Connection, Database, DatabaseError
from daemon.catalog.job import Job
from daemon.importing import bulk
from daemon.importing.bulk import BulkRepair, RepairPreview
from tests.files import HEADER, isbn13, written
from tests.hostile import HOSTILE, assert_screen_is_clean
from tests.imports import import_text, titles
from tests.tui.running import cells, dashboard, screen_text, toasts
from tests.tui.test_errors import errors_of
from tests.tui.test_repair import once
from tests.tui.waiting import wait_until

ROWS = [
    ["Hunger", "Collins", "439023483", "2008"],
    ["Fault", "Green", "525478817", "c2012"],
    ["Bare", "", isbn13(1), "2001"],
    ["Odyssey", "", isbn13(2), "-700"],
    ["Prefixed", "B", "ISBN " + isbn13(3), ""],
]


def count(app: Dashboard) -> str:
    return str(app.screen.query_one("#bulk-count", Static).render())


def fill(app: Dashboard, way: str, field: str, text: str) -> None:
    app.screen.query_one(f"#bulk-{way}-{field}", Input).value = text


async def open_bulk(app: Dashboard, pilot: Pilot[None], key: str) -> None:
    await pilot.press(key)
    await wait_until(pilot, lambda: isinstance(app.screen, BulkRepairScreen))
    await wait_until(pilot, lambda: count(app) != "")


def open_count(connection: Connection, job: Job) -> int:
    return jobs.get(connection, job.id).open_error_count


async def test_all_suggestions_are_taken_and_undone(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: cells(app, 0) != [])
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen) and cells(app, 0) != [])
        await open_bulk(app, pilot, "a")
        await wait_until(pilot, lambda: count(app) == "3 of 3 rows would be imported")
        shown = ["3", "ISBN 525478817, year c2012", "ISBN 0525478817, year 2012", "✓ imported"]
        await wait_until(pilot, lambda: cells(app, 1) == shown)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
        await wait_until(pilot, lambda: "2 open of 5" in screen_text(app), 20)
        await wait_until(pilot, lambda: "3 rows imported; 2 rejected rows are left. u on its" in toasts(app))
        await wait_until(pilot, lambda: [cells(app, row)[:1] for row in (0, 1)] == [["4"], ["5"]])
        assert "repairing" not in screen_text(app)
        await pilot.press("escape", "u")
        await wait_until(pilot, lambda: "Take the repair of 3 rows of x.csv back?" in screen_text(app))
        await pilot.press("y")
        await wait_until(pilot, lambda: open_count(connection, job) == 5, 20)
        await wait_until(pilot, lambda: "x.csv: 3 taken back" in toasts(app))
        assert titles(connection) == {}


async def test_marked_rows_get_values(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        await pilot.press("j", "j", "space", "space")
        await wait_until(pilot, lambda: "• 2 marked" in screen_text(app) and cells(app, 2)[0] == "• 4")
        await open_bulk(app, pilot, "b")
        assert "Say how" in count(app)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: "Say how" in toasts(app))
        fill(app, "put", "author", "Anonymous")
        await wait_until(pilot, lambda: count(app) == "1 of 2 rows would be imported; 1 would stay in error")
        await wait_until(pilot, lambda: cells(app, 1)[3:] == ["✗ Invalid publication year: -700"])
        app.screen.query_one("#bulk-no-year").focus()
        await pilot.press("space")
        await wait_until(pilot, lambda: count(app) == "2 of 2 rows would be imported")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: open_count(connection, job) == 3, 20)
        assert {
            (found.title, found.author, found.publication_year) for found in books.search(connection)
        } == {
            ("Bare", "Anonymous", None),
            ("Odyssey", "Anonymous", None),
        }
        await wait_until(
            pilot, lambda: "3 open of 5" in screen_text(app) and "marked" not in screen_text(app)
        )


async def test_rows_alike_and_what_comes_off(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        await pilot.press("G")
        await wait_until(pilot, lambda: cells(app, 4) != [])
        await open_bulk(app, pilot, "S")
        assert "isbn_format" in screen_text(app)
        await pilot.press("escape")
        await pilot.press("slash", *"prefixed", "enter")
        await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).total == 1)
        await open_bulk(app, pilot, "b")
        fill(app, "prefixes", "isbn", "ISBN")
        await wait_until(pilot, lambda: count(app) == "1 of 1 rows would be imported")
        fill(app, "suffixes", "isbn", isbn13(3)[-2:])
        await wait_until(pilot, lambda: count(app) == "0 of 1 rows would be imported; 1 would stay in error")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: "No row would pass like this" in toasts(app))
        assert open_count(connection, job) == 5


async def test_a_preview_grows_and_a_stale_one_is_dropped(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    goes_on = {"Old": threading.Event(), "New": threading.Event()}
    ended: list[str] = []

    def preview(connection: Connection, owner: Job, repair: BulkRepair) -> Iterator[RepairPreview]:
        name = repair.put["author"]
        yield RepairPreview(5, 2, 2 if name == "New" else 1)
        goes_on[name].wait(20)
        try:
            yield RepairPreview(5, 4, 3 if name == "New" else 0)
            yield RepairPreview(5, 5, 4 if name == "New" else 0)
        finally:
            ended.append(name)

    monkeypatch.setattr(bulk, "preview", preview)
    async with errors_of(job) as (app, pilot):
        await open_bulk(app, pilot, "b")
        fill(app, "put", "author", "Old")
        await wait_until(pilot, lambda: "1 of 2 so far would be imported; 5 rows to look at" in count(app))
        fill(app, "put", "author", "New")
        await wait_until(pilot, lambda: "2 of 2 so far" in count(app))
        goes_on["Old"].set()
        await wait_until(pilot, lambda: ended == ["Old"])
        await pilot.pause()
        assert "2 of 2 so far" in count(app)
        goes_on["New"].set()
        await wait_until(pilot, lambda: count(app) == "4 of 5 rows would be imported; 1 would stay in error")


async def test_nothing_is_lost_while_the_database_is_away(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        await open_bulk(app, pilot, "a")
        lost = DatabaseError("lost")
        monkeypatch.setattr(followups, "repair_many", once(lost, followups.repair_many))
        await pilot.press("enter")
        await wait_until(
            pilot, lambda: "out of reach; try again when it is back, if no repair" in toasts(app)
        )
        assert isinstance(app.screen, BulkRepairScreen)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: open_count(connection, job) == 2, 20)


async def test_a_repair_is_seen_and_cancelled(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        with (
            Database(*settings.load()) as other,
            other.connect() as holder,
            job_lock.locked(holder, job.id),
        ):
            await open_bulk(app, pilot, "a")
            await pilot.press("enter")
            await wait_until(
                pilot, lambda: "◌ waiting" in screen_text(app) or "▶ repairing" in screen_text(app)
            )
            await pilot.press("c")
            await wait_until(pilot, lambda: "repair of x.csv: cancelled" in toasts(app))
            await wait_until(
                pilot, lambda: "5 open of 5" in screen_text(app) and "waiting" not in screen_text(app)
            )
        assert open_count(connection, job) == 5


async def test_hostile_rows_and_words(home: Path, connection: Connection) -> None:
    rows = [[text, text, "439023483", "[/]"] for text in HOSTILE.values()]
    data = written([HEADER, *rows]).encode(errors="replace")
    job = import_text(connection, home / "list.csv", data)
    async with errors_of(job) as (app, pilot):
        await pilot.press("slash", *"[/]", "enter")
        await open_bulk(app, pilot, "b")
        fill(app, "put", "title", "\x1b[2J[/]")
        fill(app, "prefixes", "author", "[bold")
        await wait_until(pilot, lambda: "would stay in error" in count(app))
        assert_screen_is_clean(app)


async def test_a_corrected_file_is_taken_back(
    home: Path, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.errors.csv"
    async with errors_of(job) as (app, pilot):
        await pilot.press("x")
        await wait_until(pilot, lambda: "Corrected, i takes it back" in toasts(app))
        file.write_text(file.read_text().replace("439023483", "0439023483"))
        await pilot.press("i")
        await wait_until(pilot, lambda: isinstance(app.screen, CorrectedFile))
        line = app.screen.query_one(Input)
        await wait_until(pilot, lambda: line.value == str(file))
        line.value = str(tmp_path / "no\x1b.csv")
        await pilot.press("enter")
        await wait_until(pilot, lambda: "is not a file that can be read" in screen_text(app))
        assert "\x1b" not in screen_text(app)
        line.value = str(file)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "x.errors.csv: 1 row imported, 4 rejected again" in toasts(app), 20)
        await wait_until(pilot, lambda: "4 open of 5" in screen_text(app))
        assert titles(connection) == {"9780439023481": "Hunger"}
