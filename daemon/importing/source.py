"""A file as a stream of numbered records, in constant memory, whatever is in it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

from daemon.catalog.row_errors import Problem
from daemon.importing import encoding, packing, records
from daemon.importing.batch import Batch, from_lines, from_records
from daemon.importing.dialect import LONGEST_RECORD, Dialect
from daemon.importing.packing import PackingError, Unpacked
from daemon.importing.quotes import Layout
from daemon.importing.records import Record

BLOCK = 256 * 1024
"""Characters read at a time. Measured: from 64 Ki to 1 Mi the speed is the same within 3 %."""

FIRST_BLOCK = 4 * 1024
"""The first time: what comes with the header has no spans."""


class SourceError(Exception):
    """The file as a whole cannot be imported. The message says why, and what was found."""

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.columns = tuple(columns)
        """The columns that were found, where it is they that are wrong; of a file without header its first
        record."""


@contextmanager
def opened(path: Path) -> Iterator[Unpacked]:
    """The file at ``path``, unpacked. Raises :class:`SourceError`, also for what reading it raises."""
    try:
        with packing.unpacked(path) as file:
            yield file
    except PackingError as error:
        raise SourceError(f"The file {error}") from error
    except packing.DAMAGED as error:
        raise SourceError(f"The file {packing.damage(error)}") from error
    except OSError as error:
        raise SourceError(f"The file cannot be read: {error.strerror or error}") from error


@contextmanager
def open_reader(path: Path, dialect: Dialect, layout: Layout | None = None) -> Iterator[RecordReader]:
    """A reader of the file at ``path``. Raises :class:`SourceError` as :func:`opened` does."""
    with opened(path) as file, text_of(file.stream, dialect.encoding) as text:
        yield RecordReader(text, file.file, dialect, layout)


@contextmanager
def text_of(stream: BinaryIO, name: str) -> Iterator[TextIO]:
    """``stream`` decoded; bytes that are not valid become lone surrogates."""
    # For UTF-8 the built-in handler, which does the same without calling Python for each byte.
    errors = "surrogateescape" if name == "utf-8" else encoding.ESCAPE
    text = io.TextIOWrapper(stream, encoding=name, errors=errors, newline="")
    try:
        yield text
    finally:
        text.detach()  # whoever opened the stream closes it


class RecordReader:
    """Iterates once over the records of a file, blank ones included, behind the lines of its preamble."""

    def __init__(self, text: TextIO, file: BinaryIO, dialect: Dialect, layout: Layout | None = None) -> None:
        self._text = text
        self._file = file
        self._dialect = dialect
        self._layout = layout
        self._number = dialect.first_row - 1
        """Of the last record that was read."""
        self.finds_spans = False
        """Whether batches have the records as spans where that is possible: for files worth the time of
        loading numpy."""

    @property
    def bytes_read(self) -> int:
        """How far into the file, packed as it is, it has read."""
        return self._file.tell()

    def __iter__(self) -> Iterator[Record]:
        for lines, text, block in self._blocks():
            lines += split_lines(text)
            yield from self._one_by_one(lines, block)

    def batches(self, width: int, most: int) -> Iterator[Batch]:
        """The same records, up to ``most`` at a time, by columns where they have ``width`` fields.

        As long as :attr:`finds_spans`, those of the spans of a block come together.
        """
        for lines, text, block in self._blocks():
            rest = text
            if self.finds_spans and not lines:
                rest = yield from self._spans(text, width)
            lines += split_lines(rest)
            while part := lines[:most]:
                numbers = range(self._number + 1, self._number + 1 + len(part))
                batch = from_lines(part, numbers, self._dialect, width)
                if batch is None:
                    break
                self._number += len(part)
                del lines[:most]
                yield batch
            left = self._one_by_one(lines, block)
            while some := list(itertools.islice(left, most)):
                yield from_records(some, self._dialect, width)

    def _spans(self, text: str, width: int) -> Generator[Batch, None, str]:
        """The records at the beginning of ``text`` that have spans, and those between; the rest of it."""
        try:
            from daemon.importing import spans
        except (ImportError, RuntimeError):  # numpy does not run on every old processor
            self.finds_spans = False
            return text
        while found := spans.find(text, self._dialect, width, self._number + 1):
            batch = from_lines(list(found.others.values()), list(found.others), self._dialect, width)
            if batch is None:
                break
            self._number += found.lines
            yield replace(batch, spans=found.spans, size=len(found.spans.data))
            text = found.rest
        return text

    def _blocks(self) -> Iterator[tuple[list[str], str, _Block]]:
        """Each block with its text behind the preamble, and the lines that its predecessors left.

        Those are records that go on in it.
        """
        passed_over = self._dialect.preamble
        lines: list[str] = []
        for block in _blocks(self._text):
            text = block.text
            if passed_over:
                some = split_lines(text)
                text = "".join(some[passed_over:])
                passed_over -= min(passed_over, len(some))
            yield lines, text, block

    def _one_by_one(self, lines: list[str], block: _Block) -> Iterator[Record]:
        """The complete records at the beginning of ``lines``, and what follows them in the block."""
        done = 0
        for piece in records.split(lines, self._dialect, self._layout, is_last=block.is_last):
            self._number += 1
            done = piece.end
            yield Record(self._number, piece.fields, _unclosed() if piece.is_damaged else None)
        del lines[:done]
        if block.overlong is not None:
            self._number += 1
            yield Record(self._number, [block.overlong.rstrip("\r\n")], _overlong())


def first_lines(stream: BinaryIO, encoding_name: str, characters: int) -> list[str]:
    """The whole lines among the first ``characters`` of ``stream``, or the one that it begins with."""
    with text_of(stream, encoding_name) as file:
        text = _without_mark(file) + file.read(characters)
    lines = split_lines(text)
    return lines[:-1] if len(text) >= characters and len(lines) > 1 else lines


class _Block(NamedTuple):
    text: str
    """Whole lines."""
    is_last: bool
    """No line of a later block can belong to a record of this one."""
    overlong: str | None = None
    """The beginning of a line longer than LONGEST_RECORD that follows; its rest is passed over."""


def split_lines(text: str) -> list[str]:
    """The lines of ``text`` as the csv module wants them, split at \\n, \\r\\n and \\r only."""
    return io.StringIO(text, newline="").readlines()


def _blocks(text: TextIO) -> Iterator[_Block]:
    """What ``text`` holds in blocks of whole lines."""
    rest, size = _without_mark(text), FIRST_BLOCK
    while True:
        piece = text.read(size)
        whole = rest + piece
        if not piece:
            yield _Block(whole, is_last=True)
            return
        size = BLOCK
        # The last line goes on in the next piece; or it ends in \r, whose \n may be there.
        end = len(whole) if whole.endswith("\n") else max(whole.rfind("\n"), whole.rfind("\r", 0, -1)) + 1
        whole, rest = whole[:end], whole[end:]
        if len(rest) > LONGEST_RECORD:
            yield _Block(whole, is_last=True, overlong=rest)
            rest = _behind(text) if rest.endswith("\r") else _skip_line(text)
        elif whole:
            yield _Block(whole, is_last=False)


def _without_mark(text: TextIO) -> str:
    """The first character, unless it is a byte order mark."""
    return text.read(1).removeprefix("\ufeff")


def _skip_line(text: TextIO) -> str:
    """Pass over the rest of a line; what was read of the following one."""
    while piece := text.read(BLOCK):
        lines = split_lines(piece)
        if len(lines) > 1 or lines[0].endswith("\n"):
            return "".join(lines[1:])
        if lines[0].endswith("\r"):
            return _behind(text)
    return ""


def _behind(text: TextIO) -> str:
    """What was read behind a line that ends in \\r, the \\n of which may be there."""
    return text.read(1).removeprefix("\n")


def _unclosed() -> Problem:
    return Problem(None, "unclosed_quote", "Quoted field is never closed")


def _overlong() -> Problem:
    message = f"Record is longer than {LONGEST_RECORD} characters; its end is not shown"
    return Problem(None, "too_long", message)
