"""Numbers, times and states as the screens show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from textual.content import Content

from bibliflow_tui.job_words import AT_WORK
from daemon.catalog.job import Job, JobStatus


class State(NamedTuple):
    """A glyph and a word, never colour alone."""

    glyph: str
    word: str
    colour: str
    """A theme variable."""

    def content(self) -> Content:
        """For a cell."""
        return Content.styled(f"{self.glyph} {self.word}", self.colour)


STATES: dict[JobStatus, State] = {
    JobStatus.PENDING: State("◌", "waiting", "$text-warning"),
    JobStatus.PROCESSING: State("▶", "importing", "$text-accent"),
    JobStatus.SUCCESS: State("✓", "done", "$text-success"),
    JobStatus.FAILURE: State("✗", "failed", "$text-error"),
    JobStatus.CANCELLED: State("⊘", "cancelled", "$foreground-muted"),
}
UNDONE = State("↶", "undone", "$foreground-muted")

FULL, EMPTY = "█", "░"


def state_of(job: Job) -> State:
    """How a job stands."""
    if job.undone_at:
        return UNDONE
    state = STATES[job.status]
    return state._replace(word=AT_WORK[job.kind]) if job.status is JobStatus.PROCESSING else state


def bar(percent: float, width: int) -> Content:
    """A progress bar of ``width`` cells and the number behind it; full only at 100."""
    full = int(width * percent / 100)
    return Content.assemble(
        (FULL * full, "$text-accent"), (EMPTY * (width - full), "$foreground-muted"), f"{int(percent):>4} %"
    )


def rate(per_second: float | None) -> str:
    """A speed in few cells: ``950/s``, ``91k/s``."""
    if per_second is None:
        return ""
    return f"{per_second / 1000:,.0f}k/s" if per_second >= 10_000 else f"{per_second:,.0f}/s"


def duration(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True)
class Clock:
    """What time it is, and where. Pictures of the screen need one that stands still."""

    now: Callable[[], datetime]
    zone: tzinfo | None = None
    """In which times are shown; None is the machine's."""

    def local(self, moment: datetime) -> datetime:
        """``moment`` in that zone."""
        return moment.astimezone(self.zone)


RUNNING = Clock(lambda: datetime.now(UTC))
_clock = RUNNING


def use_clock(clock: Clock) -> None:
    """Show times by this one from now on."""
    global _clock
    _clock = clock


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """``just now``, ``2 min ago``, ``3 h ago``, ``yesterday``, or the date."""
    if moment is None:
        return ""
    now = now or _clock.now()
    seconds = (now - moment).total_seconds()
    if seconds < 5:
        return "just now"
    if seconds < 60:
        return f"{seconds:.0f} s ago"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    days = (_clock.local(now).date() - _clock.local(moment).date()).days
    if days == 0:
        return f"{seconds // 3600:.0f} h ago"
    return "yesterday" if days == 1 else f"{_clock.local(moment):%Y-%m-%d}"


def since(moment: datetime) -> str:
    """The local time to the minute, with the day unless that is today: ``12:04``, ``24 Nov 12:04``."""
    local = _clock.local(moment)
    today = local.date() == _clock.local(_clock.now()).date()
    return f"{local:%H:%M}" if today else f"{local.day} {local:%b %H:%M}"


def clock(moment: datetime | None) -> str:
    """The exact local time, with the date unless that is today."""
    if moment is None:
        return ""
    local = _clock.local(moment)
    today = local.date() == _clock.local(_clock.now()).date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"
