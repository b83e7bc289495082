"""The queue of one home: an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huey.storage import SqliteStorage

from daemon import sqlite_files
from daemon.doorbell import Doorbell

IDLE_POLL = 0.4
"""Seconds between looks at an empty queue when the doorbell does not ring."""


class FileStorage(SqliteStorage):
    """Huey's, in a file that may be deleted, replaced or damaged while processes have it open.

    Then each of them opens, or makes, the one that is there now; the reconciler fills it again.
    """

    errors = (sqlite3.Error,)
    blocking = True  # an empty queue is waited for here, and not by Huey

    _conn: sqlite3.Connection | None
    _opened: tuple[int, int] | None = None
    """What told the file that is open from others."""

    def __init__(self, name: str, *, filename: str, **options: Any) -> None:
        self._bell = Doorbell(Path(filename).with_suffix(".bell"))
        super().__init__(name, filename=filename, **options)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """As Huey's; a worker that waits is woken."""
        super().enqueue(data, priority)
        self._bell.ring()

    def dequeue(self) -> bytes | None:
        """As Huey's, which does not wait for a task."""
        data: bytes | None = super().dequeue()
        if data is None:
            self._bell.wait(IDLE_POLL)
            data = super().dequeue()
        return data

    def close(self) -> None:
        """Give the files back."""
        self._bell.close()
        super().close()

    @staticmethod
    def explain(error: Exception) -> str:
        """What to say of one of :attr:`errors`."""
        return f"The queue or the daemon's state cannot be used: {error}"

    @property
    def conn(self) -> sqlite3.Connection:
        """To the file that is there now."""
        path = Path(self.filename)
        if self._conn is not None and sqlite_files.identity(path) != self._opened:
            self._conn.close()
            self._conn = None
        if self._conn is None:
            sqlite_files.make_usable(path)
            connection: sqlite3.Connection = self._create_connection()
            for statement in self.ddl:
                connection.execute(statement)
            path.chmod(0o600)
            self._conn, self._opened = connection, sqlite_files.identity(path)
        return self._conn

    @contextmanager
    def db(self, commit: bool = False, close: bool = False) -> Iterator[sqlite3.Cursor]:
        """As Huey's; a damaged file is set aside."""
        try:
            with super().db(commit=commit, close=close) as cursor:
                yield cursor
        except sqlite3.DatabaseError as error:
            if sqlite_files.is_damage(error):
                sqlite_files.set_aside(Path(self.filename))
            raise
