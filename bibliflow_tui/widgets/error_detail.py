"""One rejected record, field by field."""

from __future__ import annotations

import csv

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui.text import safe_text
from daemon.catalog.jobs import Job
from daemon.catalog.row_errors import RowError

LONGEST_VALUE = 300
"""Characters of a field that are shown."""

MUTED = "$foreground-muted"


class ErrorDetail(Static):
    """What is wrong with a record, and its fields by the names of their columns."""

    def show(self, job: Job, error: RowError | None) -> None:
        """Show ``error`` of ``job``."""
        self.update(Content("\n").join(_lines(job, error)) if error else Content(""))


def _lines(job: Job, error: RowError) -> list[Content]:
    read_as = job.read_as or {}
    header: list[str] = read_as.get("header", [])
    fields = next(csv.reader([error.raw_data], delimiter=read_as.get("delimiter", ",")), [])
    wrong = {
        index
        for problem in error.problems
        for index in read_as.get("columns", {}).get(problem["field"] or "", [])
    }
    lines = [Content.assemble((f"row {error.row_number:,}", "bold"))]
    for problem in error.problems:
        suggestion = f"   suggestion: {problem['suggestion']}" if problem["suggestion"] else ""
        lines.append(safe_text(f"✗ {problem['message']}{suggestion}", "$text-error", limit=LONGEST_VALUE))
    width = min(max(map(len, header), default=0), 24)
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
