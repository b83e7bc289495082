"""The list of imports: states, filter, what is known of the one under the cursor."""

from __future__ import annotations

from pathlib import Path

from bibliflow_tui.app import Dashboard
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.screens.confirm import ConfirmScreen
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.imports import ImportsScreen
from bibliflow_tui.widgets.facets import Facets
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.job_detail import JobDetail, sparkline
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog import books, jobs
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7
from tests.files import HEADER, book, isbn13, table, written
from tests.hostile import screen_lines
from tests.imports import import_text, repaired, titles, undone
from tests.tui.running import cells, dashboard, screen_text, still_dashboard, toasts
from tests.tui.waiting import wait_until


def some_jobs(connection: Connection, names: list[str]) -> None:
    for number, name in enumerate(names):
        job = jobs.create(
            connection, job_id=uuid7(), filename=name, source="cli", file_sha256=None, file_size=None,
            spool_path=None, options={},
        )  # fmt: skip
        if number % 2:
            jobs.fail(connection, job.id, f"No column for: isbn. Columns found: {number}")
        else:
            jobs.cancel(connection, job.id)


async def test_states_filter_and_ends(home: Path, connection: Connection) -> None:
    some_jobs(connection, [f"list {number}.csv" for number in range(250)])
    async with dashboard() as (app, pilot):
        table = app.screen.query_one(VirtualTable)
        facets = app.screen.query_one(Facets)
        await wait_until(pilot, lambda: table.total == 250 and cells(app, 0)[1:2] == ["list 249.csv"])
        assert str(facets.render()) == "all 250   cancelled 125   failed 125"
        await pilot.press("G")
        await wait_until(pilot, lambda: cells(app, 249)[1:2] == ["list 0.csv"])
        await pilot.press("f")
        await wait_until(pilot, lambda: table.total == 125 and cells(app, 124)[1:2] == ["list 0.csv"])
        await pilot.press("slash", *"LIST 24")
        await wait_until(pilot, lambda: table.total == 6)
        await wait_until(
            pilot, lambda: [cells(app, row)[1:2] for row in (0, 5)] == [["list 248.csv"], ["list 24.csv"]]
        )
        # Keys that mean something in the list are letters here.
        await pilot.press("q", "f")
        await wait_until(pilot, lambda: table.total == 0 and "No import is like that" in table.empty_text)
        await pilot.press("escape", "F")
        await wait_until(pilot, lambda: table.total == 250)
        assert not app.screen.query_one(FilterLine).has_class("-shown")
        await pilot.press("slash", *"found: 249", "enter")
        await wait_until(pilot, lambda: table.total == 1 and cells(app, 0)[1:2] == ["list 249.csv"])
        await pilot.press("y")
        await wait_until(pilot, lambda: len(app.clipboard) == 36)


async def test_orders(home: Path, connection: Connection) -> None:
    some_jobs(connection, ["b.csv", "C.csv", "a.csv"])
    connection.execute(
        "UPDATE import_jobs SET processed_rows = ascii(filename), success_count = ascii(filename) - 7,"
        " error_count = 7, open_error_count = 7 WHERE filename <> 'b.csv'"
    )
    orders = {
        "oldest first": "bCa",
        "by name": "abC",
        "most rows first": "aCb",
        "most rejected first": "aCb",
        "longest first": "aCb",
        "newest first": "aCb",
    }
    async with dashboard() as (app, pilot):
        for words, names in orders.items():
            await pilot.press("s")
            await wait_until(pilot, lambda: words in screen_text(app))  # noqa: B023
            await wait_until(
                pilot,
                lambda: [cells(app, row)[1:2] for row in range(3)] == [[f"{name}.csv"] for name in names],  # noqa: B023
            )
        await pilot.press("S", "S", "S", "S", "f")
        table = app.screen.query_one(VirtualTable)
        await wait_until(pilot, lambda: table.total == 2 and "by name" in screen_text(app))
        await wait_until(pilot, lambda: [cells(app, row)[1:2] for row in (0, 1)] == [["a.csv"], ["b.csv"]])


async def test_what_rows_are_rejected_for(home: Path, connection: Connection) -> None:
    rows = [["T", "A", "x", ""]] * 4 + [["T", "A", isbn13(1), "3021"]] * 2 + [["", "A", isbn13(1), "c1999"]]
    import_text(connection, home / "x.csv", written([HEADER, *rows]))
    async with dashboard() as (app, pilot):
        detail = app.screen.query_one(JobDetail)
        await wait_until(pilot, lambda: "isbn_format" in str(detail.render()))
        lines = str(detail.render()).splitlines()[-4:]
        assert [line.split() for line in lines[:2]] == [
            ["4", "isbn_format", "█" * 20],
            ["2", "year_range", "█" * 10],
        ]
        assert "and 1 more kind" in lines[3]


def detail(app: Dashboard) -> str:
    return str(app.screen.query_one(JobDetail).render())


def is_offered(app: Dashboard, action: str) -> bool:
    found = app.screen.active_bindings.values()
    return any(active.binding.action == action and active.enabled for active in found)


async def test_an_import_is_undone_and_what_was_edited_is_kept(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", table(3))
    edited = next(books.search(connection, isbn=book(2)[2]))
    books.update_one(connection, edited.id, {"title": "Mine"})
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: is_offered(app, "undo"))
        await pilot.press("u")
        await wait_until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert "Take back the 3 rows that x.csv brought into the catalogue?" in screen_text(app)
        assert "Books that somebody edited since are kept" in screen_text(app)
        await pilot.press("enter")  # the safe answer
        await wait_until(pilot, lambda: isinstance(app.screen, ImportsScreen))
        await pilot.press("u")
        await wait_until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await wait_until(pilot, lambda: "2 taken back, 1 kept, for they were edited since" in toasts(app), 20)
        assert titles(connection) == {book(2)[2]: "Mine"}
        await wait_until(pilot, lambda: cells(app, 0)[:2] == ["✓ done", "undo of x.csv"])
        await wait_until(pilot, lambda: cells(app, 1)[:2] == ["↶ undone", "x.csv"])
        await wait_until(pilot, lambda: "1 kept, for they were edited since: b shows them" in detail(app))
        assert not is_offered(app, "undo")
        await pilot.press("j")
        await wait_until(pilot, lambda: "undone" in detail(app) and " by " in detail(app).splitlines()[2])
        assert not is_offered(app, "undo")
        await pilot.press("b")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        await wait_until(pilot, lambda: "1 found   newest first   kept, from x.csv" in screen_text(app))
        await wait_until(pilot, lambda: cells(app, 0)[:2] == [book(2)[2], "Mine"])
    assert jobs.get(connection, job.id).undone_at


async def test_what_became_of_an_import_is_told(home: Path, connection: Connection) -> None:
    rows = [["T", "A", "439023483", ""], ["T", "", isbn13(1), ""]]
    text = written([HEADER, *rows, book(9)])
    job = import_text(connection, home / "x.csv", text, on_duplicate="update")
    repaired(connection, job)
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: cells(app, 0)[1:2] == ["repair of x.csv"])
        await wait_until(pilot, lambda: "; suggestions" in detail(app))
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
        await wait_until(pilot, lambda: "1 open of 2" in screen_text(app) and cells(app, 0)[:1] == ["3"])
        await pilot.press("escape", "j")
        await wait_until(pilot, lambda: "1 row repaired" in detail(app))
        assert "duplicates: update" in detail(app)
        await pilot.press("b")
        await wait_until(pilot, lambda: "2 found   newest first   only from x.csv" in screen_text(app))


async def test_a_forgotten_target(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", table(3))
    undo = undone(connection, job)
    connection.execute("DELETE FROM import_jobs WHERE id = %s", [job.id])
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: "3 taken back" in detail(app))
        await pilot.press("enter")
        await wait_until(pilot, lambda: "was forgotten" in toasts(app))
        await pilot.press("b")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
    assert jobs.get(connection, undo.id).target_job_id is None


def test_sparkline() -> None:
    assert sparkline([0, 50, 100]) == "▁▅█"
    assert sparkline([0, 0]) == "▁▁"


async def test_what_is_said_where_there_is_no_room(
    home: Path, connection: Connection, tmp_path: Path
) -> None:
    name = "goodreads_export_of_the_library.csv"
    job = import_text(connection, tmp_path / name, "title,author,isbn\nA,a,9780439785969\nB,b,1\n")
    connection.execute("UPDATE import_jobs SET filename = %s WHERE id = %s", [name, job.id])
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: cells(app, 0) != [])
        titles = {
            120: "state file progress rows errors speed or when",
            80: "state file rows errors speed or when",
            60: "state file errors speed or when",
        }
        for width, words in titles.items():
            await pilot.resize_terminal(width, 24)
            await wait_until(pilot, lambda words=words: header(app) == words)  # type: ignore[misc]
            line = next(line for line in screen_lines(app) if "✓ done" in line)
            assert "1 ✗" in line
            assert "just now" in line or "ago" in line
            assert name[: {120: 36, 80: 23, 60: 18}[width]] in line
            assert ("100 %" in line) == (width == 120)


def header(app: Dashboard) -> str:
    return next(" ".join(line.split()) for line in screen_lines(app) if line.split()[:2] == ["state", "file"])
