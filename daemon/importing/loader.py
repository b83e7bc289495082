"""One chunk into the catalogue: books, row errors and checkpoint in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from daemon.catalog import books, job_progress, row_errors
from daemon.catalog.books import NewBook
from daemon.catalog.copying import EncodedRows
from daemon.catalog.database import Connection
from daemon.catalog.jobs import Counts
from daemon.catalog.row_errors import Problem
from daemon.importing.candidates import Candidates
from daemon.importing.chunk import Chunk
from daemon.importing.dialect import Dialect
from daemon.importing.rules import DUPLICATE
from daemon.settings import DuplicatePolicy

REMEMBER_DUPLICATES = 8
"""Chunks for which a chunk with known ISBNs makes the loader expect more of them. A COPY that meets one
is lost work; asking for every ISBN first takes half of a COPY's time."""


class JobWithdrawnError(Exception):
    """The job was cancelled or deleted meanwhile; its chunk was not stored."""


class Stored(NamedTuple):
    """What became of candidates."""

    success: int
    """Books added or changed."""
    skipped: int
    duplicates: list[tuple[int, Problem]]
    """Those that are row errors, as their ISBNs are there already."""


class Loader:
    """Loads the chunks of one job through one connection, the one that holds the job's lock."""

    def __init__(
        self, connection: Connection, job_id: UUID, dialect: Dialect, policy: DuplicatePolicy
    ) -> None:
        self._connection = connection
        self._job_id = job_id
        self._dialect = dialect
        self._policy = policy
        self._expect_duplicates = 0

    @property
    def expects_duplicates(self) -> bool:
        """Whether ISBNs of late were in the catalogue already."""
        return self._expect_duplicates > 0

    def load(self, chunk: Chunk) -> Counts:
        """Store ``chunk`` and advance the checkpoint, or change nothing.

        Raises :class:`JobWithdrawnError` if the job is no longer being processed.
        """
        with self._connection.transaction():
            counts, duplicates = self._store(chunk)
            codes = Counter({DUPLICATE: counts.error} if counts.error else {})
            codes.update(chunk.codes)
            counts += Counts(error=chunk.error_count, skipped=chunk.skipped)
            if not job_progress.checkpoint(self._connection, self._job_id, counts, chunk.bytes_read, codes):
                raise JobWithdrawnError
            if counts.error:
                row_errors.copy(self._connection, [chunk.errors, *duplicates])
        return counts

    def _store(self, chunk: Chunk) -> tuple[Counts, list[bytes]]:
        """Store the books; what became of their rows, and the errors that some of them are, encoded."""
        if self._policy == "update":
            stored = self._update(chunk.updates)
            return Counts(stored.success, 0, stored.skipped), []
        known = self._add(chunk.books)
        success = len(chunk.books) - len(known)
        if self._policy == "skip" or not known:
            return Counts(success, 0, len(known)), []
        if chunk.duplicates is not None:
            return Counts(success, len(known)), [chunk.duplicates.only(known).data]
        duplicates = chunk.origins.having(known)
        return Counts(success, len(known)), duplicates.encode_duplicates(self._job_id, self._dialect)

    def store(self, candidates: Candidates) -> Stored:
        """Make books of ``candidates`` as the policy for duplicates says; to be called in a transaction."""
        if self._policy == "update":
            return self._update(candidates.in_order().books())
        first, repeated = candidates.first_of_each()
        known = self._add(books.encode(self._job_id, first.books()))
        there = first.where([isbn in known for isbn in first.isbns])
        success = len(first) - len(there)
        others = there.as_duplicates() + repeated.as_duplicates()
        return Stored(success, len(others), []) if self._policy == "skip" else Stored(success, 0, others)

    def _add(self, new: EncodedRows) -> set[str]:
        """Add those of ``new`` that the catalogue lacks; the ISBNs of the others."""
        known: set[str] = set()
        if self._expect_duplicates and new:
            known = books.existing(self._connection, new.keys)
            self._expect_duplicates -= 1
        missing = new.only(set(new.keys) - known) if known else new
        # False if there is one after all, perhaps as another import stored it in this moment.
        while missing and not books.copy(self._connection, missing):
            known |= books.existing(self._connection, missing.keys)
            missing = new.only(set(new.keys) - known)
        if known:
            self._expect_duplicates = REMEMBER_DUPLICATES
        return known

    def _update(self, wanted: Sequence[NewBook]) -> Stored:
        """Policy "update": the last row with an ISBN wins; a row that changes nothing is skipped.

        Rows are taken one after another, in the order of the file, against what the catalogue would hold by
        then, so that the counts do not depend on where chunks begin.
        """
        while True:
            known = books.lock_existing(self._connection, {book.isbn for book in wanted})
            state = dict(known)
            changed = 0
            for book in wanted:
                if state.get(book.isbn) != book:
                    state[book.isbn] = book
                    changed += 1
            new = [book for isbn, book in state.items() if isbn not in known]
            # False if another import stored one of these ISBNs in this moment: look again.
            if not new or books.copy(self._connection, books.encode(self._job_id, new)):
                break
        books.update_all(
            self._connection, [book for isbn, book in state.items() if isbn in known and book != known[isbn]]
        )
        return Stored(changed, len(wanted) - changed, [])
