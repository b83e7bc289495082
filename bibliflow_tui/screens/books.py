"""The catalogue: find a book, see it, correct it, delete it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.timer import Timer

from bibliflow_tui import habits
from bibliflow_tui.key_names import key_of
from bibliflow_tui.live import AWAY, DatabaseChanged, JobsChanged
from bibliflow_tui.screens.confirm import ConfirmScreen
from bibliflow_tui.screens.edit_book import EditBook
from bibliflow_tui.screens.place import Place
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.book_detail import BookDetail
from bibliflow_tui.widgets.book_table import BookTable
from bibliflow_tui.widgets.books_title import BooksTitle, explain_empty
from bibliflow_tui.widgets.search_line import SearchLine
from daemon import book_actions
from daemon.book_actions import GoneError
from daemon.catalog import jobs
from daemon.catalog.book_search import BookQuery, Order
from daemon.catalog.books import Book
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError

LONGEST_TITLE = 100
"""Characters of a title in a question."""

CALM = 2.0
"""Seconds between two looks while imports go on: to count a million books costs them 0.1 s."""


@dataclass
class OriginFetched(Message):
    """The name of an import's file; None if the import is forgotten."""

    job_id: UUID
    filename: str | None


@dataclass
class BooksChanged(Message):
    """A book was deleted, here or elsewhere."""


class BooksScreen(Place):
    """The search above, what it found, and the book under the cursor."""

    MODE = "books"
    CSS_PATH = Path(__file__).parent.parent / "styles" / "books.tcss"
    AUTO_FOCUS = "BookTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "delete", "Delete", tooltip="Delete this book; asks first", id="books.delete"),
        Binding("slash", "search", "Find", tooltip="Look for a title, author or ISBN", id="books.search"),
        Binding("s", "sort", "Sort", tooltip="Newest first, by title, by author, by year", id="books.sort"),
        Binding(
            "i", "import", "Import", tooltip="Only the books of its import; again: all", id="books.import"
        ),
        Binding("y", "copy", "Copy", tooltip="Copy the ISBN", id="books.copy"),
        Binding("escape", "all", "All", tooltip="Show all books again", id="books.all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._to_show: BookQuery | None = None
        """What is looked for as soon as there is a table, in the usual order."""
        self._has_book = False
        """Whether there is one under the cursor."""
        self._origins: dict[UUID, str | None] = {}
        self._calm: Timer | None = None

    @property
    def _table(self) -> BookTable:
        return self.query_one(BookTable)

    @property
    def _query(self) -> BookQuery:
        return self._table.query_shown

    def compose_place(self) -> ComposeResult:
        """Search, what is listed, books, detail."""
        yield SearchLine(f"{key_of(self.app, 'books.search')} title, author or ISBN", id="books-search")
        yield BooksTitle(id="books-title")
        yield BookTable(id="books")
        yield BookDetail(id="book-detail")

    def on_mount(self) -> None:
        """List what was asked for before there was a table, or else as it was left the last time."""
        before = self.dashboard.habits.now
        order = habits.chosen(before.books_order, Order.NEWEST)
        self._look_for(replace(self._to_show or BookQuery(before.books_text), order=order))

    # What is listed.

    def show_import(self, job: Job) -> None:
        """List the books that ``job`` added."""
        self._show_only(job, BookQuery(import_job_id=job.id))

    def show_kept(self, job: Job) -> None:
        """List the books that the undo of ``job`` left, as somebody had edited them."""
        self._show_only(job, BookQuery(kept_of_id=job.id))

    def _show_only(self, job: Job, query: BookQuery) -> None:
        self._origins[job.id] = job.filename
        if self.is_mounted:
            self._look_for(replace(query, order=self._query.order))
        else:
            self._to_show = query

    def _look_for(self, query: BookQuery) -> None:
        line = self.query_one(SearchLine)
        if line.value.strip() != query.text:
            line.show(query.text)
        self._table.look_for(query)
        self.dashboard.remember(books_text=query.text, books_order=query.order)

    @on(BooksChanged)
    def look_again(self) -> None:
        """Books may have come or gone."""
        self._calm = None
        self._table.look_again()

    @on(JobsChanged)
    def _wait_for_calm(self, event: JobsChanged) -> None:
        if event.ids and self._calm is None:
            self._calm = self.set_timer(CALM, self.look_again)

    @on(DatabaseChanged)
    def _begin_again(self, event: DatabaseChanged) -> None:
        if event.error is None:
            self.look_again()

    @on(BookTable.SearchMoved)
    def _show_title(self) -> None:
        table = self._table
        table.empty_text = explain_empty(table.query_shown, partial(key_of, self.app))
        query = table.query_shown
        origin = self._origin(query.import_job_id or query.kept_of_id)
        self.query_one(BooksTitle).show(query, table.state, table.count, origin)
        self.refresh_bindings()

    # The book under the cursor.

    @on(BookTable.RowHighlighted)
    def _show_detail(self) -> None:
        book = self._table.book
        job_id = book.import_job_id if book else None
        if job_id and job_id not in self._origins:
            self._fetch_origin(job_id)
        self.query_one(BookDetail).show(book, self._origin(job_id))
        if self._has_book != (book is not None):
            self._has_book = book is not None
            self.refresh_bindings()

    def _origin(self, job_id: UUID | None) -> str:
        if job_id is None:
            return "by no import"
        if job_id not in self._origins:
            return "from an import"
        return f"from {self._origins[job_id] or 'an import that is forgotten'}"

    @work(thread=True, group="books-origin", exit_on_error=False)
    def _fetch_origin(self, job_id: UUID) -> None:
        try:
            job = self.dashboard.ask(lambda connection: jobs.get(connection, job_id))
        except NoSuchJobError:
            self.post_message(OriginFetched(job_id, None))
        else:
            if job is not None:
                self.post_message(OriginFetched(job_id, job.filename))

    @on(OriginFetched)
    def _keep_origin(self, event: OriginFetched) -> None:
        self._origins[event.job_id] = event.filename
        self._show_detail()
        self._show_title()

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers what makes sense for the book under the cursor and for what is listed."""
        match action:
            case "delete" | "copy":
                return self._has_book
            case "import":
                return self._has_book or self._query.import_job_id is not None
            case "all":
                return self._query.is_filtered
        return True

    def action_search(self) -> None:
        """Focus the search line."""
        self.set_focus(self.query_one(SearchLine))

    @on(SearchLine.Sought)
    def _seek(self, event: SearchLine.Sought) -> None:
        if event.text != self._query.text:
            self._look_for(replace(self._query, text=event.text))

    def action_all(self) -> None:
        """List all books."""
        self._look_for(BookQuery(order=self._query.order))

    def action_sort(self) -> None:
        """List them in the next order."""
        orders = list(Order)
        following = orders[(orders.index(self._query.order) + 1) % len(orders)]
        self._look_for(replace(self._query, order=following))

    def action_import(self) -> None:
        """List the books of this one's import, or no longer only those."""
        book = self._table.book
        if self._query.import_job_id:
            self._look_for(replace(self._query, import_job_id=None))
        elif book and book.import_job_id:
            self._look_for(replace(self._query, import_job_id=book.import_job_id))
        elif book:
            self.dashboard.toast("This book came by no import", "warning")

    def action_copy(self) -> None:
        """Hand the ISBN to the terminal's clipboard."""
        if book := self._table.book:
            self.app.copy_to_clipboard(book.isbn)
            self.dashboard.toast(f"Copied {book.isbn}")

    @on(BookTable.RowSelected)
    def _edit(self) -> None:
        if book := self._table.book:
            self.app.push_screen(EditBook(book), self._show_edited)

    def _show_edited(self, book: Book | None) -> None:
        if book is not None:
            self._table.show_changed(book)
            self.dashboard.toast("Saved")

    def action_delete(self) -> None:
        """Delete the book, if the user says yes."""
        if book := self._table.book:
            title = safe_text(book.title, "bold", limit=LONGEST_TITLE)
            question = Content.assemble("Delete ", title, " from the catalogue?")

            def answered(yes: bool | None) -> None:
                if yes:
                    self._delete(book)

            self.app.push_screen(ConfirmScreen(question), answered)

    @work(thread=True, group="books-delete", exit_on_error=False)
    def _delete(self, book: Book) -> None:
        try:
            deleted = self.dashboard.ask(lambda connection: book_actions.delete(connection, book))
        except GoneError as error:
            self.dashboard.toast(str(error), "warning")
        else:
            if deleted is None:
                self.dashboard.toast(f"{AWAY}; see when it is back whether the book is deleted", "error")
                return
            self.dashboard.toast(f"Deleted: {book.title}")
        self.post_message(BooksChanged())
