"""What the daemon did, from the log that it writes when it runs in the background."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

LONGEST_READ = 2 * 1024 * 1024
"""Bytes of the end of the log that are looked at: about ten thousand events."""

_KNOWN = ("timestamp", "level", "event", "logger")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log."""

    at: datetime | None
    level: str
    text: str
    """What happened."""
    details: str
    """To what; ``key=value`` and so on."""

    def holds(self, text: str) -> bool:
        """Whether ``text`` is in it, without regard to case."""
        wanted = text.casefold()
        return any(wanted in part.casefold() for part in (self.level, self.text, self.details))


def latest(path: Path) -> list[Event]:
    """The last events in the log at ``path``, the newest first; none if there is no log."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - LONGEST_READ, 0))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return []
    if size > LONGEST_READ:
        del lines[0]  # its beginning was not read
    return list(_events(lines))[::-1]


def _events(lines: list[bytes]) -> Iterator[Event]:
    for line in lines:
        text = line.decode("utf-8", "replace")
        if not text.strip():
            continue
        try:
            fields: dict[str, Any] = json.loads(text)
            at = datetime.fromisoformat(str(fields["timestamp"]))
        except (ValueError, KeyError, TypeError):
            yield Event(None, "", text, "")  # of a traceback, or another program's
            continue
        details = "  ".join(f"{key}={value}" for key, value in fields.items() if key not in _KNOWN)
        yield Event(at, str(fields.get("level", "")), str(fields.get("event", "")), details)
