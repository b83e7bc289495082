"""Rejected rows taken back in, through the same rules and by the same policy as their import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from daemon.catalog import job_progress, row_errors, row_repairs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job
from daemon.catalog.row_errors import Problem, RowError
from daemon.catalog.row_repairs import Changes, NewRepair, Outcome
from daemon.importing import dialect, rules
from daemon.importing.candidates import Candidates
from daemon.importing.loader import Loader
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading
from daemon.importing.records import Record
from daemon.importing.rules import BookRow, Checker
from daemon.values import BookField


class Fix(NamedTuple):
    """A rejected row that passes now."""

    error: RowError
    row: BookRow
    changes: Changes


class Rejected(NamedTuple):
    """A rejected row that does not pass now either, with what is wrong with it now."""

    error: RowError
    problems: Sequence[Problem]


class RowChecker:
    """Checks rejected rows of one job again, with other values; without the catalogue."""

    def __init__(self, owner: Job) -> None:
        """``owner`` is the job whose rows these are; it must have read its file."""
        options = ImportOptions.model_validate(owner.options)
        self.policy = options.on_duplicate
        self.isbn_check = options.isbn_check
        self.reading = Reading.from_dict(owner.read_as or {})
        self.checker = Checker(self.reading.header, self.reading.dialect.encoding, options.isbn_check)

    def values(self, fields: Sequence[str]) -> dict[BookField, str]:
        """What a record of the file, of any length, has for each field of a book."""
        width = len(self.reading.header.names)
        return self.checker.values([*fields, *[""] * (width - len(fields))])

    def written(self, error: RowError) -> dict[BookField, str]:
        """The same for a rejected record."""
        return self.values(dialect.split(error.raw_data, self.reading.dialect.delimiter))

    def check(self, error: RowError, repairs: Mapping[BookField, str]) -> Fix | Rejected:
        """The record of ``error`` with ``repairs`` in place of what it has for these fields."""
        return self.check_written(error, self.written(error), repairs)

    def check_written(
        self, error: RowError, written: Mapping[BookField, str], repairs: Mapping[BookField, str]
    ) -> Fix | Rejected:
        """The same where what is ``written`` is known already: to find it takes as long as to check it."""
        checked = rules.check({**written, **repairs}, self.isbn_check)
        if not isinstance(checked, BookRow):
            return Rejected(error, checked)
        changes = {
            field: (written.get(field, ""), value)
            for field, value in repairs.items()
            if value != written.get(field, "")
        }
        return Fix(error, checked, changes)

    def problems(self, error: RowError, typed: Mapping[BookField, str]) -> list[Problem]:
        """What is wrong with the record of ``error`` with what was ``typed`` for some of its fields."""
        checked = self.check(error, typed)
        return list(checked.problems) if isinstance(checked, Rejected) else []

    def check_record(self, error: RowError, record: Record) -> Fix | Rejected:
        """A whole record in place of that of ``error``."""
        checked = self.checker.check(record)
        if not isinstance(checked, BookRow):
            return Rejected(error, checked)
        before, after = self.written(error), self.values(record.fields)
        changes = {field: (before[field], value) for field, value in after.items() if value != before[field]}
        return Fix(error, checked, changes)


class Fixer(RowChecker):
    """Takes rejected rows of one job back in."""

    def __init__(
        self,
        connection: Connection,
        owner: Job,
        *,
        repair_job_id: UUID | None = None,
        repaired_by: str | None = None,
    ) -> None:
        """``owner`` is as in :class:`RowChecker`."""
        super().__init__(owner)
        self._connection = connection
        self._owner_id = owner.id
        self._repair_job_id = repair_job_id
        self._repaired_by = repaired_by
        self._loader = Loader(connection, owner.id, self.reading.dialect, self.policy)

    def store(
        self, passed: Sequence[Fix], rejected: Sequence[Rejected] = (), *, keeps_problems: bool = False
    ) -> dict[UUID, Outcome]:
        """Make books of the rows that ``passed`` and resolve their errors; to be called in a transaction.

        What became of them, by the ids of their errors. Those that are missing there have an ISBN that is
        there already: they get that problem, beside those that they had if they keep their problems. The
        ``rejected`` get the problems that they have now.
        """
        candidates = Candidates()
        for fix in passed:
            candidates.add(fix.error.row_number, fix.error.raw_data, fix.row)
        stored = self._loader.store(candidates)
        by_number = {fix.error.row_number: fix for fix in passed}
        changed = [*rejected]
        for number, problem in stored.duplicates:
            error = by_number[number].error
            changed.append(Rejected(error, [*(error.as_problems() if keeps_problems else ()), problem]))
        repaired = [by_number[number] for number in stored.outcomes]
        self._record(repaired, stored.outcomes)
        row_errors.resolve(self._connection, [fix.error.id for fix in repaired])
        row_errors.replace_problems(self._connection, {error.id: problems for error, problems in changed})
        codes = row_errors.codes(problems for _, problems in changed)
        for error in [*(error for error, _ in changed), *(fix.error for fix in repaired)]:
            codes.subtract(error.codes)
        job_progress.resolve(self._connection, self._owner_id, resolved=len(repaired), codes=codes)
        return {by_number[number].error.id: outcome for number, outcome in stored.outcomes.items()}

    def _record(self, repaired: Sequence[Fix], outcomes: Mapping[int, Outcome]) -> None:
        row_repairs.record(
            self._connection,
            self._owner_id,
            [
                NewRepair(fix.error.id, fix.changes, fix.row.book().isbn, outcomes[fix.error.row_number])
                for fix in repaired
            ],
            repair_job_id=self._repair_job_id,
            repaired_by=self._repaired_by,
        )
