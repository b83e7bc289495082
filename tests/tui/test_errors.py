"""The rejected rows of an import on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bibliflow_tui.app import Dashboard
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.widgets.facets import Facets
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog.database import Connection
from daemon.catalog.job import Job
from tests.files import HEADER, isbn13, written
from tests.imports import import_text, repaired
from tests.tui.running import cells, dashboard
from tests.tui.waiting import wait_until

ROWS = [
    *([f"Title {number}", "A", f"bad {number}", ""] for number in range(300)),
    *([f"Year {number}", "A", isbn13(1000 + number), "3021"] for number in range(20)),
    *([f"Later {number}", "A", isbn13(2000 + number), "c1999"] for number in range(5)),
]


@asynccontextmanager
async def errors_of(job: Job) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    async with dashboard() as (app, pilot):
        await app.push_screen(ErrorsScreen(job))
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen) and cells(app, 0) != [])
        yield app, pilot


def facets(app: Dashboard) -> str:
    return str(app.screen.query_one(Facets).render())


async def test_kinds_that_take_two_lines(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        await pilot.resize_terminal(40, 24)
        await wait_until(pilot, lambda: facets(app).count("\n") == 1)
        assert facets(app) == "all 325   isbn_format 300\nyear_range 20   year_format 5"
        await pilot.click(Facets, offset=(36, 0))
        await pilot.click(Facets, offset=(25, 1))
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: table.total == 5 and cells(app, 0)[:1] == ["322"])
        assert app.screen.query_one(Facets).chosen == "year_format"
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: "\n" not in facets(app))


async def test_kinds_filter_and_ends(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        assert facets(app) == "all 325   isbn_format 300   year_range 20   year_format 5"
        await pilot.press("G")
        await wait_until(
            pilot, lambda: cells(app, 324)[:2] == ["326", "Invalid publication year format: c1999"]
        )
        await pilot.press("f", "f")
        await wait_until(pilot, lambda: table.total == 20 and cells(app, 0)[:1] == ["302"])
        await pilot.press("F")
        await wait_until(pilot, lambda: table.total == 300 and cells(app, 0)[:1] == ["2"])
        await pilot.press("slash", *"TITLE 29")
        # 29 and 290 to 299
        await wait_until(pilot, lambda: table.total == 11 and cells(app, 10) != [])
        assert [cells(app, row)[0] for row in (0, 1, 10)] == ["31", "292", "301"]
        await pilot.press("x")
        await wait_until(
            pilot, lambda: table.total == 0 and "No rejected row is like that" in table.empty_text
        )
        await pilot.press("escape")
        await wait_until(pilot, lambda: table.total == 300)
        assert not app.screen.query_one(FilterLine).has_class("-shown")


async def test_a_record_is_copied(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, ["T, t", "A", "x", ""]]))
    async with errors_of(job) as (app, pilot):
        await pilot.press("y")
        await wait_until(pilot, lambda: app.clipboard == '"T, t",A,x,')


async def test_the_rows_are_exported(
    home: Path, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, ["T", "A", "x", ""]]))
    monkeypatch.chdir(tmp_path)
    async with errors_of(job) as (_, pilot):
        for name in ("x.errors.csv", "x.errors (2).csv"):
            await pilot.press("x")
            await wait_until(pilot, (tmp_path / name).exists)
            await wait_until(pilot, lambda: "Invalid ISBN: x" in (tmp_path / name).read_text())  # noqa: B023


async def test_what_is_repaired_elsewhere_is_gone(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        repaired(connection, job)
        await wait_until(pilot, lambda: facets(app) == "all 320   isbn_format 300   year_range 20")
        await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).total == 320)
