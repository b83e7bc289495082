"""The table of the books that a search finds."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message

from bibliflow_tui.widgets.columns import Column
from bibliflow_tui.widgets.virtual_table import PAGE, Row, VirtualTable
from daemon.catalog.book_search import BookQuery, Listing
from daemon.catalog.books import Book

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

COLUMNS = (
    Column("isbn", "ISBN", 13),
    Column("title", "title", "3fr"),
    Column("author", "author", "2fr"),
    Column("year", "year", 4, "right"),
)


class SearchState(Enum):
    """How far a search is."""

    LOST = "lost"
    """Nobody looks: not asked yet, or the catalogue was out of reach."""
    RUNNING = "running"
    FOUND = "found"
    """Its first page is there; how many there are may take longer."""


@dataclass
class Found(Message):
    """The first page of a search; None if the catalogue is out of reach."""

    number: int
    books: list[Book] | None


@dataclass
class Counted(Message):
    """How many books a search finds."""

    number: int
    count: int


@dataclass
class Recounted(Message):
    """How many it finds now, and the list of them."""

    number: int
    count: int
    listing: Listing


@dataclass
class PageFetched(Message):
    """Books that the table asked for; None if the catalogue is out of reach."""

    request: int
    offset: int
    found: list[Book] | None


@dataclass(frozen=True, kw_only=True)
class BookLine(Row):
    """A book as a line of the table."""

    book: Book


class BookTable(VirtualTable):
    """Looks for books, fetches its pages by itself, and posts `SearchMoved` as it goes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "select", "Edit", tooltip="Correct this book", id="books.edit"),
        Binding("enter", "select", "Edit", tooltip="Correct this book", id="books.open", show=False),
    ]

    @dataclass
    class SearchMoved(Message):
        """`state`, `count` or `query` are others now."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(COLUMNS, id=id)
        self.state = SearchState.LOST
        self.count: int | None = None
        """Of the books found; None until they are counted."""
        self._listing = Listing(BookQuery())
        self._number = 0
        """Of the latest search: answers to others are stale."""
        self._first_page: list[Book] = []
        """Until the table asks for it."""
        self._one_page = threading.Lock()
        """Pages are fetched in turns, so that each knows its neighbour and takes one connection of three."""

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def query_shown(self) -> BookQuery:
        """What is looked for."""
        return self._listing.query

    @property
    def book(self) -> Book | None:
        """The one under the cursor; None while it has not arrived."""
        line = self.row_at(self.cursor_row)
        return line.book if isinstance(line, BookLine) else None

    def show_changed(self, book: Book) -> None:
        """One of the books is like this now."""
        self.update_row(str(book.id), book_line(book))

    def on_unmount(self) -> None:
        """Leave no search behind."""
        self._listing.call_off()

    def look_for(self, query: BookQuery) -> None:
        """List other books, or the same ones in another order; until they come, the old ones stay."""
        self._number += 1
        outdated, self._listing = self._listing, Listing(query)
        self.state, self.count, self._first_page = SearchState.RUNNING, None, []
        self._find(self._number, outdated, self._listing)
        self.post_message(self.SearchMoved())

    @work(thread=True, group="books-find", exit_on_error=False)
    def _find(self, number: int, outdated: Listing, listing: Listing) -> None:
        outdated.call_off()
        first = self.dashboard.ask(lambda connection: listing.page(connection, offset=0, limit=PAGE))
        self.post_message(Found(number, first))
        if first is None:
            return
        count = len(first) if len(first) < PAGE else self.dashboard.ask(listing.count)
        if count is not None:
            self.post_message(Counted(number, count))

    @on(Found)
    def _show_found(self, event: Found) -> None:
        if event.number != self._number:
            return
        if event.books is None:
            self.state = SearchState.LOST
        else:
            self.state, self._first_page = SearchState.FOUND, event.books
            self.reset(len(event.books))
        self.post_message(self.SearchMoved())

    @on(Counted)
    def _show_count(self, event: Counted) -> None:
        if event.number == self._number:
            self.count = event.count
            self.set_total(event.count)
            self.post_message(self.SearchMoved())

    def look_again(self) -> None:
        """Books may have come, gone or changed."""
        if self.state is SearchState.LOST:
            self.look_for(self.query_shown)
        elif self.state is SearchState.FOUND:
            self._recount(self._number, Listing(self.query_shown))

    @work(thread=True, group="books-count", exit_on_error=False)
    def _recount(self, number: int, listing: Listing) -> None:
        if (count := self.dashboard.ask(listing.count)) is not None:
            self.post_message(Recounted(number, count, listing))

    @on(Recounted)
    def _refetch(self, event: Recounted) -> None:
        if event.number == self._number:
            self._listing, self.count, self._first_page = event.listing, event.count, []
            self.refetch(event.count)
            self.post_message(self.SearchMoved())

    @on(VirtualTable.PageWanted)
    def _want_page(self, event: VirtualTable.PageWanted) -> None:
        event.stop()
        first, self._first_page = self._first_page, []
        if first and event.offset == 0 and event.limit == len(first):
            self._provide(PageFetched(event.request, 0, first))
        else:
            self._fetch_page(self._listing, self.count, event.request, event.offset, event.limit)

    @work(thread=True, group="books-page", exit_on_error=False)
    def _fetch_page(self, listing: Listing, total: int | None, request: int, offset: int, limit: int) -> None:
        with self._one_page:
            if not self.waits_for(request, offset):
                return
            found = self.dashboard.ask(
                lambda connection: listing.page(connection, offset=offset, limit=limit, total=total)
            )
        self.post_message(PageFetched(request, offset, found))

    @on(PageFetched)
    def _provide(self, event: PageFetched) -> None:
        if event.found is None:
            self.lose(event.request, event.offset)
        else:
            self.provide(event.request, event.offset, [book_line(book) for book in event.found])


def book_line(book: Book) -> BookLine:
    """A book as a line of the table."""
    year = str(book.publication_year) if book.publication_year else ""
    return BookLine(str(book.id), [book.isbn, book.title, book.author, year], book=book)
