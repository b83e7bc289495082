"""What the user chose last: orders, filters, the theme. A small file of the home keeps it between two runs.

Nothing depends on it: a file that is missing, damaged or cannot be written is as good as one that is empty.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from bibliflow_tui.text import visible
from daemon.logger import Logger
from daemon.whole_file import unfinished

log = Logger(__name__)

LONGEST = 1000
"""Characters of a value; a longer one is not the user's."""

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Habits:
    """Each is empty until the user chooses."""

    theme: str = ""
    imports_order: str = ""
    imports_state: str = ""
    """The word of the only state that is shown."""
    imports_text: str = ""
    books_order: str = ""
    books_text: str = ""


class HabitFile:
    """The habits of a home. Several dashboards may share it: each writes what was changed in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._changes: dict[str, str] = {}
        self.now = _read(path)
        """As this dashboard knows them."""

    def change(self, **changes: str) -> bool:
        """Take these values; whether that changed any, so that :meth:`save` has something to do."""
        with self._lock:
            before, self.now = self.now, replace(self.now, **changes)
            self._changes |= {
                name: value for name, value in changes.items() if getattr(before, name) != value
            }
            return bool(self._changes)

    def save(self) -> None:
        """Write what was changed since the last time, from any thread; tried once, and never an error."""
        with self._lock:
            changes, self._changes = self._changes, {}
            if not changes:
                return
            try:
                values = asdict(replace(_read(self._path), **changes))
                with unfinished(self._path) as written:
                    written.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
            except OSError as error:
                log.warning("what was chosen is not remembered", file=str(self._path), error=str(error))


def chosen(word: str, default: Choice) -> Choice:
    """The choice with this value, or else ``default``."""
    return next((choice for choice in type(default) if choice == word), default)


def _read(path: Path) -> Habits:
    """What the file holds, as far as it is usable, and harmless for a terminal."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Habits()
    if not isinstance(found, dict):
        return Habits()
    values = {field.name: found.get(field.name) for field in fields(Habits)}
    usable = {
        name: visible(value)
        for name, value in values.items()
        if isinstance(value, str) and len(value) <= LONGEST
    }
    return Habits(**usable)
