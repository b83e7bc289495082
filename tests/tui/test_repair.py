"""Rejected rows repaired one by one in the dashboard, and taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from bibliflow_tui.app import Dashboard
from bibliflow_tui.row_actions import Following, Repaired
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.repair_row import Answer, RepairRow
from bibliflow_tui.widgets.error_table import ErrorTable
from daemon import followups
from daemon.catalog import books, jobs, row_errors
from daemon.catalog.database import Connection, DatabaseError
from daemon.catalog.job import Job
from daemon.catalog.storable import storable
from tests.files import HEADER, book, isbn13, written
from tests.hostile import HOSTILE, assert_screen_is_clean
from tests.imports import import_text, titles
from tests.tui.running import cells, screen_text, toasts
from tests.tui.test_errors import errors_of
from tests.tui.waiting import wait_until

ROWS = [
    ["Hunger", "Collins", "439023483", "2008"],
    ["Nobody's", "", isbn13(1), "c1999"],
    ["Never", "Z", isbn13(2), "-5"],
    ["Twice", "A", isbn13(3), ""],
    ["Once", "A", isbn13(3), ""],
]


@asynccontextmanager
async def repairing(job: Job) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    """The first of the job's rejected rows is to be repaired."""
    async with errors_of(job) as (app, pilot):
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, RepairRow))
        await wait_until(pilot, lambda: app.focused is not None)
        yield app, pilot


def typed(app: Dashboard, field: str) -> str:
    return app.screen.query_one(f"#edit-{field}", Input).value


def fill(app: Dashboard, field: str, text: str) -> None:
    """As if that was typed, and quicker."""
    app.screen.query_one(f"#edit-{field}", Input).value = text


def problem(app: Dashboard, field: str) -> str:
    return str(app.screen.query_one(f"#problem-{field}", Static).render())


def said(app: Dashboard) -> str:
    return str(app.screen.query_one("#repair-said", Static).render())


def shown(app: Dashboard, title: str) -> Callable[[], bool]:
    return lambda: typed(app, "title") == title


def once(failure: Exception, action: Callable[..., Any]) -> Callable[..., Any]:
    """``action``, but the first call fails."""
    failures = [failure]

    def act(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return action(*arguments, **options)

    return act


async def test_rows_are_repaired_one_after_the_other(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with repairing(job) as (app, pilot):
        assert "Repair row 2 of x.csv   4 open" in screen_text(app)
        assert app.focused is app.screen.query_one("#edit-isbn")
        assert "lost leading zeros" in problem(app, "isbn")
        assert "probably 0439023483" in problem(app, "isbn")
        await pilot.press("ctrl+t")
        await wait_until(pilot, lambda: problem(app, "isbn") == "")
        await pilot.press("ctrl+s")
        await wait_until(pilot, shown(app, "Nobody's"))
        assert said(app) == "✓ Row 2 repaired · ctrl+z takes it back"
        assert app.focused is app.screen.query_one("#edit-author")
        await pilot.press("X", "ctrl+s")  # the year is wrong still: the cursor goes there
        assert app.focused is app.screen.query_one("#edit-publication_year")
        fill(app, "publication_year", "1999")
        await pilot.press("ctrl+s")
        await wait_until(pilot, shown(app, "Never"))
        await pilot.press("ctrl+n")
        # Its ISBN is there already: what the catalogue said of it then is shown until it is changed.
        await wait_until(pilot, shown(app, "Once"))
        assert problem(app, "isbn") == f"✗ Duplicate ISBN: {isbn13(3)}"
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: app.screen._edit._refused[1])  # type: ignore[attr-defined]
        assert problem(app, "isbn") == f"✗ Duplicate ISBN: {isbn13(3)}"
        fill(app, "isbn", isbn13(4))
        await wait_until(pilot, lambda: problem(app, "isbn") == "")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: "That was the last of these rows; 1 left as they are" in said(app))
        assert titles(connection).keys() == {isbn13(n) for n in (1, 3, 4)} | {"9780439023481"}
        assert jobs.get(connection, job.id).open_error_count == 1
        await pilot.press("ctrl+z")
        await wait_until(pilot, shown(app, "Once"))
        assert typed(app, "isbn") == isbn13(4)
        assert isbn13(4) not in titles(connection)
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
        await wait_until(pilot, lambda: [cells(app, row)[:1] for row in (0, 1)] == [["4"], ["6"]])


async def test_nothing_is_lost_while_the_database_is_away(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    lost = DatabaseError("lost")
    async with repairing(job) as (app, pilot):
        await pilot.press("ctrl+t")
        monkeypatch.setattr(followups, "repair_row", once(lost, followups.repair_row))
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: "out of reach; row 2 is not saved" in said(app))
        assert typed(app, "isbn") == "0439023483"
        await pilot.press("ctrl+s")
        await wait_until(pilot, shown(app, "Nobody's"))
        monkeypatch.setattr(followups, "undo_row", once(lost, followups.undo_row))
        await pilot.press("ctrl+z")
        await wait_until(pilot, lambda: "out of reach; the row is not taken back" in said(app))
        await pilot.press("ctrl+z")
        await wait_until(pilot, shown(app, "Hunger"))
        assert jobs.get(connection, job.id).open_error_count == 4
        # It was saved, but the word of it was lost.
        saved = followups.repair_row(connection, job, error(connection, job, 2), {"isbn": "0439023483"})
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: said(app) == "Row 2 was repaired already")
        await wait_until(pilot, shown(app, "Nobody's"))
        assert saved.isbn in titles(connection)


def error(connection: Connection, job: Job, row: int) -> row_errors.RowError:
    return next(error for error in row_errors.stream(connection, job.id) if error.row_number == row)


async def test_stale_answers_are_dropped(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with repairing(job) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, RepairRow)
        other = error(connection, job, 4)
        screen.post_message(Answer(screen._number - 1, Following(other)))
        screen.post_message(Answer(screen._number - 1, Repaired(problems=other.as_problems())))
        await pilot.pause()
        assert typed(app, "title") == "Hunger"
        assert "Invalid publication year" not in problem(app, "publication_year")


async def test_hostile_values_are_shown_and_kept_as_they_are(home: Path, connection: Connection) -> None:
    hostile = {name: storable(text) for name, text in HOSTILE.items() if len(text) < 2000}
    rows = [[text, text, "bad", text[:50]] for text in hostile.values()]
    kept = "\x1b[2J[/]\u202ea"
    job = import_text(connection, home / "list.csv", written([HEADER, [kept, "A", "bad", ""], *rows]))
    async with repairing(job) as (app, pilot):
        assert "invisible characters" in problem(app, "title")
        fill(app, "isbn", isbn13(7))
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: said(app).startswith("✓ Row 2"))
        for _ in rows:
            number = app.screen._number  # type: ignore[attr-defined]
            assert_screen_is_clean(app)
            await pilot.press("ctrl+n")
            await wait_until(pilot, lambda: not app.screen._is_waiting and app.screen._number > number)  # type: ignore[attr-defined]  # noqa: B023
        await wait_until(pilot, lambda: "That was the last" in said(app))
        assert titles(connection) == {isbn13(7): kept}


async def test_a_suggestion_is_taken_and_taken_back_in_the_list(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS]))
    async with errors_of(job) as (app, pilot):
        table = app.screen.query_one(ErrorTable)
        await pilot.press("j", "j", "s")
        await wait_until(pilot, lambda: "Nothing is suggested for row 4" in toasts(app))
        await pilot.press("k", "s")
        await wait_until(pilot, lambda: "Not as suggested, row 3" in toasts(app))
        await pilot.press("g", "s")
        await wait_until(pilot, lambda: "Row 2 repaired · z takes it back" in toasts(app))
        await wait_until(pilot, lambda: table.total == 3 and cells(app, 0)[:1] == ["3"])
        assert "9780439023481" in titles(connection)
        await pilot.press("o")
        await wait_until(pilot, lambda: table.total == 4 and cells(app, 0)[:1] == ["2"])
        assert cells(app, 0)[1].startswith("✓ repaired: Invalid ISBN")
        await wait_until(pilot, lambda: "isbn 439023483 → 0439023483" in screen_text(app))
        assert "3 open of 4   repaired ones too" in screen_text(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "Row 2 is in already" in toasts(app))
        await pilot.press("z")
        await wait_until(pilot, lambda: "4 open of 4" in screen_text(app))
        await wait_until(pilot, lambda: "; taken back " in screen_text(app))
        assert "9780439023481" not in titles(connection)


async def test_a_book_that_was_edited_since_stays(home: Path, connection: Connection) -> None:
    job = import_text(connection, home / "list.csv", written([HEADER, *ROWS, book(9)]))
    async with errors_of(job) as (app, pilot):
        await pilot.press("s")
        await wait_until(pilot, lambda: "Row 2 repaired" in toasts(app))
        found = next(books.search(connection, isbn="9780439023481"))
        books.update_one(connection, found.id, {"title": "Mine"})
        await pilot.press("z")
        await wait_until(pilot, lambda: "The row stays: its book was edited" in toasts(app))
        assert titles(connection)["9780439023481"] == "Mine"
