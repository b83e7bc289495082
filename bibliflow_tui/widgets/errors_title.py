"""The line above the rejected rows: of which import, how many, and what is going on with them."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui import formats
from bibliflow_tui.text import safe_text
from daemon.catalog.job import Job

MUTED = "$foreground-muted"


class ErrorsTitle(Static):
    """``Errors of list.csv   739 open of 7,308   ▶ repairing 5,000 of 6,569``."""

    def show(self, job: Job, at_work: Job | None, marked: int, *, with_resolved: bool) -> None:
        """Show ``job``, whose rows these are, and the job ``at_work`` on them."""
        parts = [
            Content.assemble(("Errors of ", MUTED), safe_text(job.filename, "bold")),
            safe_text(f"{job.open_error_count:,} open of {job.error_count:,}", MUTED),
        ]
        if with_resolved:
            parts.append(safe_text("repaired ones too", "$text-accent"))
        if marked:
            parts.append(safe_text(f"• {marked:,} marked", "$text-accent"))
        if at_work is not None:
            parts.append(_progress(at_work))
        elif job.undone_at:
            parts.append(formats.UNDONE.content())
        self.update(Content("   ").join(parts))


def _progress(job: Job) -> Content:
    state = formats.state_of(job).content()
    if not job.total_rows:
        return state
    return Content.assemble(state, f" {job.processed_rows:,} of {job.total_rows:,}")
