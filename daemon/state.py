"""What a home knows about itself, in a small SQLite file: the daemon's heartbeat."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlite_utils

from daemon import sqlite_files

BUSY_TIMEOUT = 10
"""Seconds to wait for another process's write."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a running daemon says of itself every few seconds."""

    pid: int
    workers: int
    started_at: str
    beat_at: str
    """Time of this heartbeat, ISO 8601."""
    database_error: str | None = None
    """Why the database was out of reach at that time, or None."""

    @property
    def age(self) -> float:
        """Seconds since this heartbeat."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.beat_at)).total_seconds()


class State:
    """The file, opened by one process. Losing it loses no import."""

    def __init__(self, path: Path) -> None:
        sqlite_files.make_usable(path)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT)
        path.chmod(0o600)
        self._database = sqlite_utils.Database(connection)
        self._database.enable_wal()
        self._database.table("heartbeat").create(
            {"pid": int, "workers": int, "started_at": str, "beat_at": str, "database_error": str},
            pk="pid",
            if_not_exists=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def beat(self, heartbeat: Heartbeat) -> None:
        """Replace the heartbeat."""
        with self._database.conn:
            self._database.table("heartbeat").delete_where("pid <> ?", [heartbeat.pid])
            self._database.table("heartbeat").upsert(asdict(heartbeat), pk="pid")

    def heartbeat(self) -> Heartbeat | None:
        """The latest heartbeat, however old; None before the first."""
        rows: list[dict[str, Any]] = list(self._database.table("heartbeat").rows)
        return Heartbeat(**rows[-1]) if rows else None
