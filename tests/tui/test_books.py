"""The books in the dashboard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from bibliflow_tui.app import Dashboard
from bibliflow_tui.live import DatabaseChanged, JobsChanged
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.screens.confirm import ConfirmScreen
from bibliflow_tui.screens.edit_book import EditBook
from bibliflow_tui.text import visible
from bibliflow_tui.widgets.book_detail import BookDetail
from bibliflow_tui.widgets.book_table import BookTable
from bibliflow_tui.widgets.books_title import BooksTitle
from bibliflow_tui.widgets.search_line import SearchLine
from daemon.catalog import books, jobs
from daemon.catalog.book_search import BookQuery, Listing
from daemon.catalog.books import Book, NewBook
from daemon.catalog.database import Connection, DatabaseError
from daemon.catalog.job import Job
from tests.files import isbn13
from tests.hostile import screen_lines
from tests.imports import new_job
from tests.tui.running import cells, dashboard
from tests.tui.waiting import wait_until

POTTER = NewBook("Harry Potter", "J.K. Rowling", "9780439785969", 2006)
DUNE = NewBook("Dune", "Frank Herbert", "9780441013593", 1965)
EMMA = NewBook("emma", "Jane Austen", "9780141439587", None)


def import_of(connection: Connection, *new: NewBook) -> Job:
    """A job that brought these, the last of them the newest."""
    job = new_job(connection)
    for book in new:
        let_the_clock_tick()
        assert books.copy(connection, books.encode(job.id, [book]))
    return job


def let_the_clock_tick() -> None:
    """Identifiers of the same millisecond come in no order."""
    before = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == before:
        pass


def stored(connection: Connection) -> list[tuple[str, str, str, int | None]]:
    return sorted(
        (book.isbn, book.title, book.author, book.publication_year) for book in books.search(connection)
    )


def isbns(app: Dashboard) -> list[str]:
    table = app.screen.query_one(BookTable)
    return [cells(app, row)[0] for row in range(table.total) if table.row_at(row)]


def title(app: Dashboard) -> str:
    return str(app.screen.query_one(BooksTitle).render())


def detail(app: Dashboard) -> str:
    return str(app.screen.query_one(BookDetail).render())


def problem(app: Dashboard, field: str) -> str:
    return str(app.screen.query_one(f"#problem-{field}", Static).render())


def toasts(app: Dashboard) -> list[str]:
    return [notification.message for notification in app._notifications]


async def go_to_books(app: Dashboard, pilot: Pilot[None], count: str) -> None:
    await pilot.press("2")
    await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen) and title(app).startswith(count))
    table = app.screen.query_one(BookTable)
    await wait_until(pilot, lambda: not table.total or table.book is not None)


async def type_text(pilot: Pilot[None], text: str) -> None:
    for character in text:
        await pilot.press(character)


async def test_books_are_found_by_text_and_by_isbn(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, DUNE, POTTER)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "3 books")
        assert isbns(app) == [POTTER.isbn, DUNE.isbn, EMMA.isbn]
        assert cells(app, 0) == [POTTER.isbn, POTTER.title, POTTER.author, "2006"]
        line, table = app.screen.query_one(SearchLine), app.screen.query_one(BookTable)
        for text, found in {
            "HERBERT": [DUNE.isbn],
            "0-439-78596-0": [POTTER.isbn],
            "978-0-441-01359-3": [DUNE.isbn],
            "100%": [],
        }.items():
            await pilot.press("slash")
            await type_text(pilot, text)
            await wait_until(pilot, lambda: line.value == text and isbns(app) == found)  # noqa: B023
            await wait_until(pilot, lambda: title(app).startswith(f"{len(found)} found"))  # noqa: B023
            await pilot.press("down")
            assert app.focused is table
            await pilot.press("slash", "escape")
            await wait_until(pilot, lambda: app.focused is table and title(app).startswith("3 books"))
            assert line.value == ""


async def test_enter_looks_at_once_and_escape_in_the_list_shows_all(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_of(connection, EMMA, DUNE)
    monkeypatch.setattr("bibliflow_tui.widgets.search_line.DEBOUNCE", 1000)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        await pilot.press("slash", "d", "u", "n", "enter")
        await wait_until(pilot, lambda: isbns(app) == [DUNE.isbn])
        await pilot.press("escape")
        await wait_until(pilot, lambda: isbns(app) == [DUNE.isbn, EMMA.isbn])
        assert app.screen.query_one(SearchLine).value == ""


async def test_what_is_empty_says_what_to_do(home: Path, connection: Connection) -> None:
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "0 books")
        await wait_until(
            pilot, lambda: any("No books yet. Press 1, then a" in line for line in screen_lines(app))
        )
        await pilot.press("slash")
        await type_text(pilot, "[b]x")
        await wait_until(pilot, lambda: any("Nothing found for [b]x" in line for line in screen_lines(app)))
        await pilot.press("enter", "d", "y", "i", "e")  # nothing to do any of it with
        assert isinstance(app.screen, BooksScreen)


async def test_books_are_sorted_and_the_order_is_kept(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, POTTER, DUNE)
    orders = {
        "by title": [DUNE, EMMA, POTTER],
        "by author": [DUNE, POTTER, EMMA],
        "latest year first": [POTTER, DUNE, EMMA],
        "newest first": [DUNE, POTTER, EMMA],
    }
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "3 books   newest first")
        for word, wanted in orders.items():
            await pilot.press("s")
            await wait_until(pilot, lambda: title(app) == f"3 books   {word}")  # noqa: B023
            await wait_until(pilot, lambda: isbns(app) == [book.isbn for book in wanted])  # noqa: B023
        await pilot.press("s")
        await wait_until(pilot, lambda: title(app) == "3 books   by title")
        await pilot.press("1", "2")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        assert title(app) == "3 books   by title"


async def test_pages_on_both_ends(home: Path, connection: Connection) -> None:
    job = new_job(connection)
    new = [NewBook(f"Book {number}", "A", isbn13(number), 2000) for number in range(1234)]
    assert books.copy(connection, books.encode(job.id, new))
    newest_first = [book.isbn for book in books.search(connection)]
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "1,234 books")
        table = app.screen.query_one(BookTable)
        for key, row in (("end", 1233), ("home", 0), ("G", 1233), ("k", 1232), ("g", 0), ("j", 1)):
            await pilot.press(key)
            await wait_until(pilot, lambda: table.cursor_row == row and table.book is not None)  # noqa: B023
            assert table.book
            assert table.book.isbn == newest_first[row]
            await wait_until(pilot, lambda: table.book is not None and table.book.isbn in detail(app))


async def test_the_books_of_one_import(home: Path, connection: Connection) -> None:
    first, second = import_of(connection, EMMA, DUNE), import_of(connection, POTTER)
    connection.execute("UPDATE import_jobs SET filename = '[b]old.csv' WHERE id = %s", [first.id])
    connection.execute("DELETE FROM import_jobs WHERE id = %s", [second.id])
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "3 books")
        await wait_until(pilot, lambda: "from an import that is forgotten" in detail(app))
        await pilot.press("j")
        await wait_until(pilot, lambda: "from [b]old.csv" in detail(app))
        await pilot.press("i")
        await wait_until(pilot, lambda: title(app) == "2 found   newest first   only from [b]old.csv")
        assert isbns(app) == [DUNE.isbn, EMMA.isbn]
        await pilot.press("i")
        await wait_until(pilot, lambda: title(app) == "3 books   newest first")
        assert isinstance(app.screen, BooksScreen)
        await pilot.press("slash", "x", "enter")
        await wait_until(pilot, lambda: title(app).startswith("0 found"))
        app.screen.show_import(jobs.get(connection, first.id))
        await wait_until(pilot, lambda: title(app).startswith("2 found"))
        assert app.screen.query_one(SearchLine).value == ""


async def test_an_import_is_shown_before_the_place_was_ever_seen(home: Path, connection: Connection) -> None:
    job = import_of(connection, EMMA)
    import_of(connection, DUNE)
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: app.database_state is not None)
        await app.switch_mode("books")
        assert isinstance(app.screen, BooksScreen)
        app.screen.show_import(job)
        await wait_until(pilot, lambda: title(app) == "1 found   newest first   only from x.csv")
        await wait_until(pilot, lambda: isbns(app) == [EMMA.isbn])
    unseen = BooksScreen()
    unseen.show_import(job)
    assert unseen._to_show == BookQuery(import_job_id=job.id)


async def edit(app: Dashboard, pilot: Pilot[None], field: str, text: str) -> None:
    app.screen.query_one(f"#edit-{field}", Input).focus()
    await pilot.press("end", "ctrl+u")
    await type_text(pilot, text)


async def test_a_book_is_edited_once_it_is_right(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, DUNE)
    before = stored(connection)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        await pilot.press("e")
        await wait_until(pilot, lambda: isinstance(app.screen, EditBook))
        await edit(app, pilot, "publication_year", "3021")
        await wait_until(pilot, lambda: "Invalid publication year: 3021" in problem(app, "publication_year"))
        await edit(app, pilot, "title", " ")
        await wait_until(pilot, lambda: "Missing required field: title" in problem(app, "title"))
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.screen, EditBook)
        assert stored(connection) == before
        await edit(app, pilot, "publication_year", "1966")
        await edit(app, pilot, "title", "Dune!")
        await wait_until(pilot, lambda: problem(app, "publication_year") == problem(app, "title") == "")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        await wait_until(pilot, lambda: cells(app, 0) == [DUNE.isbn, "Dune!", DUNE.author, "1966"])
        await wait_until(pilot, lambda: "changed" in detail(app))
    (dune, _) = books.search(connection)
    assert (dune.title, dune.publication_year, dune.isbn) == ("Dune!", 1966, DUNE.isbn)
    assert dune.updated_at > dune.created_at


async def test_the_isbn_of_another_book_is_refused(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, DUNE)
    before = stored(connection)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, EditBook))
        await edit(app, pilot, "title", "New")
        await edit(app, pilot, "isbn", "978-0-14-143958-7")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: f"Duplicate ISBN: {EMMA.isbn}" in problem(app, "isbn"))
        assert stored(connection) == before
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
    assert stored(connection) == before


async def test_hidden_characters_of_an_unchanged_field_stay(home: Path, connection: Connection) -> None:
    hidden = "A\u200bB\x1b[2J"
    import_of(connection, NewBook(hidden, "Old", isbn13(1), None))
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "1 books")
        await pilot.press("e")
        await wait_until(pilot, lambda: isinstance(app.screen, EditBook))
        assert app.screen.query_one("#edit-title", Input).value == visible(hidden)
        assert "invisible characters" in problem(app, "title")
        await edit(app, pilot, "author", "New")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        await wait_until(pilot, lambda: cells(app, 0)[2:3] == ["New"])
    assert stored(connection) == [(isbn13(1), hidden, "New", None)]


@pytest.mark.parametrize("no", ["enter", "n", "escape"])
async def test_a_book_is_deleted_only_after_a_yes(home: Path, connection: Connection, no: str) -> None:
    import_of(connection, EMMA, DUNE)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        await pilot.press("d")
        await wait_until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("x", no)
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        await app.workers.wait_for_complete(
            worker for worker in app.workers if worker.group == "books-delete"
        )
        assert len(stored(connection)) == 2
        await pilot.press("d")
        await wait_until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await wait_until(pilot, lambda: title(app).startswith("1 books") and isbns(app) == [EMMA.isbn])
    assert [row[0] for row in stored(connection)] == [EMMA.isbn]


async def test_a_book_that_somebody_else_deleted(home: Path, connection: Connection) -> None:
    import_of(connection, EMMA, DUNE)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        await pilot.press("e")
        await wait_until(pilot, lambda: isinstance(app.screen, EditBook))
        connection.execute("DELETE FROM books WHERE isbn = %s", [DUNE.isbn])
        await edit(app, pilot, "title", "New")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: any("was deleted" in text for text in toasts(app)))
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen) and isbns(app) == [EMMA.isbn])


async def test_the_isbn_is_copied(home: Path, connection: Connection) -> None:
    import_of(connection, DUNE)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "1 books")
        await pilot.press("y")
        await wait_until(pilot, lambda: f"Copied {DUNE.isbn}" in toasts(app))
        assert app.clipboard == DUNE.isbn


async def test_a_late_answer_to_an_earlier_search_is_dropped(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_of(connection, EMMA, DUNE)
    arrives, is_back = threading.Event(), threading.Event()
    page = Listing.page
    # The answer is there before the search is called off, and only its way to the screen is long.

    def late(self: Listing, connection: Connection, **wanted: int | None) -> list[Book]:
        found = page(self, connection, **wanted)  # type: ignore[arg-type]
        if self.query.text == "emma":
            arrives.wait(20)
            is_back.set()
        return found

    monkeypatch.setattr(Listing, "page", late)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        await pilot.press("slash")
        await type_text(pilot, "emma")
        await pilot.press("enter")
        await wait_until(pilot, lambda: title(app).startswith("looking..."))
        await pilot.press("slash", "ctrl+u")
        await type_text(pilot, "dune")
        await pilot.press("enter")
        await wait_until(pilot, lambda: title(app).startswith("1 found") and isbns(app) == [DUNE.isbn])
        arrives.set()
        await wait_until(pilot, is_back.is_set)
        await app.workers.wait_for_complete(worker for worker in app.workers if worker.group == "books-find")
        await pilot.pause()
        assert title(app).startswith("1 found")
        assert isbns(app) == [DUNE.isbn]


async def test_an_outdated_search_is_ended_in_the_server(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_of(connection, DUNE)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "1 books")
        # A search for which the server would need its thirty seconds.
        monkeypatch.setattr(
            BookQuery,
            "_conditions",
            lambda self: (["(SELECT pg_sleep(25)) IS NOT NULL"] if self.text == "slow" else [], {}),
        )
        sleeping = (
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        await pilot.press("slash")
        await type_text(pilot, "slow")
        await pilot.press("enter")
        await wait_until(pilot, lambda: connection.execute(sleeping).fetchone() == (1,))
        await pilot.press("escape")
        await wait_until(pilot, lambda: connection.execute(sleeping).fetchone() == (0,))
        await wait_until(pilot, lambda: title(app).startswith("1 books"))


async def test_books_that_come_are_shown_and_the_cursor_stays_on_its_book(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bibliflow_tui.screens.books.CALM", 0.01)
    job = import_of(connection, EMMA, DUNE)
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        await pilot.press("j")
        table = app.screen.query_one(BookTable)
        await wait_until(pilot, lambda: table.book is not None and table.book.isbn == EMMA.isbn)
        assert books.copy(connection, books.encode(job.id, [POTTER]))
        app.screen.post_message(JobsChanged(frozenset({job.id})))
        await wait_until(pilot, lambda: isbns(app) == [POTTER.isbn, DUNE.isbn, EMMA.isbn])
        await wait_until(pilot, lambda: table.cursor_row == 2)


async def test_without_the_database_the_books_stay_and_the_search_comes_later(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_of(connection, EMMA, DUNE)
    is_away = threading.Event()

    def away(function: Callable[..., object]) -> Callable[..., object]:
        def asked(*arguments: object, **named: object) -> object:
            if is_away.is_set():
                raise DatabaseError("away")
            return function(*arguments, **named)

        return asked

    monkeypatch.setattr(Listing, "page", away(Listing.page))
    monkeypatch.setattr(books, "update_one", away(books.update_one))
    monkeypatch.setattr(books, "delete_one", away(books.delete_one))
    async with dashboard() as (app, pilot):
        await go_to_books(app, pilot, "2 books")
        is_away.set()
        await pilot.press("slash", "e", "m", "m", "enter")
        await wait_until(pilot, lambda: title(app).startswith("waiting for the database"))
        assert isbns(app) == [DUNE.isbn, EMMA.isbn]
        await pilot.press("e")
        await wait_until(pilot, lambda: isinstance(app.screen, EditBook))
        await edit(app, pilot, "title", "New")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: any("whether it is saved" in text for text in toasts(app)))
        assert isinstance(app.screen, EditBook)
        await pilot.press("escape", "d", "y")
        await wait_until(pilot, lambda: any("whether the book is deleted" in text for text in toasts(app)))
        is_away.clear()
        app.screen.post_message(DatabaseChanged(None))
        await wait_until(pilot, lambda: title(app).startswith("1 found") and isbns(app) == [EMMA.isbn])


def test_every_key_can_be_explained_and_bound_anew() -> None:
    bindings: Iterable[object] = [
        *BooksScreen.BINDINGS,
        *BookTable.BINDINGS,
        *SearchLine.BINDINGS,
        *EditBook.BINDINGS,
        *ConfirmScreen.BINDINGS,
    ]
    names = [getattr(binding, "id", None) for binding in bindings]
    assert None not in names
    assert len(set(names)) == len(names)
    assert all(getattr(binding, "tooltip", "") for binding in bindings)
