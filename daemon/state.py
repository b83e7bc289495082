"""What a home knows about itself, in a small SQLite file: the daemon's heartbeat and its latest events."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlite_utils

KEPT_EVENTS = 1000
"""Older events are dropped."""

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


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for the activity log."""

    id: int
    at: str
    """ISO 8601."""
    kind: str
    message: str
    job_id: str | None


class State:
    """The file, opened by one process. Losing it loses no import."""

    def __init__(self, path: Path) -> None:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT)
        path.chmod(0o600)
        self._database = sqlite_utils.Database(connection)
        self._database.enable_wal()
        self._database["heartbeat"].create(
            {"pid": int, "workers": int, "started_at": str, "beat_at": str, "database_error": str},
            pk="pid",
            if_not_exists=True,
        )
        self._database["events"].create(
            {"id": int, "at": str, "kind": str, "message": str, "job_id": str}, pk="id", if_not_exists=True
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
            self._database["heartbeat"].delete_where("pid <> ?", [heartbeat.pid])
            self._database["heartbeat"].upsert(asdict(heartbeat), pk="pid")

    def heartbeat(self) -> Heartbeat | None:
        """The latest heartbeat, however old; None before the first."""
        rows: list[dict[str, Any]] = list(self._database["heartbeat"].rows)
        return Heartbeat(**rows[-1]) if rows else None

    def record(self, kind: str, message: str, job_id: str | None = None) -> None:
        """Add an event and drop the oldest beyond the limit."""
        at = datetime.now(UTC).isoformat()
        with self._database.conn:
            added = self._database["events"].insert(
                {"at": at, "kind": kind, "message": message, "job_id": job_id}
            )
            self._database["events"].delete_where("id <= ?", [int(added.last_pk) - KEPT_EVENTS])

    def events(self, limit: int) -> list[Event]:
        """The latest events, newest first."""
        rows: list[dict[str, Any]] = list(self._database["events"].rows_where(order_by="id desc", limit=limit))
        return [Event(**row) for row in rows]
