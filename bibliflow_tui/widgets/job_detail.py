"""What is known of one job."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui import follow_up_words, formats
from bibliflow_tui.advice import next_step
from bibliflow_tui.job_words import title_of
from bibliflow_tui.key_names import key_of
from bibliflow_tui.text import safe_text
from daemon.catalog.job import Job, JobStatus
from daemon.catalog.job_history import JobHistory

SOURCES = {"cli": "from the command line", "dashboard": "from the dashboard", "watch": "from the inbox"}
MUTED = "$foreground-muted"


SPARKS = "▁▂▃▄▅▆▇█"
MOST_SPEEDS = 24
"""Speeds in the line of them."""

SPEED_EVERY = 0.25
"""Seconds over which a speed is measured, at least."""

LONGEST_TEXT = 500
"""Characters of a name or a reason; a larger one would stop the dashboard for a moment at each redraw."""

NO_HISTORY = JobHistory()

BAR = 16
"""Cells of the progress bar."""

MOST_CODES = 3
WIDEST_BAR = 20


class JobDetail(Static):
    """A few lines on the job under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._speeds: deque[float] = deque(maxlen=MOST_SPEEDS)
        self._last: tuple[UUID, float, int] | None = None
        """Job, time and rows when its speed was measured last."""

    def show(self, job: Job | None, history: JobHistory = NO_HISTORY) -> None:
        """Show ``job`` and what became of it."""
        self._measure(job)
        key = key_of(self.app, "imports.books")
        self.update(Content("\n").join([] if job is None else _lines(job, self._speeds, history, key)))

    def _measure(self, job: Job | None) -> None:
        now = time.monotonic()
        if job is None or self._last is None or self._last[0] != job.id:
            self._speeds.clear()
            self._last = (job.id, now, job.processed_rows) if job else None
            return
        _, then, rows = self._last
        if now - then >= SPEED_EVERY and job.status is JobStatus.PROCESSING:
            self._speeds.append((job.processed_rows - rows) / (now - then))
            self._last = (job.id, now, job.processed_rows)


def _lines(job: Job, speeds: Sequence[float], history: JobHistory, key: str) -> list[Content]:
    """All that is known; ``key`` shows its books."""
    by = f", by {job.submitted_by}" if job.submitted_by else ""
    origin = f"{SOURCES[job.source]}{by}, {formats.clock(job.created_at)}{_wanted(job)}"
    lines = [
        Content.assemble(
            safe_text(title_of(job), "bold", limit=LONGEST_TEXT),
            "  ",
            safe_text(origin, MUTED, limit=LONGEST_TEXT),
        ),
        Content.assemble("  ", _counts(job)),
    ]
    if job.status is JobStatus.PROCESSING:
        lines.append(Content.assemble("  ", formats.bar(job.progress_percent, BAR), *_speed(job, speeds)))
    lines += [
        Content.assemble("  ", safe_text(line, MUTED, limit=LONGEST_TEXT))
        for line in _past(job, history, key)
    ]
    if job.read_as:
        lines.append(Content.assemble("  ", safe_text(_read_as(job.read_as), MUTED, limit=LONGEST_TEXT)))
    if job.failure_reason:
        reason = safe_text(f"✗ {job.failure_reason}", "$text-error", limit=LONGEST_TEXT)
        lines.append(Content.assemble("  ", reason))
        if job.status is JobStatus.FAILURE:
            lines.append(Content.assemble("  ", safe_text(next_step(job.failure_reason), MUTED)))
    return lines + _code_lines(job)


def _wanted(job: Job) -> str:
    """What was asked for that is not usual."""
    if job.kind == "repair":
        return f"; {follow_up_words.changes(job.options)}"
    policy = job.options.get("on_duplicate", "error")
    return f"; duplicates: {policy}" if policy != "error" else ""


def _past(job: Job, history: JobHistory, key: str) -> Iterator[str]:
    """What was done about it since."""
    if job.kind == "import" and history.repaired_at:
        repaired = follow_up_words.rows(job.repaired)
        by = f" by {', '.join(history.repaired_by)}" if history.repaired_by else ""
        yield f"{repaired} repaired{by}, last {formats.clock(history.repaired_at)}"
    if job.undone_at:
        by = f" by {history.undone_by}" if history.undone_by else ""
        kept = f"; {_kept(history.kept, key)}" if history.kept else ""
        yield f"undone {formats.clock(job.undone_at)}{by}{kept}"
    elif job.kind == "undo" and job.status.is_final and job.skipped_count:
        yield _kept(job.skipped_count, key)


def _kept(count: int, key: str) -> str:
    return f"{count:,} kept, for they were edited since: {key} shows them"


def _counts(job: Job) -> Content:
    parts = list(_outcomes(job))
    if job.rows_to_go is not None:
        parts.append(f"about {job.rows_to_go:,} to go")
    elif job.finished_at:
        parts.append(f"took {formats.duration(job.seconds)}")
    return Content.assemble(formats.state_of(job).content(), "   ", "   ".join(parts))


def _outcomes(job: Job) -> Iterator[str]:
    if job.kind == "undo":
        yield f"{job.success_count:,} taken back"
        yield f"{job.skipped_count:,} kept"
        return
    yield f"{job.success_count:,} imported"
    if job.kind == "repair":
        yield f"{job.rejected_again:,} rejected again"
    elif job.repaired:
        yield f"{job.error_count:,} rejected, {job.open_error_count:,} still open"
    else:
        yield f"{job.error_count:,} rejected"
    if skipped := job.skipped_count - job.rejected_again:
        yield f"{skipped:,} skipped"


def _read_as(read_as: dict[str, Any]) -> str:
    from daemon.importing.reading import Reading  # all that reads files: not for the first screen

    reading = Reading.from_dict(read_as)
    return f"{reading.describe()};  {', '.join(reading.used_columns())}"


def sparkline(values: Sequence[float]) -> str:
    """``values`` as a line of bars, the highest of which is a whole cell."""
    highest = max(values, default=0.0) or 1.0
    return "".join(SPARKS[round((len(SPARKS) - 1) * max(value, 0.0) / highest)] for value in values)


def _speed(job: Job, speeds: Sequence[float]) -> Iterator[str | Content]:
    if speeds:
        yield from ("   ", Content.styled(sparkline(speeds), "$text-accent"), f" {formats.rate(speeds[-1])}")
        if job.eta_seconds is not None:
            yield f"   {formats.duration(job.eta_seconds)} left"


def _code_lines(job: Job) -> list[Content]:
    """What most rows are rejected for."""
    codes = sorted(job.error_codes.items(), key=lambda item: (-item[1], item[0]))
    most = codes[0][1] if codes else 0
    lines = [
        Content.assemble(
            (f"{rows:>9,}  ", "bold"),
            safe_text(code.ljust(16)),
            ("█" * max(round(WIDEST_BAR * rows / most), 1), "$text-error"),
        )
        for code, rows in codes[:MOST_CODES]
    ]
    if len(codes) > MOST_CODES:
        more = len(codes) - MOST_CODES
        lines.append(safe_text(f"           and {more} more kind{'s' * (more > 1)}", MUTED))
    return lines
