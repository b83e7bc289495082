"""Short notices that do not pile up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.notifications import Notification, SeverityLevel

MOST = 3
"""Notices on the screen."""

SECONDS: dict[SeverityLevel, float] = {"information": 3, "warning": 5, "error": 8}
"""How long they stay: what went wrong takes longer to read."""


@dataclass
class Toast(Notification):
    """A notice of a kind; the next one of that kind takes its place."""

    kind: str = ""
    """What it is about. Without it, news is one kind, and a warning or an error is like itself only."""

    def __post_init__(self) -> None:
        self.timeout = SECONDS[self.severity]
        if not self.kind:
            self.kind = self.severity if self.severity == "information" else self.message


def outdated(shown: Iterable[Notification], new: Notification) -> list[Notification]:
    """Those of the ``shown`` that must go when ``new`` comes: of its kind, and the oldest that are too many.

    News goes before warnings and errors.
    """
    others = [old for old in shown if old.identity != new.identity]
    gone = [old for old in others if _kind(old) == _kind(new)]
    rest = [old for old in others if old not in gone]
    rest.sort(key=lambda old: (old.severity != "information", old.raised_at))
    return gone + rest[: max(len(rest) - MOST + 1, 0)]


def _kind(notification: Notification) -> str:
    return notification.kind if isinstance(notification, Toast) else notification.message
