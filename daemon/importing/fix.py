"""Suggestions applied to the rejected rows of a job, through the same rules as an import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from daemon.catalog import job_lock, job_progress, jobs, row_errors
from daemon.catalog.database import Connection
from daemon.catalog.jobs import Job
from daemon.catalog.row_errors import Problem, RowError
from daemon.importing import dialect
from daemon.importing.candidates import Candidates
from daemon.importing.loader import Loader, Stored
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading
from daemon.importing.rules import BookRow, Checker

CHUNK_ROWS = 5000
"""Rows of one transaction at most."""


class BusyError(Exception):
    """The job is being imported, or fixed by somebody else, at this moment. The message says which job."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What came of the suggestions. Counts are rows."""

    imported: int = 0
    """Books that were added or changed."""
    skipped: int = 0
    """Rows that the job's policy for duplicates passes over."""
    rejected: int = 0
    """Rows that the rules reject, or whose ISBN is there already, with the suggestions too."""

    def __add__(self, other: Fixed) -> Fixed:
        return Fixed(
            self.imported + other.imported, self.skipped + other.skipped, self.rejected + other.rejected
        )

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def apply_suggestions(
    connection: Connection, job: Job, progress: Callable[[Fixed], None] = lambda _: None
) -> Fixed:
    """Import the rejected rows of ``job`` for every problem of which there is a suggestion.

    Chunk by chunk, each in one transaction with the errors that it resolves and the job's counts, so that it
    can be broken off and called again at any time. ``progress`` is told the sum after each chunk. Raises
    :class:`BusyError`.
    """
    with job_lock.locked(connection, job.id) as acquired:
        job = jobs.get(connection, job.id)
        if not acquired or not job.status.is_final:
            raise BusyError(
                f"{job.filename} is being imported (job {job.id}); fix its rows when that is done"
            )
        if job.read_as is None:
            return Fixed()
        fixer = Fixer(connection, job, Reading.from_dict(job.read_as))
        total = Fixed()
        after = (0, UUID(int=0))  # before the first
        while errors := row_errors.fixable(connection, job.id, after=after, limit=CHUNK_ROWS):
            after = (errors[-1].row_number, errors[-1].id)
            total += fixer.fix(errors)
            progress(total)
        return total


class Fixer:
    """Takes rejected rows of one job back in, by the rules and the policy that it was imported with."""

    def __init__(self, connection: Connection, job: Job, reading: Reading) -> None:
        options = ImportOptions.model_validate(job.options)
        self.reading = reading
        self.checker = Checker(reading.header, reading.dialect.encoding, options.isbn_check)
        self._connection = connection
        self._job_id = job.id
        self._loader = Loader(connection, job.id, reading.dialect, options.on_duplicate)

    def fix(self, errors: Sequence[RowError]) -> Fixed:
        """Import those of ``errors`` that pass with their suggestions, in one transaction."""
        passed = []
        for error in errors:
            fields = dialect.split(error.raw_data, self.reading.dialect.delimiter)
            repairs = {problem["field"]: problem["suggestion"] for problem in error.problems}
            row = self.checker.check_repaired(fields, repairs)
            if isinstance(row, BookRow):
                passed.append((error, row))
        with self._connection.transaction():
            # A duplicate has no suggestion: so its row is not tried again, but shown as what it is.
            stored = self.store(passed, keeps_problems=True)
        imported, skipped = stored.success, stored.skipped
        return Fixed(imported, skipped, len(errors) - imported - skipped)

    def store(
        self,
        passed: Sequence[tuple[RowError, BookRow]],
        rejected: Sequence[tuple[RowError, Sequence[Problem]]] = (),
        *,
        keeps_problems: bool = False,
    ) -> Stored:
        """Make books of rows that pass and resolve their errors; to be called in a transaction.

        ``rejected`` have other problems now. A row whose ISBN is there already has that problem, beside those
        that it had if it ``keeps_problems``.
        """
        candidates = Candidates()
        for error, row in passed:
            candidates.add(error.row_number, error.raw_data, row)
        stored = self._loader.store(candidates)
        by_number = {error.row_number: error for error, _ in passed}
        duplicates = [(by_number.pop(number), problem) for number, problem in stored.duplicates]
        changed = [
            *rejected,
            *(
                (error, [*(error.as_problems() if keeps_problems else ()), found])
                for error, found in duplicates
            ),
        ]
        row_errors.resolve(self._connection, [error.id for error in by_number.values()])
        row_errors.replace_problems(self._connection, {error.id: problems for error, problems in changed})
        codes = row_errors.codes(problems for _, problems in changed)
        codes.subtract(row_errors.codes(error.as_problems() for error, _ in changed))
        codes.subtract(row_errors.codes(error.as_problems() for error in by_number.values()))
        job_progress.resolve(
            self._connection, self._job_id, success=stored.success, skipped=stored.skipped, codes=codes
        )
        return stored
