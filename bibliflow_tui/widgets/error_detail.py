"""One rejected record, field by field."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui.text import safe_text
from daemon.catalog.job import Job
from daemon.catalog.row_errors import RowError
from daemon.importing.dialect import split

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
    fields = split(error.raw_data, read_as.get("delimiter", ","))
    wrong = {
        index
        for problem in error.problems
        for index in read_as.get("columns", {}).get(problem["field"] or "", [])
    }
    lines = [Content.assemble((f"row {error.row_number:,}", "bold"))]
    for problem in error.problems:
        lines.append(safe_text(f"✗ {problem['message']}", "$text-error", limit=LONGEST_VALUE))
        if hint := _hint(problem):
            lines.append(safe_text(f"  → {hint}", "$text-success", limit=LONGEST_VALUE))
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


def _hint(problem: dict[str, Any]) -> str:
    """What was probably meant, and why."""
    suggestion, evidence = problem.get("suggestion"), problem.get("evidence")
    if suggestion:
        return f"probably {suggestion}: {evidence}" if evidence else f"probably {suggestion}"
    return f"perhaps {evidence}" if evidence else ""
