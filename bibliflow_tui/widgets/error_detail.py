"""One rejected record, field by field."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui import formats
from bibliflow_tui.text import safe_text
from daemon.catalog.job import Job
from daemon.catalog.row_errors import Problem, RowError
from daemon.catalog.row_repairs import Outcome, RowRepair
from daemon.importing.dialect import split

LONGEST_VALUE = 300
"""Characters of a field that are shown."""

LONGEST_CHANGE = 60
"""Characters of a value before and after a repair."""

MUTED = "$foreground-muted"


class ErrorDetail(Static):
    """What is wrong with a record, its fields by the names of their columns, and what was done about it."""

    def show(self, job: Job, error: RowError | None, repairs: Sequence[RowRepair] = ()) -> None:
        """Show ``error`` of ``job``; ``repairs`` are those of its row, the last one first."""
        self.update(Content("\n").join(_lines(job, error, repairs)) if error else Content(""))


class RecordDetail(Static):
    """Only the fields of a record, by the names of their columns."""

    def show(self, job: Job, error: RowError | None) -> None:
        """Show the record of ``error``, which is of ``job``."""
        self.update(Content("\n").join(_field_lines(job, error)) if error else Content(""))


def _lines(job: Job, error: RowError, repairs: Sequence[RowRepair]) -> list[Content]:
    lines = [Content.assemble((f"row {error.row_number:,}", "bold"))]
    for problem in error.as_problems():
        lines.append(safe_text(f"✗ {problem.message}", "$text-error", limit=LONGEST_VALUE))
        if words := hint(problem):
            lines.append(safe_text(f"  → {words}", "$text-success", limit=LONGEST_VALUE))
    lines += [safe_text(_repair(repair), MUTED, limit=LONGEST_VALUE) for repair in repairs]
    return lines + _field_lines(job, error)


def _field_lines(job: Job, error: RowError) -> list[Content]:
    read_as = job.read_as or {}
    header: list[str] = read_as.get("header", [])
    fields = split(error.raw_data, read_as.get("delimiter", ","))
    wrong = {
        index
        for problem in error.problems
        for index in read_as.get("columns", {}).get(problem["field"] or "", [])
    }
    width = min(max(map(len, header), default=0), 24)
    lines = []
    for index, value in enumerate(fields):
        name = header[index] if index < len(header) else "(no column)"
        mark, style = ("✗ ", "$text-error") if index in wrong else ("  ", "")
        lines.append(
            Content.assemble(
                safe_text(mark, style),
                safe_text(name[:width].ljust(width), MUTED),
                "  ",
                safe_text(value, style, limit=LONGEST_VALUE),
            )
        )
    return lines


OUTCOMES: dict[Outcome, str] = {
    "added": "repaired",
    "changed": "repaired, its book was changed",
    "skipped": "passed over, its book is there already",
}


def _repair(repair: RowRepair) -> str:
    """Who did what to the row, and when."""
    by = f" by {repair.repaired_by}" if repair.repaired_by else ""
    among = " among others" if repair.repair_job_id else ""
    changes = ", ".join(
        f"{field} {old[:LONGEST_CHANGE]} → {new[:LONGEST_CHANGE]}"
        for field, (old, new) in repair.changes.items()
    )
    words = f"✓ {OUTCOMES[repair.outcome]} {formats.clock(repair.repaired_at)}{by}{among}"
    if changes:
        words += f": {changes}"
    if repair.undone_at:
        words += f"; taken back {formats.clock(repair.undone_at)}"
    return words


def hint(problem: Problem) -> str:
    """What was probably meant, and why."""
    if problem.suggestion:
        why = f": {problem.evidence}" if problem.evidence else ""
        return f"probably {problem.suggestion}{why}"
    return f"perhaps {problem.evidence}" if problem.evidence else ""
