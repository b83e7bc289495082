"""What the daemon did, from its log: for ``bibliflow logs`` and the dashboard."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from daemon import logfile

LONGEST_READ = 2 * 1024 * 1024
"""Bytes of the end of the log that the dashboard looks at: about ten thousand events."""

LOOK = 0.2
"""Seconds between looks for more lines."""

LEVELS = ("debug", "info", "warning", "error", "critical")

_KNOWN = ("timestamp", "level", "event", "logger", "exception")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log."""

    at: datetime | None
    """None for what is no event of ours: of a traceback, or another program's."""
    level: str
    text: str
    """What happened."""
    details: str
    """To what; ``key=value`` and so on."""
    trace: str = ""
    """The traceback of an error, of many lines; or empty."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """All of it, as it stands in the log."""

    def holds(self, text: str) -> bool:
        """Whether ``text`` is in it, without regard to case."""
        wanted = text.casefold()
        return any(wanted in part.casefold() for part in (self.level, self.text, self.details, self.trace))

    def concerns(self, job: str) -> bool:
        """Whether it is about the job whose id is, or begins with, ``job``."""
        return str(self.fields.get("job_id", "")).startswith(job.casefold())

    def weighs(self, level: str) -> bool:
        """Whether it weighs ``level`` or more; what is no event of ours always does."""
        return self.level not in LEVELS or LEVELS.index(self.level) >= LEVELS.index(level)


def latest(path: Path) -> list[Event]:
    """The last events in the log at ``path``, the newest first; none if there is no log."""
    found: list[Event] = []
    left = LONGEST_READ
    for file in reversed(logfile.files(path)):
        try:
            lines, size = _end(file, left)
        except FileNotFoundError:
            continue  # set aside in this moment, and read under its other name
        found += list(events(lines))[::-1]
        left -= size
        if left <= 0:
            break
    return found


def _end(file: Path, length: int) -> tuple[list[str], int]:
    """The whole lines in the last ``length`` bytes of a file, and how many bytes they could be."""
    with file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        opened.seek(max(size - length, 0))
        lines = opened.read().split(b"\n")
    if size > length:
        del lines[0]  # its beginning was not read
    return [line.decode("utf-8", "replace") for line in lines], size


class LogReader:
    """The log at a path, read once from its beginning: what is there, and then what comes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def history(self) -> Iterator[str]:
        """The lines that are there, also of what was set aside, the oldest first."""
        opened = []
        for file in logfile.files(self._path):  # opened before any is read: they may get other names
            with suppress(FileNotFoundError):
                opened.append(file.open("rb"))
        for stream in opened:
            self.close()
            self._file = stream
            yield from self._lines()

    def follow(self) -> Iterator[str]:
        """Each line as it comes, for ever."""
        while True:
            # Asked before reading: nothing is added to a file that has been left.
            is_left = not self._is_there()
            if self._file is not None:
                yield from self._lines()
            if not is_left:
                time.sleep(LOOK)
                continue
            self.close()
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                time.sleep(LOOK)

    def _is_there(self) -> bool:
        """Whether the file that is open still has the log's name."""
        try:
            return self._file is not None and os.path.samestat(
                os.fstat(self._file.fileno()), self._path.stat()
            )
        except FileNotFoundError:
            return False

    def _lines(self) -> Iterator[str]:
        """The lines from here on; half a line is left for the next time."""
        assert self._file  # noqa: S101
        while line := self._file.readline():
            if not line.endswith(b"\n"):
                self._file.seek(-len(line), os.SEEK_CUR)
                return
            yield line.decode("utf-8", "replace").rstrip("\n")

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def events(lines: Iterable[str]) -> Iterator[Event]:
    """``lines`` as events."""
    for text in lines:
        if not text.strip():
            continue
        try:
            fields: dict[str, Any] = json.loads(text)
            at = datetime.fromisoformat(str(fields["timestamp"]))
        except (ValueError, KeyError, TypeError):
            yield Event(None, "", text, "")
            continue
        trace = str(fields.get("exception", ""))
        details = "  ".join(f"{key}={value}" for key, value in fields.items() if key not in _KNOWN)
        yield Event(at, str(fields.get("level", "")), str(fields.get("event", "")), details, trace, fields)
