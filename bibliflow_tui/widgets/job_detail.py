"""What is known of one job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui import formats
from bibliflow_tui.advice import next_step
from bibliflow_tui.text import safe_text
from daemon.catalog.jobs import Job, JobStatus
from daemon.catalog.row_errors import RowError
from daemon.importing.reading import Reading

SOURCES = {"cli": "from the command line", "dashboard": "from the dashboard", "watch": "from the inbox"}
MUTED = "$foreground-muted"


class JobDetail(Static):
    """A few lines on the job under the cursor."""

    def show(self, job: Job | None, errors: Sequence[RowError] = ()) -> None:
        """Show ``job`` and its first ``errors``."""
        lines = [] if job is None else [*_lines(job), *map(_error_line, errors)]
        self.update(Content("\n").join(lines))


def _lines(job: Job) -> list[Content]:
    by = f", by {job.submitted_by}" if job.submitted_by else ""
    origin = f"{SOURCES[job.source]}{by}, {formats.clock(job.created_at)}"
    lines = [
        Content.assemble(safe_text(job.filename, "bold"), "  ", safe_text(origin, MUTED)),
        Content.assemble("  ", _counts(job)),
    ]
    if job.read_as:
        lines.append(Content.assemble("  ", safe_text(_read_as(job.read_as), MUTED)))
    if job.failure_reason:
        lines.append(Content.assemble("  ", safe_text(f"✗ {job.failure_reason}", "$text-error")))
        if job.status is JobStatus.FAILURE:
            lines.append(Content.assemble("  ", safe_text(next_step(job.failure_reason), MUTED)))
    return lines


def _counts(job: Job) -> Content:
    parts = [f"{job.success_count:,} imported", f"{job.error_count:,} rejected"]
    if job.skipped_count:
        parts.append(f"{job.skipped_count:,} skipped")
    if job.rows_to_go is not None:
        parts.append(f"about {job.rows_to_go:,} to go")
    elif job.finished_at:
        parts.append(f"took {formats.duration(job.seconds)}")
    return Content.assemble(formats.state_of(job).content(), "   ", "   ".join(parts))


def _read_as(read_as: dict[str, Any]) -> str:
    reading = Reading.from_dict(read_as)
    return f"{reading.describe()};  {', '.join(reading.used_columns())}"


def _error_line(error: RowError) -> Content:
    return Content.assemble(
        safe_text(f"  {error.row_number:>8,}  ", MUTED), safe_text(error.error_message, limit=200)
    )
