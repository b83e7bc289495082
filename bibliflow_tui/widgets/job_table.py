"""The table of imports."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from bibliflow_tui import formats
from bibliflow_tui.job_words import title_of
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.columns import Column
from bibliflow_tui.widgets.virtual_table import Row, VirtualTable
from daemon.catalog.job import Job, JobStatus

COLUMNS = (
    Column("state", "state", 11),
    Column("file", "file", least=24),
    Column("progress", "progress", 14, spare=1),
    Column("rows", "rows", 9, "right", spare=2),
    Column("errors", "errors", 9, "right"),
    Column("when", "speed or when", 13, "right"),
)
BAR = 8
"""Cells of a progress bar. Where there is no room for it, the detail of the job has one."""


class JobTable(VirtualTable):
    """Opens the errors of a job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "select", "Errors", tooltip="Show the rejected rows of this import", id="imports.errors"
        ),
    ]


def job_row(job: Job) -> Row:
    """A job as a line of the table."""
    return Row(
        key=str(job.id),
        cells=[
            formats.state_of(job).content(),
            title_of(job),
            formats.bar(job.progress_percent, BAR),
            f"{job.rows:,}" if job.rows else "",
            _errors(job.open_error_count),
            _when(job),
        ],
    )


def _errors(count: int) -> Content:
    # From a million on there is no room for the sign.
    text = f"{count:,} ✗" if count < 1_000_000 else f"{count:,}"
    return safe_text(text, "$text-error" if count else "")


def _when(job: Job) -> str:
    if job.status is not JobStatus.PROCESSING:
        return formats.ago(job.finished_at or job.created_at)
    left = f" {formats.duration(job.eta_seconds)}" if job.eta_seconds is not None else ""
    return formats.rate(job.rows_per_second) + left
