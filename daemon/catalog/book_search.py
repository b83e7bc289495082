"""``books`` looked through: what is sought, in which order, page by page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from daemon import isbn
from daemon.catalog import kept_books
from daemon.catalog.books import Book
from daemon.catalog.database import Connection
from daemon.catalog.keyset import Anchors, Sort, Step
from daemon.catalog.storable import storable
from daemon.catalog.text_search import like

LONGEST_SEARCH = "30s"
"""After this the server gives up: nobody waits that long for a page."""

NEAR = 20_000
"""Books among which a text is looked for first, in 10 ms: a word that many have fills a page from them."""

LONGEST_CANCEL = 1.0
"""Seconds to wait for the server to call a search off."""


class Order(StrEnum):
    """In which order books are listed; the value is its word for people."""

    NEWEST = "newest first"
    TITLE = "by title"
    AUTHOR = "by author"
    YEAR = "latest year first"


_SORTS: dict[Order, Sort[Book]] = {
    Order.NEWEST: Sort("books.id", descending=True),
    Order.TITLE: Sort("books.id", "lower(books.title)", "lower(%(key)s::text)", lambda book: book.title),
    Order.AUTHOR: Sort("books.id", "lower(books.author)", "lower(%(key)s::text)", lambda book: book.author),
    Order.YEAR: Sort(
        "books.id",
        "coalesce(books.publication_year, 0)",
        "coalesce(%(key)s::integer, 0)",
        lambda book: book.publication_year,
        descending=True,
    ),
}


@dataclass(frozen=True, slots=True)
class BookQuery:
    """Which books, in which order."""

    text: str = ""
    """An ISBN in any form; anything else is looked for in title and author, without regard to case."""
    import_job_id: UUID | None = None
    """Only those that this import added."""
    order: Order = Order.NEWEST
    kept_of_id: UUID | None = None
    """Only those that the undo of this job left, as somebody had edited them."""

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves any books out."""
        return bool(self.text or self.import_job_id or self.kept_of_id)

    def _conditions(self) -> tuple[list[str], dict[str, Any]]:
        conditions: list[str] = []
        values: dict[str, Any] = {}
        if (number := isbn.recognise(self.text)) is not None:
            conditions.append("books.isbn = %(isbn)s")
            values["isbn"] = number
        elif self.text:
            # Lowered once a book: two ILIKEs over a million take half as long again.
            conditions.append("lower(books.title || chr(10) || books.author) LIKE lower(%(pattern)s)")
            values["pattern"] = like(storable(self.text))
        if self.import_job_id:
            # They have UUIDv7 identifiers younger than their job's.
            conditions.append("books.id > %(job)s AND books.import_job_id = %(job)s")
            values["job"] = self.import_job_id
        if self.kept_of_id:
            conditions.append(f"books.id IN ({kept_books.IDS})")
            values |= kept_books.parameters(self.kept_of_id)
        return conditions, values


class Listing:
    """The books of one query, page by page, for many threads.

    No page next to an end, or to one that was fetched before, makes the server count its way through the
    books. Make a new one when books have come or gone.
    """

    def __init__(self, query: BookQuery) -> None:
        self.query = query
        self._lock = threading.Lock()
        self._anchors = Anchors[Book]()
        self._running: set[Connection] = set()
        self._is_called_off = False

    def count(self, connection: Connection) -> int:
        """How many books there are: reads them all."""
        conditions, values = self.query._conditions()
        with self._asking(connection):
            row = connection.execute(
                f"SELECT count(*) FROM books {_where(conditions)}",  # noqa: S608
                values,
                prepare=False,
            ).fetchone()
        return int(row[0]) if row else 0

    def page(
        self, connection: Connection, *, offset: int, limit: int, total: int | None = None
    ) -> list[Book]:
        """``limit`` books, beginning at the ``offset``-th; ``total`` is what :meth:`count` said."""
        return self._anchors.page(offset, limit, total, lambda step: self._fetch(connection, step))

    def _fetch(self, connection: Connection, step: Step[Book]) -> list[Book]:
        """The books that are ``step`` away."""
        anchor, backwards, skipped, limit = step
        sort = _SORTS[self.query.order]
        conditions, values = self.query._conditions()
        values |= {"skipped": skipped, "limit": limit, "near": NEAR}
        beyond = []
        if anchor:
            beyond = [sort.beyond(backwards=backwards)]
            values |= sort.parameters(anchor)
        by = f"ORDER BY {sort.by(backwards=backwards)}"
        sources = [f"books {_where(beyond + conditions)}"]
        if self.query.text and not sort.key:
            near = f"(SELECT * FROM books {_where(beyond)} {by} LIMIT %(near)s) AS books"  # noqa: S608
            sources.insert(0, f"{near} {_where(conditions)}")
        found: list[Book] = []
        with self._asking(connection), connection.cursor(row_factory=class_row(Book)) as cursor:
            for source in sources:
                # Identifiers first: those skipped are read from the index, those sorted are small.
                # Not prepared: one plan for all texts and limits is a bad one for most.
                cursor.execute(
                    "SELECT books.* FROM books"  # noqa: S608
                    f" JOIN (SELECT books.id FROM {source} {by} OFFSET %(skipped)s LIMIT %(limit)s) AS page"
                    f" USING (id) {by}",
                    values,
                    prepare=False,
                )
                found = cursor.fetchall()
                if len(found) == limit:
                    break
                if skipped < NEAR:
                    # The server takes short texts for frequent ones and would walk the index: 1 s, not 0.4 s.
                    connection.execute("SET LOCAL enable_indexscan = off")
        return found

    @contextmanager
    def _asking(self, connection: Connection) -> Iterator[None]:
        """Let :meth:`call_off` end what is asked, and no other statement on the connection."""
        with connection.transaction():
            # Compiling a statement takes longer than it saves here.
            connection.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true)",
                [LONGEST_SEARCH],
            )
            with self._lock:
                if self._is_called_off:
                    raise psycopg.errors.QueryCanceled("The search was called off")
                self._running.add(connection)
            try:
                yield
            finally:
                with self._lock:
                    self._running.discard(connection)

    def call_off(self) -> None:
        """End what is being asked in other threads, and ask nothing more: they get QueryCanceled.

        Waits for the server to take note, so that it cannot end what is asked next on those connections.
        """
        with self._lock:
            self._is_called_off = True
            for connection in self._running:
                with suppress(psycopg.Error):  # the server is away, and the question with it
                    connection.cancel_safe(timeout=LONGEST_CANCEL)


def _where(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""
