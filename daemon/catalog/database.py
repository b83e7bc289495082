"""Connections to the catalogue: the embedded server or your own, and migrations when one is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from pydantic_core import from_json

from daemon.catalog.embedded import EmbeddedServer, ServerError
from daemon.settings import Paths, Settings

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

set_json_loads(from_json)  # of the two parsers that are there anyway, this one takes a third of the time

OLDEST_SERVER = 150000
"""PostgreSQL 15, as ``server_version_num``."""

CONNECTION_OPTIONS: dict[str, Any] = {
    "application_name": "bibliflow",
    "client_encoding": "UTF8",
    "connect_timeout": 5,  # seconds
    # A server that vanished without a word is given up after this; libpq would wait for ever.
    "tcp_user_timeout": 15_000,  # milliseconds
    "keepalives_idle": 10,  # seconds
}

WAITING_LIMITS = {
    "lock_timeout": "30s",  # another import with the same ISBNs holds them for the time of one chunk
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "10",  # seconds
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",  # milliseconds
}

SHORTEST_SECRET = 4
"""Characters of a password that is looked for in texts of any kind."""

_MIGRATION_LOCK = 0x6269626C696F  # "biblio", the key of the advisory lock that migrations take

Connection: TypeAlias = psycopg.Connection[TupleRow]
Pool: TypeAlias = "ConnectionPool[Connection]"


class DatabaseError(Exception):
    """The database cannot be used. The message says which, why, and what to do next; never a password."""


class PasswordNeededError(DatabaseError):
    """The server wants a password, and has got none."""


class Database:
    """One program's access to the catalogue.

    ``open()`` starts or adopts the embedded server where no address is configured, and brings the schema up
    to date. Opening and closing again is cheap when the server runs already.
    """

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._url = settings.database.url.get_secret_value()
        self._paths = paths
        self._server = None if self._url else EmbeddedServer(paths.server)
        self._conninfo: str | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether the server is Bibliflow's own."""
        return self._server is not None

    def open(self) -> Self:
        """Make the database ready for :meth:`connect`. Raises :class:`DatabaseError`."""
        if self._conninfo is None:
            try:
                self._find()
                with self.connect() as connection:
                    migrate(connection)
            except BaseException as error:
                self.close()
                if isinstance(error, psycopg.Error):
                    raise self._explain(error) from None
                raise
        return self

    def _find(self) -> None:
        """Take note of the address; of the embedded server's when it runs. Raises DatabaseError."""
        try:
            address = self._server.acquire() if self._server else self._url
            self._conninfo = make_conninfo(address, **CONNECTION_OPTIONS)
        except ServerError as error:
            raise DatabaseError(str(error)) from error
        except psycopg.Error as error:
            raise self._explain(error) from None

    def close(self, *, end_server: bool = False) -> None:
        """Stop using the database; the last user of an embedded server stops it.

        ``end_server`` stops it whoever uses it.
        """
        self._conninfo = None
        if self._server:
            self._server.release(end_it=end_server)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ensure_server(self) -> bool:
        """Start the embedded server again if it died; True if it had to. Raises :class:`DatabaseError`."""
        if self._server is None:
            return False
        try:
            return self._server.ensure_running()
        except ServerError as error:
            raise DatabaseError(str(error)) from error

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in autocommit mode, closed at the end.

        Raises :class:`DatabaseError` when the server cannot be reached; what goes wrong later comes as
        :class:`psycopg.Error`.
        """
        try:
            connection = psycopg.connect(self._address, autocommit=True)
        except psycopg.Error as error:
            raise self._explain(error) from None
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def look(self) -> Iterator[Connection | None]:
        """A connection that cannot write, without :meth:`open`; None where there is no catalogue yet.

        Nothing is made and nothing brought up to date. Raises as :meth:`open`.
        """
        if self._server and not self._paths.server.exists():
            yield None
            return
        try:
            self._find()
            with self.connect() as connection:
                connection.execute("SET default_transaction_read_only = on")
                version, newest = schema_version(connection), newest_version()
                if version > newest:
                    raise _too_new(version, newest)
                yield connection if version == newest else None
        finally:
            self.close()

    def pool(self, size: int) -> Pool:
        """A pool of at most ``size`` connections for a program with threads; connections are checked."""
        from psycopg_pool import ConnectionPool  # only the dashboard has threads

        return ConnectionPool(
            self._address,
            kwargs={"autocommit": True},
            min_size=0,
            max_size=size,
            timeout=CONNECTION_OPTIONS["connect_timeout"],
            check=ConnectionPool.check_connection,
            open=True,
        )

    @contextmanager
    def peek(self, timeout: int) -> Iterator[Connection | None]:
        """A connection without :meth:`open`; None if the server is an embedded one that does not run.

        Nothing is started, made or brought up to date. ``timeout`` is that of connecting, in seconds. Raises
        as :meth:`open`.
        """
        try:
            address = self._server.running() if self._server else self._url
            if address is None:
                yield None
                return
            conninfo = make_conninfo(address, **CONNECTION_OPTIONS | {"connect_timeout": timeout})
            with psycopg.connect(conninfo, autocommit=True) as connection:
                yield connection
        except ServerError as error:
            raise DatabaseError(str(error)) from error
        except psycopg.Error as error:
            raise self._explain(error) from None

    @property
    def _address(self) -> str:
        if self._conninfo is None:
            raise RuntimeError("Database.open() has not been called")
        return self._conninfo

    def _explain(self, error: psycopg.Error) -> DatabaseError:
        return explain(error, "the embedded server" if self._server else "database.url")


def explain(error: psycopg.Error, where: str) -> DatabaseError:
    """What to say if the server that is called ``where`` cannot be used."""
    if isinstance(error, psycopg.ProgrammingError) and not error.sqlstate:
        # libpq repeats the whole string, password included, when it cannot parse it.
        return DatabaseError(
            f"{where} is not a PostgreSQL address; it looks like postgresql://user@host/name"
        )
    reason = " ".join(mask_password(str(error)).split())
    if isinstance(error, psycopg.OperationalError) and error.pgconn and error.pgconn.needs_password:
        return PasswordNeededError(f"The database cannot be used ({where}): {reason}")
    return DatabaseError(f"The database cannot be used ({where}): {reason}")


@contextmanager
def connected(url: str, password: str | None = None) -> Iterator[Connection]:
    """A connection in autocommit mode to a server beside the settings' one; nothing is migrated.

    Raises as :meth:`Database.connect`, and :class:`PasswordNeededError` if the server wants a password that
    neither the address nor libpq's own places have.
    """
    try:
        secret = {} if password is None else {"password": password}
        connection = psycopg.connect(make_conninfo(url, **CONNECTION_OPTIONS, **secret), autocommit=True)
    except psycopg.Error as error:
        raise explain(error, "that address") from None
    try:
        yield connection
    finally:
        connection.close()


def mask_password(text: str) -> str:
    """``text`` without the passwords of connection strings in it."""
    # To the last @ of what hangs together: one in a password should be %40, and may not be.
    text = re.sub(r"(\w+://[^\s:/@]*):\S*@", r"\1:***@", text)
    return re.sub(r"(password\s*=\s*)('[^']*'|\S+)", r"\1***", text, flags=re.IGNORECASE)


def mask_secrets(text: str, settings: Settings) -> str:
    """:func:`mask_password`, and the configured addresses and their passwords wherever else they stand."""
    secrets: set[str] = set()
    for section in (settings.database, settings.queue):
        url = section.url.get_secret_value()
        secrets |= {url, *re.findall(r"://[^:/@]*:(.+)@", url)}
        with suppress(psycopg.Error):  # as of an address that is Redis's
            secrets.add(str(conninfo_to_dict(url).get("password") or ""))
    # The longest first: one may be part of another. Very short ones would be found in every word.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return mask_password(text)


def ensure_alive(connection: Connection) -> None:
    """Raise :class:`psycopg.OperationalError` if the server is gone: a listener would not notice."""
    from psycopg_pool import ConnectionPool

    ConnectionPool.check_connection(connection)


def limit_waiting(connection: Connection) -> None:
    """Let no statement wait for ever: for another one's lock, for a server that is stuck.

    The server, too, gives up a client that is gone without a word, and with it the locks that it holds.
    """
    for name, value in WAITING_LIMITS.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])


def prepare_for_imports(connection: Connection) -> None:
    """Limit waiting, and isolation to what is usual; nor does a chunk's COMMIT wait for the server's disk.

    A crash of the server loses the last chunks together with their checkpoints, and the import goes on before
    them.
    """
    limit_waiting(connection)
    connection.execute("SET synchronous_commit TO off")
    # A chunk's checkpoint must see that of the one before it, which was committed in the meantime.
    connection.execute("SET default_transaction_isolation TO 'read committed'")


def is_waited_for(connection: Connection) -> bool:
    """Whether another session waits for a lock that this one holds."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
        " AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    ).fetchone()
    return bool(row and row[0])


def is_out_of_reach(error: BaseException) -> bool:
    """Whether ``error`` says that the connection, not the statement, failed."""
    return isinstance(error, (DatabaseError, psycopg.OperationalError, psycopg.InterfaceError))


def migrations() -> list[tuple[int, str, str]]:
    """The numbered SQL files as (version, name, SQL), in order."""
    files = Path(__file__).parent / "migrations"
    return sorted(
        (int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files.iterdir()
        if (match := re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name))
    )


def migrate(connection: Connection) -> None:
    """Bring the schema up to date; whoever comes first does it, under an advisory lock.

    Raises :class:`DatabaseError` when the server is too old, the schema newer than this program, the tables
    are another program's, or the role may not look at them or change them.
    """
    if connection.info.server_version < OLDEST_SERVER:
        major = connection.info.server_version // 10000
        raise DatabaseError(f"Bibliflow needs PostgreSQL 15 or newer; database.url leads to version {major}")
    known = migrations()
    newest = known[-1][0]
    try:
        version = schema_version(connection)
        if version != newest:
            _migrate(connection, known)
    except errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The role {connection.info.user} may not read the tables, or not bring them up to schema "
            f"version {newest}: {_first_line(error)}. Run `bibliflow health` once with the role that owns "
            "them; `bibliflow help security` says what other roles need."
        ) from None
    except (errors.DuplicateObject, errors.DuplicateTable) as error:
        raise DatabaseError(
            f"The database has tables of another program: {_first_line(error)}. Make a database for "
            "Bibliflow alone, and name that in database.url."
        ) from None


def _migrate(connection: Connection, known: list[tuple[int, str, str]]) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        version = schema_version(connection)
        if version > known[-1][0]:
            raise _too_new(version, known[-1][0])
        for number, name, sql in known:
            if number > version:
                connection.execute(sql.encode())
                connection.execute(
                    "INSERT INTO schema_migrations (version, name) VALUES (%s, %s)", [number, name]
                )


def newest_version() -> int:
    """The schema's version that this program knows and makes."""
    return migrations()[-1][0]


def _too_new(version: int, newest: int) -> DatabaseError:
    return DatabaseError(
        f"The database has schema version {version}, made by a newer Bibliflow; this one knows "
        f"versions up to {newest}. Update Bibliflow on this machine."
    )


def schema_version(connection: Connection) -> int:
    """The schema's version; 0 in an empty database."""
    exists = connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL").fetchone()
    if not exists or not exists[0]:
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()
    return int(row[0]) if row else 0


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]
