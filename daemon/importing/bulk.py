"""One repair for many rejected rows: suggestions, a value for a field, a prefix or suffix taken off.

A job of its own, of the kind "repair": it can be watched, cancelled, interrupted and taken up again. Its
counts are rows: imported; skipped, which are what the policy for duplicates passes over and what does not
pass. Those stay with the job that they are of, as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

from daemon.catalog import books, error_pages, job_progress, row_errors
from daemon.catalog.database import Connection
from daemon.catalog.error_filter import ErrorFilter
from daemon.catalog.job import Counts, Job
from daemon.catalog.row_errors import Problem, RowError
from daemon.importing import rules
from daemon.importing.fix import Fix, Fixer, Rejected
from daemon.importing.loader import JobWithdrawnError
from daemon.values import BookField

CHUNK_ROWS = 5000
"""Rows of one transaction at most."""

EXAMPLES = 100
"""Rows of a preview that are kept, before and after."""


class BulkRepair(BaseModel):
    """Which rejected rows are repaired and how; kept in the ``options`` of its job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str | None = None
    """Rows with this code among their problems."""
    text: str = ""
    """Rows with this in message or record, without regard to case."""
    ids: tuple[UUID, ...] = ()
    """The errors with these ids; none means all."""

    suggestions: bool = False
    """Put what was probably meant in place of rejected values."""
    put: dict[BookField, str] = {}
    """Values for fields, whatever the rows have for them."""
    prefixes: dict[BookField, str] = {}
    """What is taken off at the beginning of a field, with the white space behind it."""
    suffixes: dict[BookField, str] = {}
    """What is taken off at the end of a field, with the white space before it."""

    @model_validator(mode="after")
    def _does_something(self) -> BulkRepair:
        if not (self.suggestions or self.put or self.prefixes or self.suffixes):
            raise ValueError("a repair must change something")
        return self

    @property
    def wanted(self) -> ErrorFilter:
        """The rows that may be repaired by it."""
        only_suggestions = self.suggestions and not (self.put or self.prefixes or self.suffixes)
        return ErrorFilter(self.code, self.text, self.ids, only_suggestions)

    def repairs(self, problems: Sequence[Problem], written: dict[BookField, str]) -> dict[BookField, str]:
        """New values for a record that has these problems, and ``written`` in its fields."""
        repairs: dict[BookField, str] = {}
        for name in self.prefixes.keys() | self.suffixes.keys():
            value = written.get(name, "").strip()
            taken = value.removeprefix(self.prefixes.get(name, "")).removesuffix(self.suffixes.get(name, ""))
            if taken != value:
                repairs[name] = taken.strip()
        repairs |= self.put
        return row_errors.suggested(problems) | repairs if self.suggestions else repairs


@dataclass(frozen=True, slots=True)
class Example:
    """One row before and after."""

    error: RowError
    before: dict[BookField, str]
    after: dict[BookField, str]
    problems: Sequence[Problem]
    """What is wrong with it then; nothing if it passes."""


@dataclass(frozen=True, slots=True)
class RepairPreview:
    """What a repair would come to. Counts are rows."""

    total: int
    """That are wanted."""
    examined: int = 0
    passing: int = 0
    """Of those that were examined."""
    examples: tuple[Example, ...] = field(default=())
    """The first ones."""


def preview(connection: Connection, owner: Job, repair: BulkRepair) -> Iterator[RepairPreview]:
    """What ``repair`` would do to the rows of ``owner``, more and more of it; changes nothing."""
    found = RepairPreview(error_pages.count(connection, owner.id, repair.wanted))
    if owner.read_as is None:
        yield found
        return
    fixer = Fixer(connection, owner)
    seen: set[str] = set()
    for errors in _chunks(connection, owner.id, repair, None):
        checked = [_apply(fixer, repair, error) for error in errors]
        isbns = {fix.row.book().isbn for fix in checked if isinstance(fix, Fix)}
        there = (books.existing(connection, list(isbns)) | seen) if fixer.policy == "error" else set()
        passing, examples = 0, list(found.examples)
        for error, result in zip(errors, checked, strict=True):
            problems = list(result.problems) if isinstance(result, Rejected) else []
            if isinstance(result, Fix) and fixer.policy == "error":
                isbn = result.row.book().isbn
                if isbn in there:
                    problems = [rules.duplicate(result.row.isbn)]
                there.add(isbn)
            passing += not problems
            if len(examples) < EXAMPLES:
                before = fixer.written(error)
                after = before | repair.repairs(error.as_problems(), before)
                examples.append(Example(error, before, after, problems))
        seen |= isbns
        found = replace(
            found,
            examined=found.examined + len(errors),
            passing=found.passing + passing,
            examples=tuple(examples),
        )
        yield found
    yield found


def run(
    connection: Connection,
    job: Job,
    owner: Job,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Counts], None],
) -> int | None:
    """Do the repair that ``job`` is to the rows of ``owner``, whose locks ``connection`` holds.

    How many rows it was; None if it was told to stop before the end. Raises
    :class:`~daemon.importing.loader.JobWithdrawnError`.
    """
    repair = BulkRepair.model_validate(job.options)
    fixer = Fixer(connection, owner, repair_job_id=job.id, repaired_by=job.submitted_by)
    position = job.position
    if position is None:
        total = error_pages.count(connection, owner.id, repair.wanted)
        job_progress.expect(connection, job.id, total)
    processed, rejected = job.processed_rows, (position or {}).get("rejected", 0)
    for errors in _chunks(connection, owner.id, repair, position):
        checked = [_apply(fixer, repair, error) for error in errors]
        passed = [result for result in checked if isinstance(result, Fix)]
        with connection.transaction():
            outcomes = fixer.store(passed, keeps_problems=True)
            imported = sum(outcome != "skipped" for outcome in outcomes.values())
            rejected += len(errors) - len(outcomes)
            position = {"row": errors[-1].row_number, "id": str(errors[-1].id), "rejected": rejected}
            counts = Counts(success=imported, skipped=len(errors) - imported)
            if not job_progress.checkpoint(connection, job.id, counts, position=position):
                raise JobWithdrawnError
        processed += len(errors)
        on_progress(counts)
        if should_stop():
            return None
    return processed


def _apply(fixer: Fixer, repair: BulkRepair, error: RowError) -> Fix | Rejected:
    problems = error.as_problems()
    if any(problem.field is None for problem in problems):
        # Which of its fields is which is not certain: only somebody who looks at it can tell.
        return Rejected(error, problems)
    written = fixer.written(error)
    return fixer.check_written(error, written, repair.repairs(problems, written))


def _chunks(
    connection: Connection, job_id: UUID, repair: BulkRepair, position: dict[str, object] | None
) -> Iterator[list[RowError]]:
    """The wanted errors behind ``position``."""
    after = (int(str(position["row"])), UUID(str(position["id"]))) if position else (-1, UUID(int=0))
    while errors := error_pages.following(connection, job_id, repair.wanted, after, CHUNK_ROWS):
        after = (errors[-1].row_number, errors[-1].id)
        yield errors
