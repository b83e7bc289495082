"""The catalogue copied from one server to another, and the copy compared with the original.

Both sides are read in COPY's binary format in the order of the primary key. What that says of the same rows
is the same on every version and platform, so one SHA-256 per table tells whether they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import IsolationLevel, errors, sql

from daemon.catalog.database import Connection, mask_password, migrate

LOOK = 10_000
"""Rows between two words about how far it has come."""

PERHAPS_COPIED = (
    "Everything was copied, but whether the database keeps it is not known. If it has books now, it has all"
    " of them; if not, try again"
)

NOT_COPIED = "schema_migrations"
"""Each database says by itself how its tables were made."""


class TransferError(Exception):
    """The catalogue cannot be copied. The message says why, whether it is changed, and what to do next."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is copied."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """Columns of its primary key."""
    rows: int


@dataclass(frozen=True, slots=True)
class TableCopied:
    """A table that is the same on both sides."""

    name: str
    rows: int
    sha256: str
    """Of the rows, in hexadecimal."""


TransferProgress = Callable[[str, str, int, int], object]
"""Is told a table, what is done with it ("copying" or "comparing"), the rows of that and all its rows."""


def transfer(source: Connection, target: Connection, progress: TransferProgress) -> list[TableCopied]:
    """Copy all tables from ``source`` as they are at this moment; what was copied, every table compared.

    The target gets everything in one transaction: on any error it is as it was, or the error says otherwise.
    The source is only read. Both connections are changed in how they work; close them afterwards. Raises
    :class:`TransferError` and :class:`~daemon.catalog.database.DatabaseError`.
    """
    source.isolation_level = IsolationLevel.REPEATABLE_READ
    source.read_only = True
    is_whole = False
    try:
        with source.transaction(), target.transaction():
            _check(target)
            migrate(target)
            _refuse_unless_empty(target)
            copied = [_copy_table(source, target, table, progress) for table in _tables(source)]
            _set_sequences(source, target)
            is_whole = True
    except psycopg.Error as error:
        reason = mask_password(str(error)).partition("\n")[0]
        if is_whole:  # it was in the COMMIT
            raise TransferError(f"{PERHAPS_COPIED}: {reason}") from error
        raise TransferError(
            f"The catalogue could not be copied, and nothing was changed: {reason}"
        ) from error
    with suppress(psycopg.Error):  # the server does it otherwise, later
        target.execute("ANALYZE")
    return copied


def _check(target: Connection) -> None:
    encoding = target.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise TransferError(
            f"The database is in {encoding}, which cannot hold every title. Make one with ENCODING 'UTF8'."
        )


def _refuse_unless_empty(target: Connection) -> None:
    # Until the end of the transaction nobody else may begin an import there.
    try:
        target.execute("LOCK TABLE books, import_jobs IN SHARE ROW EXCLUSIVE MODE NOWAIT")
    except errors.LockNotAvailable:
        raise TransferError("Another program writes into that database. End it, and try again.") from None
    for table, what in (("books", "books"), ("import_jobs", "imports")):
        found = target.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone()
        if found:
            raise TransferError(f"The database has {what} already. Make an empty one, and move into that.")


def _tables(connection: Connection) -> list[Table]:
    """The tables in the order in which their foreign keys allow them to be filled."""
    columns = connection.execute(
        "SELECT relname, array_agg(attname::text ORDER BY attnum) FROM pg_class JOIN pg_attribute"
        " ON attrelid = pg_class.oid WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND relname <> %s GROUP BY 1 ORDER BY 1",
        [NOT_COPIED],
    ).fetchall()
    keys: dict[str, tuple[str, ...]] = {name: tuple(names) for name, names in _keys(connection)}
    parents = connection.execute(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid <> confrelid"
        " AND connamespace = current_schema()::regnamespace"
    ).fetchall()
    found: dict[str, list[str]] = dict(columns)
    waiting = dict(found)
    ordered: list[str] = []
    while waiting:
        ready = [name for name in waiting if not any(a == name and b in waiting for a, b in parents)]
        if not ready:
            raise RuntimeError("foreign keys in a circle")
        ordered += ready
        for name in ready:
            del waiting[name]
    return [Table(name, tuple(found[name]), keys[name], _count(connection, name)) for name in ordered]


def _keys(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT conrelid::regclass::text, (SELECT array_agg(attname::text ORDER BY at) FROM"
        " unnest(conkey) WITH ORDINALITY AS place (attnum, at) JOIN pg_attribute USING (attnum)"
        " WHERE attrelid = conrelid) FROM pg_constraint"
        " WHERE contype = 'p' AND connamespace = current_schema()::regnamespace"
    ).fetchall()


def _count(connection: Connection, name: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
    return int(row[0]) if row else 0


def _copy_table(
    source: Connection, target: Connection, table: Table, progress: TransferProgress
) -> TableCopied:
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    with target.cursor().copy(into) as copy:
        original = _read(
            source, table, copy.write, lambda rows: progress(table.name, "copying", rows, table.rows)
        )
    copied = _read(target, table, None, lambda rows: progress(table.name, "comparing", rows, table.rows))
    if original != copied or _count(target, table.name) != table.rows:
        raise TransferError(
            f"The copy of the table {table.name} differs from the original, and was taken back. Try again; "
            "if it happens again, look into the logs of both servers."
        )
    return TableCopied(table.name, table.rows, copied)


def _read(
    connection: Connection,
    table: Table,
    write: Callable[[bytes], object] | None,
    progress: Callable[[int], object],
) -> str:
    """Hand all rows to ``write``; their SHA-256."""
    digest = hashlib.sha256()
    out = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT binary)").format(
        sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        sql.Identifier(table.name),
        sql.SQL(", ").join(map(sql.Identifier, table.key)),
    )
    progress(0)
    with connection.cursor().copy(out) as copy:
        for number, row in enumerate(copy, 1):
            digest.update(row)
            if write is not None:
                write(bytes(row))
            if number % LOOK == 0:
                progress(number)
    progress(table.rows)
    return digest.hexdigest()


def _set_sequences(source: Connection, target: Connection) -> None:
    """Let numbered columns go on behind the numbers that they have."""
    sequences = source.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace"
    ).fetchall()
    for (name,) in sequences:
        state = source.execute(
            sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name))
        ).fetchone()
        if state:
            target.execute("SELECT setval(%s::regclass, %s, %s)", [f'"{name}"', *state])
