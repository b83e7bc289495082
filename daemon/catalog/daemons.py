"""``daemons``: those that share a queue, as they show themselves. All times are the database's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from daemon.catalog.database import Connection

AWAY_AFTER = 15
"""Seconds without a sign of life after which a daemon counts as away."""

_JOINING = 0x6461656D6F6E  # "daemon", the key of the advisory lock under which daemons join

FORGOTTEN_AFTER = 3600
"""Seconds after which it is not listed any more."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """One daemon."""

    id: UUID
    """Its own since it was started."""
    host: str
    home: str
    """Its state directory: with the host, what tells it from others."""
    pid: int
    workers: int
    spool_mark: str
    busy: int = 0
    hung: int = 0
    age: float = 0.0
    """Seconds since its last sign of life."""

    @property
    def is_away(self) -> bool:
        """Whether it has not been seen for a while."""
        return self.age > AWAY_AFTER

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "host": self.host,
            "pid": self.pid,
            "workers": self.workers,
            "busy": self.busy,
            "hung": self.hung,
            "seen_age": round(self.age, 1),
            "away": self.is_away,
        }


def show(connection: Connection, daemon: Daemon) -> None:
    """Renew the row of ``daemon``, and forget those that have been away for long."""
    connection.execute(
        "WITH forgotten AS (DELETE FROM daemons WHERE seen_at < now() - make_interval(secs => %(long)s)"
        " AND id <> %(id)s)"
        " INSERT INTO daemons (id, host, home, pid, workers, busy, hung, spool_mark)"
        " VALUES (%(id)s, %(host)s, %(home)s, %(pid)s, %(workers)s, %(busy)s, %(hung)s, %(mark)s)"
        " ON CONFLICT (id) DO UPDATE SET busy = excluded.busy, hung = excluded.hung,"
        " spool_mark = excluded.spool_mark, seen_at = now()",
        {
            "long": FORGOTTEN_AFTER,
            "id": daemon.id,
            "host": daemon.host,
            "home": daemon.home,
            "pid": daemon.pid,
            "workers": daemon.workers,
            "busy": daemon.busy,
            "hung": daemon.hung,
            "mark": daemon.spool_mark,
        },
    )


def join(connection: Connection, daemon: Daemon) -> list[Daemon]:
    """Show ``daemon`` for the first time, unless others work with another spool: those are returned."""
    with connection.transaction():
        connection.execute(
            "SELECT pg_advisory_xact_lock(%s)", [_JOINING]
        )  # of two, the second sees the first
        leave(connection, daemon.host, daemon.home)
        others = with_another_spool(connection, daemon.spool_mark)
        if not others:
            show(connection, daemon)
    return others


def clock_ahead(connection: Connection, now: float) -> float:
    """Seconds that a clock which says ``now`` is ahead of the database's; negative if it is behind."""
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    return now - float(row[0]) if row else 0.0


def with_another_spool(connection: Connection, mark: str) -> list[Daemon]:
    """The daemons at work whose spool has another mark."""
    return [daemon for daemon in at_work(connection) if daemon.spool_mark != mark]


def leave(connection: Connection, host: str, home: str) -> None:
    """Forget what a daemon of this home has shown: it ended, or another one begins."""
    connection.execute("DELETE FROM daemons WHERE host = %s AND home = %s", [host, home])


def at_work(connection: Connection) -> list[Daemon]:
    """Those that are not away, by host."""
    return [daemon for daemon in known(connection) if not daemon.is_away]


def known(connection: Connection) -> list[Daemon]:
    """All that are not forgotten, by host."""
    with connection.cursor(row_factory=class_row(Daemon)) as cursor:
        return cursor.execute(
            "SELECT id, host, home, pid, workers, spool_mark, busy, hung,"
            " extract(epoch FROM now() - seen_at)::float8 AS age FROM daemons ORDER BY host, home, id"
        ).fetchall()
