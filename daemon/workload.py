"""How much there is to do, and who is at it: what the dashboard shows all the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class InboxState(Enum):
    """Whether files are taken from the inbox."""

    OFF = "off"
    """``watch.enabled`` is false."""
    UNWATCHED = "not watched"
    """No daemon runs."""
    WATCHED = "watched"
    STOPPED = "stopped"
    """It should be, but nothing can be taken; the place Inbox says why."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What one look found. Two looks at the same are equal."""

    waiting: int | None = None
    """Tasks in the queue, or jobs that wait where it is shared; None if it cannot be read at this moment."""
    busy: int | None = None
    """Workers that are at a job; None if the database is out of reach."""
    workers: int | None = None
    """All of the daemon's, or of those that share the queue; None if none runs."""
    daemons: int = 0
    """Those that share the queue and are not away; 0 where the queue is the home's own."""
    silent_since: datetime | None = None
    """The last word of a daemon that runs but hangs."""
    inbox: InboxState = InboxState.OFF
    inbox_since: datetime | None = None
    """When it came to a stop."""
    arriving: int = 0
    """Files in the inbox that are not complete yet, or wait to be taken."""
