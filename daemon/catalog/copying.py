"""COPY in its binary format, the rows built by columns.

Measured on a million books: the server needs a fifth less time for them than in the text format, where it
takes every UUID apart digit by digit, and a row costs the client 1.0 instead of 2.5 microseconds
(psycopg's ``write_row``). Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain, compress, repeat
from pickle import PickleBuffer
from typing import Any, TypeAlias
from uuid import UUID

from daemon.catalog.database import Connection

Column: TypeAlias = tuple[Iterable[bytes], ...]
"""Pieces of bytes that make the column's field of one row, for all rows."""

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # no flags, no extension
_TRAILER = b"\xff\xff"
JSONB = b"\x01"
"""The version of jsonb's binary form, before the JSON itself."""

_NULL = b"\xff\xff\xff\xff"


def _length(size: int) -> bytes:
    return size.to_bytes(4)


class _Lengths(dict[int, bytes]):
    """The usual lengths of a field at hand, the others made."""

    def __missing__(self, size: int) -> bytes:
        return _length(size)


_LENGTHS = _Lengths({size: _length(size) for size in range(2048)})


class _Integers(dict["int | None", bytes]):
    """Fields of small integers, such as years, each made once."""

    def __missing__(self, value: int | None) -> bytes:
        self[value] = field = _NULL if value is None else _length(4) + value.to_bytes(4, signed=True)
        return field


_INTEGERS = _Integers()


def texts(values: Sequence[str], prefix: bytes = b"") -> Column:
    """Texts, none of which holds NUL or lone surrogates; ``prefix`` goes before each within its field."""
    encoded = "\0".join(values).encode().split(b"\0") if values else []
    if not prefix:
        return map(_LENGTHS.__getitem__, map(len, encoded)), encoded
    sizes = (len(value) + len(prefix) for value in encoded)
    return map(_LENGTHS.__getitem__, sizes), repeat(prefix), encoded


def small_integers(values: Iterable[int | None]) -> Column:
    """Integers of few different values, or NULL."""
    return (map(_INTEGERS.__getitem__, values),)


def big_integers(values: Iterable[int]) -> Column:
    """Numbers for a column of type bigint."""
    return repeat(_length(8)), (value.to_bytes(8) for value in values)


def uuids(values: Iterable[bytes]) -> Column:
    """Identifiers, 16 bytes each."""
    return repeat(_length(16)), values


def same_uuid(value: UUID | None) -> Column:
    """The same identifier, or NULL, in all rows."""
    return (repeat(_NULL if value is None else _length(16) + value.bytes),)


def same_text(value: str | None) -> Column:
    """The same text, or NULL, in all rows."""
    if value is None:
        return (repeat(_NULL),)
    encoded = value.encode()
    return (repeat(_length(len(encoded)) + encoded),)


def begin(width: int, size: int) -> bytes:
    """How a row of ``width`` fields begins, the first of which has ``size`` bytes."""
    return width.to_bytes(2) + _length(size)


def rows(*columns: Column) -> list[bytes]:
    """The rows of these columns; as many as the shortest has."""
    return joined((repeat(len(columns).to_bytes(2)),), *columns)


def joined(*columns: Column) -> list[bytes]:
    """The same, of columns that are not all that the rows have."""
    return list(map(b"".join, zip(*chain.from_iterable(columns), strict=False)))


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows with a key each, in few objects: they pass from one process to another in no time."""

    data: bytes | memoryview
    sizes: array[int] | memoryview
    """Bytes of each row."""
    joined_keys: bytes | memoryview
    """With white space between them."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, tuple(map(PickleBuffer, (self.data, self.sizes, self.joined_keys)))

    @property
    def keys(self) -> list[str]:
        """The keys in the order of the rows; none has white space in it."""
        return str(self.joined_keys, "ascii").split()

    def __len__(self) -> int:
        return len(self.sizes)

    def only(self, keys: Set[str]) -> EncodedRows:
        """The rows with these keys."""
        if not keys:
            return join([], [])
        mine = self.keys
        is_wanted = [key in keys for key in mine]
        if all(is_wanted):
            return self
        ends = list(accumulate(self.sizes))
        kept = compress(zip([0, *ends], ends, strict=False), is_wanted)
        return join(compress(mine, is_wanted), [self.data[start:end] for start, end in kept])


def _received(data: memoryview, sizes: memoryview, joined_keys: memoryview) -> EncodedRows:
    return EncodedRows(data, memoryview(sizes).cast("I"), joined_keys)


def join(keys: Iterable[str], rows: Sequence[bytes | memoryview]) -> EncodedRows:
    """Rows with their keys."""
    return EncodedRows(b"".join(rows), array("I", map(len, rows)), " ".join(keys).encode())


def concatenate(one: EncodedRows, other: EncodedRows) -> EncodedRows:
    """The rows of both."""
    sizes = array("I", one.sizes)
    sizes.extend(other.sizes)
    keys = b" ".join((one.joined_keys, other.joined_keys))
    return EncodedRows(b"".join((one.data, other.data)), sizes, keys)


def copy(connection: Connection, columns: str, data: Iterable[bytes | memoryview]) -> None:
    """COPY rows, in pieces of any size, into ``columns``: a table with the names of its columns."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {columns} FROM STDIN (FORMAT binary)".encode()) as stream,
    ):
        stream.write(_SIGNATURE)
        for piece in data:
            stream.write(piece)
        stream.write(_TRAILER)


@contextmanager
def unchecked_keys(connection: Connection) -> Iterator[None]:
    """Foreign keys are not checked meanwhile, in this transaction; on the embedded server only."""
    _set_role(connection, "replica")
    yield
    _set_role(connection, "origin")


def _set_role(connection: Connection, role: str) -> None:
    connection.execute(
        "SELECT set_config('session_replication_role', %s, true)"
        " WHERE current_setting('bibliflow.embedded', true) = 'on'",
        [role],
    )
