"""One chunk into the catalogue: books, row errors and checkpoint in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from daemon.catalog import books, jobs, row_errors
from daemon.catalog.books import NewBook
from daemon.catalog.database import Connection
from daemon.catalog.jobs import Counts
from daemon.catalog.row_errors import Rejection
from daemon.importing.dialect import Dialect
from daemon.importing.records import Record
from daemon.importing.rules import BookRow, duplicate
from daemon.settings import DuplicatePolicy

REMEMBER_DUPLICATES = 8
"""Chunks for which a chunk with known ISBNs makes the loader expect more of them. A COPY that meets one
is lost work; an insert that asks for each row costs twice a COPY."""


class JobWithdrawnError(Exception):
    """The job was cancelled or deleted meanwhile; its chunk was not stored."""


class Candidate(NamedTuple):
    """A record that passed the rules; whether its ISBN is new is not known yet."""

    record: Record
    row: BookRow
    book: NewBook


@dataclass(slots=True)
class Chunk:
    """Consecutive records of a file, checked."""

    candidates: list[Candidate] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    bytes_read: int = 0
    """How far the file was read when the chunk was complete."""

    def __len__(self) -> int:
        return len(self.candidates) + len(self.rejections)


class Stored(NamedTuple):
    """What became of candidates."""

    success: int
    """Books added or changed."""
    skipped: int
    duplicates: list[Candidate]
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

    def load(self, chunk: Chunk) -> Counts:
        """Store ``chunk`` and advance the checkpoint, or change nothing.

        Raises :class:`JobWithdrawnError` if the job is no longer being processed.
        """
        with self._connection.transaction():
            stored = self.store(chunk.candidates)
            rejections = chunk.rejections
            if stored.duplicates:
                rejections = rejections + [
                    self._reject_duplicate(candidate) for candidate in stored.duplicates
                ]
                rejections.sort(key=lambda rejection: rejection.row_number)
            row_errors.add(self._connection, self._job_id, rejections)
            counts = Counts(stored.success, len(rejections), stored.skipped)
            if not jobs.checkpoint(self._connection, self._job_id, counts, chunk.bytes_read):
                raise JobWithdrawnError
        return counts

    def store(self, candidates: Sequence[Candidate]) -> Stored:
        """Make books of ``candidates`` as the policy for duplicates says; to be called in a transaction."""
        return self._update(candidates) if self._policy == "update" else self._add(candidates)

    def _add(self, candidates: Sequence[Candidate]) -> Stored:
        """Policies "error" and "skip": the first row with an ISBN wins."""
        first: dict[str, Candidate] = {}
        repeated = [
            candidate
            for candidate in candidates
            if first.setdefault(candidate.book.isbn, candidate) is not candidate
        ]
        added = self._insert([candidate.book for candidate in first.values()])
        if len(added) < len(first):
            repeated += [candidate for isbn, candidate in first.items() if isbn not in added]
        if self._policy == "skip":
            return Stored(len(added), len(repeated), [])
        return Stored(len(added), 0, repeated)

    def _insert(self, new: Sequence[NewBook]) -> set[str]:
        """Add those of ``new`` that the catalogue lacks; their ISBNs."""
        if not new:
            return set()
        if not self._expect_duplicates and books.copy_all(self._connection, self._job_id, new):
            return {book.isbn for book in new}
        added = books.insert_missing(self._connection, self._job_id, new)
        if len(added) < len(new):
            self._expect_duplicates = REMEMBER_DUPLICATES
        else:
            self._expect_duplicates -= 1
        return added

    def _reject_duplicate(self, candidate: Candidate) -> Rejection:
        record = candidate.record
        return Rejection(record.row_number, self._dialect.format(record.fields), [duplicate(candidate.row)])

    def _update(self, candidates: Sequence[Candidate]) -> Stored:
        """Policy "update": the last row with an ISBN wins; a row that changes nothing is skipped.

        Rows are taken one after another against what the catalogue would hold by then, so that the counts
        do not depend on where chunks begin.
        """
        isbns = {candidate.book.isbn for candidate in candidates}
        while True:
            known = books.lock_existing(self._connection, isbns)
            state = dict(known)
            changed = 0
            for candidate in candidates:
                if state.get(candidate.book.isbn) != candidate.book:
                    state[candidate.book.isbn] = candidate.book
                    changed += 1
            new = [book for isbn, book in state.items() if isbn not in known]
            # False if another import stored one of these ISBNs in this moment: look again.
            if not new or books.copy_all(self._connection, self._job_id, new):
                break
        books.update_all(
            self._connection, [book for isbn, book in state.items() if isbn in known and book != known[isbn]]
        )
        return Stored(changed, len(candidates) - changed, [])
