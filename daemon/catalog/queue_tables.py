"""The queue of several machines in tables of a PostgreSQL server, which need not be the catalogue's."""

from __future__ import annotations

from typing import Any

import psycopg
from huey.storage import PostgresStorage
from psycopg.conninfo import make_conninfo

from daemon.catalog.database import CONNECTION_OPTIONS, mask_password
from daemon.queue_error import server_away

_MAKING = 0x717565756573  # "queues", the key of the advisory lock under which the tables are made


class TableStorage(PostgresStorage):
    """Huey's, which waits for notifications. It connects when it is used, and makes its tables then."""

    errors = (psycopg.Error,)

    def __init__(self, name: str, *, url: str, patience: float, **_: Any) -> None:
        """``patience`` is for connecting, in whole seconds and at least two: libpq knows no other."""
        self._url = url
        self._options = CONNECTION_OPTIONS | {
            "connect_timeout": max(2, min(round(patience), CONNECTION_OPTIONS["connect_timeout"]))
        }
        super().__init__(name, connection=self._open, table_prefix=name, create_tables=False)

    @staticmethod
    def explain(error: Exception) -> str:
        """What to say of one of :attr:`errors`; never a password."""
        if isinstance(error, psycopg.ProgrammingError) and not error.sqlstate:
            # libpq repeats the whole string, password included, when it cannot parse it.
            return (
                "queue.url is not a PostgreSQL address with what belongs to one; it looks like "
                "postgresql://user@host/name"
            )
        return server_away("PostgreSQL", " ".join(mask_password(str(error)).split()))

    def _open(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(make_conninfo(self._url, **self._options), autocommit=True)
        try:
            self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_tables(self, connection: psycopg.Connection[Any]) -> None:
        """If they are missing: a role that may not make any can use those that another one made."""
        found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [self.table_counter]).fetchone()
        if found and found[0]:
            return
        with connection.transaction():  # two at once would both make them, and one fail
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
            for statement in self.ddl:
                connection.execute(statement)
