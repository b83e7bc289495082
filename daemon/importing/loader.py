"""One chunk into the catalogue: books, row errors and checkpoint in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from daemon.catalog import book_changes, books, job_progress, row_errors
from daemon.catalog.books import NewBook
from daemon.catalog.copying import EncodedRows
from daemon.catalog.database import Connection
from daemon.catalog.job import Counts
from daemon.catalog.row_errors import Problem
from daemon.catalog.row_repairs import Outcome
from daemon.importing.candidates import Candidates
from daemon.importing.chunk import Chunk
from daemon.importing.dialect import Dialect
from daemon.importing.rules import DUPLICATE
from daemon.values import CHANGING_POLICIES, DuplicatePolicy

REMEMBER_DUPLICATES = 8
"""Chunks for which a chunk with known ISBNs makes the loader expect more of them. A COPY that meets one
is lost work; asking for every ISBN first takes half of a COPY's time."""


class JobWithdrawnError(Exception):
    """The job was cancelled, deleted or taken up by somebody else meanwhile; its chunk was not stored."""


class Stored(NamedTuple):
    """What became of candidates."""

    outcomes: dict[int, Outcome]
    """By row number."""
    duplicates: list[tuple[int, Problem]]
    """Of the others: they are row errors, as their ISBNs are there already."""


@dataclass
class _Memory:
    """What a job's loaders have seen of late."""

    known: int = 0
    """Chunks for which ISBNs that are known already are expected."""


class Loader:
    """Loads the chunks of one job through one connection."""

    def __init__(
        self,
        connection: Connection,
        job_id: UUID,
        dialect: Dialect,
        policy: DuplicatePolicy,
        memory: _Memory | None = None,
    ) -> None:
        self.connection = connection
        self._job_id = job_id
        self._dialect = dialect
        self._policy = policy
        self._memory = memory or _Memory()

    def beside(self, connection: Connection) -> Loader:
        """One more for the same job, over another connection; each knows what the other saw."""
        return Loader(connection, self._job_id, self._dialect, self._policy, self._memory)

    @property
    def expects_duplicates(self) -> bool:
        """Whether ISBNs of late were in the catalogue already."""
        return self._memory.known > 0

    def load(self, chunk: Chunk, done: int, wait_for_turn: Callable[[], None] = lambda: None) -> Counts:
        """Store ``chunk`` behind the ``done`` rows before it and advance the checkpoint, or change nothing.

        Before the latter it calls ``wait_for_turn``, and passes on what that raises. Raises
        :class:`JobWithdrawnError` if the job is no longer being processed, or not from that checkpoint on.
        """
        with self.connection.transaction():
            counts, duplicates = self._store(chunk)
            codes = Counter({DUPLICATE: counts.error} if counts.error else {})
            codes.update(chunk.codes)
            counts += Counts(error=chunk.error_count, skipped=chunk.skipped)
            if counts.error:
                if not job_progress.hold(self.connection, self._job_id):
                    raise JobWithdrawnError
                row_errors.copy(self.connection, [chunk.errors, *duplicates])
            wait_for_turn()
            if not job_progress.checkpoint(
                self.connection, self._job_id, counts, chunk.bytes_read, codes, done=done
            ):
                raise JobWithdrawnError
        return counts

    def _store(self, chunk: Chunk) -> tuple[Counts, Sequence[bytes | memoryview]]:
        """Store the books; what became of their rows, and the errors that some of them are, encoded."""
        if self._changes_books:
            outcomes = self._change(chunk.updates)
            skipped = outcomes.count("skipped")
            return Counts(len(outcomes) - skipped, 0, skipped), []
        known = self._add(chunk.books)
        success = len(chunk.books) - len(known)
        if self._policy == "skip" or not known:
            return Counts(success, 0, len(known)), []
        if chunk.duplicates is not None:
            duplicates = chunk.duplicates.only(known) if success else chunk.duplicates
            return Counts(success, len(known)), [duplicates.data]
        origins = chunk.origins.rows(known)
        return Counts(success, len(known)), origins.encode_duplicates(self._job_id, self._dialect)

    def store(self, candidates: Candidates) -> Stored:
        """Make books of ``candidates`` as the policy for duplicates says; to be called in a transaction."""
        if self._changes_books:
            return Stored(self._change_each(candidates), [])
        first, repeated = candidates.first_of_each()
        known = self._add(books.encode(self._job_id, first.books()))
        there = first.where([isbn in known for isbn in first.isbns])
        outcomes: dict[int, Outcome] = dict.fromkeys(first.numbers, "added")
        if self._policy == "skip":
            return Stored(outcomes | dict.fromkeys([*there.numbers, *repeated.numbers], "skipped"), [])
        for number in there.numbers:
            del outcomes[number]
        return Stored(outcomes, there.as_duplicates() + repeated.as_duplicates())

    @property
    def _changes_books(self) -> bool:
        return self._policy in CHANGING_POLICIES

    def _change_each(self, candidates: Candidates) -> dict[int, Outcome]:
        """Change books one row after another, so that what each row did can be taken back by itself."""
        outcomes: dict[int, Outcome] = {}
        while candidates:
            first, candidates = candidates.first_of_each()
            outcomes |= zip(first.numbers, self._change(first.books()), strict=True)
        return outcomes

    def _add(self, new: EncodedRows) -> set[str]:
        """Add those of ``new`` that the catalogue lacks; the ISBNs of the others."""
        known: set[str] = set()
        if self._memory.known > 0 and new:
            self._memory.known = max(self._memory.known - 1, 0)
            known = books.existing(self.connection, new.keys)
        missing = _without(new, known)
        # False if there is one after all, perhaps as another import stored it in this moment.
        while missing and not books.copy(self.connection, missing):
            known |= books.existing(self.connection, missing.keys)
            missing = _without(new, known)
        if known:
            self._memory.known = REMEMBER_DUPLICATES
        return known

    def _change(self, wanted: Sequence[NewBook]) -> list[Outcome]:
        """Policies "update" and "fill": give books that are there other values; what became of each row.

        Rows are taken one after another, in the order of the file, against what the catalogue would hold by
        then, so that neither books nor counts depend on where chunks begin.
        """
        while True:
            known = books.lock_existing(self.connection, {book.isbn for book in wanted})
            state = dict(known)
            outcomes: list[Outcome] = []
            touched: set[str] = set()
            for book in wanted:
                before = state.get(book.isbn)
                after = book if before is None else self._merged(before, book)
                outcomes.append("added" if before is None else "skipped" if after == before else "changed")
                if after != before:
                    state[book.isbn] = after
                    touched.add(book.isbn)
            new = [book for isbn, book in state.items() if isbn not in known]
            # False if another import stored one of these ISBNs in this moment: look again.
            if not new or books.copy(self.connection, books.encode(self._job_id, new)):
                break
        # Also those that a later row gave again what they had: they were changed, wherever chunks begin.
        changed = [state[isbn] for isbn in known.keys() & touched]
        if changed:
            book_changes.record(self.connection, self._job_id, [book.isbn for book in changed])
            books.update_all(self.connection, changed)
        return outcomes

    def _merged(self, old: NewBook, new: NewBook) -> NewBook:
        """``old`` with what the policy takes of ``new``. Where the file has no year it says nothing of it."""
        if self._policy == "fill":
            return old if old.publication_year else replace(old, publication_year=new.publication_year)
        return new if new.publication_year else replace(new, publication_year=old.publication_year)


def _without(new: EncodedRows, known: set[str]) -> EncodedRows:
    """The books of ``new`` but for the ``known`` ones, which are among them."""
    # Often it is none or all of them; then their keys, which are many, need not be made.
    if not known:
        return new
    return new.only(set() if len(known) == len(new) else set(new.keys) - known)
