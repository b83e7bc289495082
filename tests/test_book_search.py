"""Books page by page: the same as a plain ORDER BY, from whichever end."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from daemon import book_actions, isbn, settings
from daemon.book_actions import EditError, GoneError
from daemon.catalog import books
from daemon.catalog.book_search import BookQuery, Listing, Order
from daemon.catalog.books import Book, NewBook
from daemon.catalog.database import Connection, Database
from daemon.catalog.ids import uuid7
from daemon.catalog.keyset import Step
from tests.files import isbn13

SIZE = 130
TITLES = [
    "The river",
    "the River",
    "A 100% river_bed",
    "Été",
    "été\\",
    "Zebra",
    "apple",
    "日本語",
    "x" * 2000,
]
AUTHORS = ["Ann Smith", "ann smith", "Émile", "émile", "O'Hara %", "_"]
TEXTS = ["", "river", "RIVER", "ÉTÉ", "100%", "_", "\\", "ann", "语", "é", isbn13(7), "nowhere"]

ORDER_BY = {
    Order.NEWEST: lambda book: -book.id.int,
    Order.TITLE: lambda book: (book.title.lower().encode(), book.id),
    Order.AUTHOR: lambda book: (book.author.lower().encode(), book.id),
    Order.YEAR: lambda book: (-(book.publication_year or 0), -book.id.int),
}
"""The server's collation is that of code points, which is that of UTF-8."""


def stored(connection: Connection, job: UUID, numbers: range) -> None:
    chance = random.Random(numbers.start)
    new = [
        NewBook(
            chance.choice(TITLES),
            chance.choice(AUTHORS),
            isbn13(number),
            chance.choice([None, 1999, 2000, 2024]),
        )
        for number in numbers
    ]
    assert books.copy(connection, books.encode(job, new))


def expected(connection: Connection, query: BookQuery) -> list[Book]:
    text, number = query.text.lower(), isbn.recognise(query.text)
    return sorted(
        (
            book
            for book in books.search(connection)
            if (query.import_job_id in (None, book.import_job_id))
            and (book.isbn == number if number else text in book.title.lower() or text in book.author.lower())
        ),
        key=ORDER_BY[query.order],
    )


@pytest.fixture
def jobs(connection: Connection) -> list[UUID]:
    """Two imports that brought books in turns."""
    now = uuid7().int
    ids = [UUID(int=now - (2 << 80)), UUID(int=now - (1 << 80))]  # one and two milliseconds ago
    for start in range(0, SIZE, 13):
        stored(connection, ids[start % 2], range(start, start + 13))
    return ids


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("backwards", [False, True])
def test_every_list_is_what_a_plain_order_by_says(
    connection: Connection, jobs: list[UUID], order: Order, backwards: bool
) -> None:
    seen = 0
    for text in TEXTS:
        for job in (None, *jobs):
            query = BookQuery(text, job, order)
            wanted = expected(connection, query)
            listing, total = Listing(query), len(wanted)
            assert listing.count(connection) == total
            offsets = sorted(range(0, total, 7), reverse=backwards)
            pages = {
                offset: listing.page(connection, offset=offset, limit=7, total=total) for offset in offsets
            }
            assert [book for offset in sorted(offsets) for book in pages[offset]] == wanted
            seen += total
    assert seen > SIZE


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.sampled_from(Order),
    text=st.sampled_from(TEXTS),
    knows_total=st.booleans(),
    jumps=st.lists(st.tuples(st.integers(0, SIZE), st.integers(1, 30)), min_size=1, max_size=12),
)
def test_pages_in_any_sequence_are_slices_of_the_list(
    connection: Connection,
    jobs: list[UUID],
    order: Order,
    text: str,
    knows_total: bool,
    jumps: list[tuple[int, int]],
) -> None:
    query = BookQuery(text, order=order)
    wanted = expected(connection, query)
    listing = Listing(query)
    for offset, limit in jumps:
        total = len(wanted) if knows_total else None
        page = listing.page(connection, offset=offset, limit=limit, total=total)
        assert page == wanted[offset : offset + limit]


def test_a_text_is_found_beyond_the_books_that_are_looked_at_first(
    connection: Connection, jobs: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.catalog.book_search.NEAR", 10)
    query = BookQuery("river")
    wanted = expected(connection, query)
    assert len(wanted) > 20
    for limit in (1, 3, 20):
        listing = Listing(query)
        found: list[Book] = []
        while page := listing.page(connection, offset=len(found), limit=limit):
            found += page
        assert found == wanted


@pytest.mark.parametrize("order", Order)
def test_no_page_beside_a_known_one_reads_what_lies_between(connection: Connection, order: Order) -> None:
    """The end, and what is next to a page that was fetched, need no OFFSET."""
    stored(connection, uuid7(), range(SIZE))
    listing = Listing(BookQuery(order=order))
    skips: list[int] = []
    fetch = listing._fetch

    def counted(connection: Connection, step: Step[Book]) -> list[Book]:
        skips.append(step.offset)
        return fetch(connection, step)

    listing._fetch = counted  # type: ignore[method-assign]
    for offset in (0, 10, 20, 120, 110, 100, 30, 90):
        listing.page(connection, offset=offset, limit=10, total=SIZE)
    assert skips == [0] * 8


@pytest.mark.parametrize("written", ["0-439-78596-0", "0439785960", "978-0-439-78596-9", "9780439785969"])
def test_an_isbn_is_found_however_it_is_written(connection: Connection, written: str) -> None:
    job = uuid7()
    assert books.copy(connection, books.encode(job, [NewBook("T", "A", "9780439785969", 2006)]))
    stored(connection, job, range(5))
    found = Listing(BookQuery(written)).page(connection, offset=0, limit=10)
    assert [book.isbn for book in found] == ["9780439785969"]


@pytest.fixture
def second(home: object) -> Iterator[Connection]:
    with Database(*settings.load()) as database, database.connect() as opened:
        yield opened


def test_a_search_that_is_called_off_ends_and_its_connection_goes_on(
    connection: Connection, second: Connection
) -> None:
    listing = Listing(BookQuery(order=Order.TITLE))
    stored(second, uuid7(), range(20))
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            listing.page(connection, offset=0, limit=10)
        except psycopg.OperationalError as error:
            errors.append(error)

    with second.transaction():
        second.execute("LOCK TABLE books")  # so that it takes for ever
        asking = threading.Thread(target=ask)
        asking.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        while second.execute(waiting, [connection.info.backend_pid]).fetchone() == (0,):
            second.execute("SELECT pg_stat_clear_snapshot()")
        listing.call_off()
        asking.join(10)
        assert not asking.is_alive()
    assert [type(error) for error in errors] == [psycopg.errors.QueryCanceled]
    assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.errors.QueryCanceled):
        listing.count(connection)
    assert Listing(listing.query).count(connection) == 20


def test_a_book_is_edited_by_the_rules_of_an_import(connection: Connection) -> None:
    stored(connection, uuid7(), range(2))
    newest, other = books.search(connection)
    with pytest.raises(EditError) as refused:
        book_actions.edit(connection, newest, {"title": " ", "publication_year": "3021"}, "format")
    assert [(problem.field, problem.code) for problem in refused.value.problems] == [
        ("title", "missing_field"),
        ("publication_year", "year_range"),
    ]
    with pytest.raises(EditError, match=f"Duplicate ISBN: {other.isbn}"):
        book_actions.edit(connection, newest, {"isbn": other.isbn, "title": "New"}, "format")
    assert list(books.search(connection)) == [newest, other]
    edited = book_actions.edit(
        connection, newest, {"isbn": "0-439-78596-0", "publication_year": ""}, "checksum"
    )
    assert (edited.isbn, edited.publication_year, edited.title) == ("9780439785969", None, newest.title)
    assert edited.updated_at > newest.updated_at == newest.created_at
    assert list(books.search(connection)) == [edited, other]


def test_an_isbn_from_before_a_stricter_setting_hinders_no_edit(connection: Connection) -> None:
    assert books.copy(connection, books.encode(uuid7(), [NewBook("T", "A", "9780439785960", 2006)]))
    (book,) = books.search(connection)
    assert book_actions.edit(connection, book, {"title": "New"}, "checksum").title == "New"
    with pytest.raises(EditError, match="check digit"):
        book_actions.edit(connection, book, {"isbn": "9780439785961"}, "checksum")


def test_a_book_that_is_gone_is_said_to_be(connection: Connection) -> None:
    stored(connection, uuid7(), range(2))
    newest, other = books.search(connection)
    book_actions.delete(connection, newest)
    assert list(books.search(connection)) == [other]
    with pytest.raises(GoneError):
        book_actions.delete(connection, newest)
    with pytest.raises(GoneError):
        book_actions.edit(connection, newest, {"title": "New"}, "format")
