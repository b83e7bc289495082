"""What a home knows about itself, in a small SQLite file: the daemon's heartbeat, the inbox's ledger."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon import sqlite_files
from daemon.sqlite_tables import Database

BUSY_TIMEOUT = 10
"""Seconds to wait for another process's write."""

STALE_HEARTBEAT = 15.0
"""Seconds after which a daemon that runs but does not say so counts as hung."""


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
    busy: int = 0
    """Workers that have a job."""
    hung: int = 0
    """Workers that have not reacted for minutes."""
    progress_at: str | None = None
    """When a job last made progress, ISO 8601; None if none did since the daemon started."""

    @property
    def age(self) -> float:
        """Seconds since this heartbeat."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.beat_at)).total_seconds()

    @property
    def is_stale(self) -> bool:
        """Whether its daemon, if it runs, hangs."""
        return self.age > STALE_HEARTBEAT


_KNOWN = {field.name for field in fields(Heartbeat)}


class StateFile:
    """The file, as one process uses it: opened when it is needed, and anew when it was deleted or replaced.

    Losing it loses no import.
    """

    def __init__(self, path: Path, *, is_shared: bool = False, patience: float = BUSY_TIMEOUT) -> None:
        """``is_shared`` between threads, which take turns; ``patience`` is how long to wait for a writer."""
        self._path = path
        self._patience = patience
        self._is_shared = is_shared
        self._opened: tuple[int, int] | None = None
        self._database_now: Database | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        if self._database_now is not None:
            self._database_now.close()
            self._database_now = None

    def make(self) -> None:
        """See to it that the file is there."""
        self.database.execute("SELECT 1")

    @property
    def database(self) -> Database:
        """The file that is there now, made if it is missing, set aside and made again if it is damaged."""
        if self._database_now is None or sqlite_files.identity(self._path) != self._opened:
            self.close()
            self._database_now = self._open()
            self._opened = sqlite_files.identity(self._path)
        return self._database_now

    def _open(self) -> Database:
        sqlite_files.make_usable(self._path)
        connection = sqlite3.connect(
            self._path, timeout=self._patience, check_same_thread=not self._is_shared
        )
        self._path.chmod(0o600)
        database = Database(connection)
        database.enable_wal()
        # A power cut may cost the last lines of the ledger, never the file. Nothing is decided by them.
        connection.execute("PRAGMA synchronous = NORMAL")
        self._create(database)
        return database

    def _create(self, database: Database) -> None:
        """Make the tables that are missing."""
        raise NotImplementedError


class State(StateFile):
    """The heartbeat in it."""

    def _create(self, database: Database) -> None:
        database.table("heartbeat").create(
            {
                "pid": int,
                "workers": int,
                "started_at": str,
                "beat_at": str,
                "database_error": str,
                "busy": int,
                "hung": int,
                "progress_at": str,
            },
            pk="pid",
            if_not_exists=True,
        )

    def beat(self, heartbeat: Heartbeat) -> None:
        """Replace the heartbeat."""
        database = self.database
        with database.conn:
            database.table("heartbeat").delete_where("pid <> ?", [heartbeat.pid])
            # Altered where the file was made by a version that knew less.
            database.table("heartbeat").upsert(asdict(heartbeat), pk="pid", alter=True)

    def heartbeat(self) -> Heartbeat | None:
        """The latest heartbeat, however old; None before the first."""
        rows: list[dict[str, Any]] = list(self.database.table("heartbeat").rows)
        if not rows:
            return None
        # What another version knows more is left out; what it lacks has its default.
        known = {name: value for name, value in rows[-1].items() if name in _KNOWN and value is not None}
        return Heartbeat(**known)
