"""A CSV file as a stream of records with row numbers, in constant memory, whatever is in it.

The csv module reads the records; around it, this module bounds what one stray quote can swallow, keeps
bytes that are not valid UTF-8 apart from text, and numbers the records as a spreadsheet does.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, TextIO

from daemon.catalog.row_errors import Problem

BLOCK = 256 * 1024
"""Characters read at a time. Measured: from 64 Ki to 1 Mi the speed is the same within 3 %."""

LONGEST_RECORD = 1024 * 1024
"""Characters. A quoted field that is longer than this was never closed."""

_END = "\x1e end of block \x1e"
"""A line added after each block: where the csv module gives it back alone, no quoted field is open."""

# The csv module's own limit, 128 KiB, raises an error in the middle of a file.
csv.field_size_limit(2 * (LONGEST_RECORD + BLOCK))


class SourceError(Exception):
    """The file as a whole cannot be imported. The message says why, and what was found."""


class Record(NamedTuple):
    """One record of the file."""

    row_number: int
    """Counts all records, blank ones too; the first of the file is 1."""
    fields: list[str]
    """Undecodable bytes are lone surrogates (PEP 383)."""
    damage: Problem | None = None
    """Why the record could not be read as CSV; ``fields`` then holds its text in one piece."""

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in it: an empty line, or separators and white space only."""
        return self.damage is None and not any(field and not field.isspace() for field in self.fields)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file writes its records."""

    delimiter: str = ","
    encoding: str = "utf-8"

    def format(self, fields: list[str]) -> str:
        """``fields`` as one record of this dialect, without a line end: parsed again it gives the same."""
        buffer = io.StringIO()
        # With a line end: the writer quotes its characters only if they are among those of the line end.
        csv.writer(buffer, delimiter=self.delimiter, lineterminator="\r\n").writerow(fields)
        return buffer.getvalue().removesuffix("\r\n")


class RecordReader:
    """Iterates over the records of a binary file, blank ones included; closes it at the end of ``with``."""

    def __init__(self, file: BinaryIO, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
        self._text = io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._text.close()

    @property
    def bytes_read(self) -> int:
        """How far into the file it has read."""
        return self._file.tell()

    def __iter__(self) -> Iterator[Record]:
        number = 0
        open_lines: list[str] = []
        for block in _blocks(self._text):
            lines = open_lines + block.lines
            while True:
                done = 0
                for fields, end in self._complete(lines):
                    number += 1
                    done = end
                    yield Record(number, fields)
                open_lines = lines[done:]
                if not open_lines or not (block.is_last or _size(open_lines) > LONGEST_RECORD):
                    break
                # Its quote is never closed: that record is its first line, and reading goes on behind it.
                number += 1
                yield _unclosed(number, open_lines[0])
                lines = open_lines[1:]
            if block.overlong is not None:
                number += 1
                yield _overlong(number, block.overlong)

    def _complete(self, lines: list[str]) -> Iterator[tuple[list[str], int]]:
        """The complete records of ``lines``, each with the index of the line behind it."""
        reader = csv.reader([*lines, _END], delimiter=self._dialect.delimiter)
        for fields in reader:
            if reader.line_num > len(lines):
                return  # the added line, alone or swallowed by a quoted field that is still open
            yield fields, reader.line_num


class _Block(NamedTuple):
    lines: list[str]
    is_last: bool
    """No line of a later block can belong to a record of this one."""
    overlong: str | None = None
    """The beginning of a line longer than LONGEST_RECORD that follows ``lines``; its rest is passed over."""


def _blocks(text: TextIO) -> Iterator[_Block]:
    """The lines of ``text`` as the csv module wants them, split at \\n, \\r\\n and \\r only."""
    rest = ""
    while True:
        piece = text.read(BLOCK)
        lines = io.StringIO(rest + piece, newline="").readlines()
        if not piece:
            yield _Block(lines, is_last=True)
            return
        # The last line goes on in the next piece; or it ends in \r, whose \n may be there.
        rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        if len(rest) > LONGEST_RECORD:
            yield _Block(lines, is_last=True, overlong=rest)
            rest = _skip_line(text)
        elif lines:
            yield _Block(lines, is_last=False)


def _skip_line(text: TextIO) -> str:
    """Pass over the rest of a line; what was read of the following one."""
    while piece := text.read(BLOCK):
        lines = io.StringIO(piece, newline="").readlines()
        if len(lines) > 1 or lines[0].endswith(("\n", "\r")):
            return "".join(lines[1:])
    return ""


def _size(lines: list[str]) -> int:
    return sum(map(len, lines))


def _unclosed(number: int, line: str) -> Record:
    problem = Problem(None, "unclosed_quote", "Quoted field is never closed")
    return Record(number, [line.rstrip("\r\n")], problem)


def _overlong(number: int, line: str) -> Record:
    message = f"Record is longer than {LONGEST_RECORD} characters; its end is not shown"
    return Record(number, [line], Problem(None, "too_long", message))


def open_reader(path: Path, dialect: Dialect) -> RecordReader:
    """A reader of the file at ``path``. Raises :class:`SourceError` if it cannot be opened."""
    try:
        return RecordReader(path.open("rb"), dialect)
    except OSError as error:
        raise SourceError(f"The file cannot be read: {error.strerror}") from error
