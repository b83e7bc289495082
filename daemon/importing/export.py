"""The rejected rows of a job as a file, in the columns, delimiter and encoding of the one they came from.

What is corrected in it comes back through :mod:`daemon.importing.corrections`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from daemon.catalog.job import Job
from daemon.catalog.row_errors import RowError
from daemon.importing.dialect import split

MESSAGE_COLUMN = "error_message"
ID_COLUMN = "bibliflow_error_id"
"""The columns behind those of the file. By the second one a row is known when it comes back."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_FIRST = frozenset("'=+-@\t\r")
"""How a field begins that the pattern may fit; most do not, and are seen through in a quarter of the time."""
_MARKED = ("utf-16", "utf-32")
"""Encodings that a file begins with a mark of."""


def guard(field: str) -> str:
    """``field`` so that no spreadsheet takes it for a formula and runs it."""
    return f"'{field}" if field[:1] in _FIRST and _FORMULA.match(field) else field


def unguard(field: str) -> str:
    """What :func:`guard` was given."""
    return field[1:] if field.startswith("'") and _FORMULA.match(field) else field


def write_errors(file: BinaryIO, job: Job, errors: Iterable[RowError]) -> int:
    """Write ``errors``, which are of ``job``, to ``file``; how many there were."""
    read_as = job.read_as or {}
    encoding = read_as.get("encoding", "utf-8")
    rows = _Rows(read_as.get("header", []), read_as.get("delimiter", ","))
    file.write(_mark(encoding))
    file.write(rows.encode(rows.header(), encoding))
    count = 0
    for error in errors:
        file.write(rows.encode(rows.row(error), encoding))
        count += 1
    return count


class _Rows:
    def __init__(self, header: Sequence[str], delimiter: str) -> None:
        self._header = header
        # Of a correction, the rows that belong nowhere: they get columns of their own.
        self._places = [place for place, name in enumerate(header) if name not in (MESSAGE_COLUMN, ID_COLUMN)]
        self._delimiter = delimiter
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, delimiter=delimiter)

    def header(self) -> list[str]:
        return [*(guard(self._header[place]) for place in self._places), MESSAGE_COLUMN, ID_COLUMN]

    def row(self, error: RowError) -> list[str]:
        fields = layout(error, self._delimiter, len(self._header))
        return list(map(guard, [*(fields[place] for place in self._places), *fields[len(self._header) :]]))

    def encode(self, row: Sequence[str], encoding: str) -> bytes:
        self._buffer.seek(0)
        self._buffer.truncate()
        self._writer.writerow(row)
        # The record is of this encoding; a message may have signs that it lacks.
        return self._buffer.getvalue().encode(encoding, "backslashreplace")


def layout(error: RowError, delimiter: str, width: int) -> list[str]:
    """The row of an error: as many fields as the header has, message, id; then what the record has more."""
    fields = split(error.raw_data, delimiter)
    fields += [""] * (width - len(fields))
    return [*fields[:width], error.error_message, str(error.id), *fields[width:]]


def _mark(encoding: str) -> bytes:
    return "\ufeff".encode(encoding) if encoding.startswith(_MARKED) else b""
