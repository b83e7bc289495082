"""Which rows of the file the books of a chunk come from, in few objects: seldom is any of them wanted."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub
from pickle import PickleBuffer
from typing import Any

from daemon.importing.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Origins:
    """One entry per row in every column."""

    numbers: array[int] | memoryview = field(default_factory=lambda: array("q"))
    """Row numbers."""
    data: bytes | memoryview = b""
    """UTF-8, with the records as CSV in it."""
    starts: array[int] | memoryview = field(default_factory=lambda: array("q"))
    """Where in it each begins."""
    ends: array[int] | memoryview = field(default_factory=lambda: array("q"))
    joined_isbns: bytes | memoryview = b""
    """In their canonical form, with white space between them."""
    written: dict[int, str] = field(default_factory=dict)
    """As in :class:`~daemon.importing.candidates.Candidates`."""

    def __reduce__(self) -> tuple[Any, ...]:
        large = (self.numbers, self.data, self.starts, self.ends, self.joined_isbns)
        return _received, (*map(PickleBuffer, large), self.written)

    def rows(self, isbns: Container[str] | None = None) -> Candidates:
        """The rows with these ISBNs, or all, without what else their books are."""
        found = Candidates(written=self.written)
        for place, isbn in enumerate(str(self.joined_isbns, "ascii").split()):
            if isbns is None or isbn in isbns:
                found.numbers.append(self.numbers[place])
                found.texts.append(str(self.data[self.starts[place] : self.ends[place]], "utf-8"))
                found.isbns.append(isbn)
        return found

    def __add__(self, more: Origins) -> Origins:
        offset = len(self.data)
        return Origins(
            _joined(self.numbers, more.numbers),
            b"".join((self.data, more.data)),
            _joined(self.starts, (start + offset for start in more.starts)),
            _joined(self.ends, (end + offset for end in more.ends)),
            b" ".join((self.joined_isbns, more.joined_isbns)),
            self.written | more.written,
        )


def _joined(column: array[int] | memoryview, more: Iterable[int]) -> array[int]:
    joined = array("q", column)
    joined.extend(more)
    return joined


def _received(
    numbers: memoryview,
    data: memoryview,
    starts: memoryview,
    ends: memoryview,
    joined_isbns: memoryview,
    written: dict[int, str],
) -> Origins:
    numbers, starts, ends = (memoryview(column).cast("q") for column in (numbers, starts, ends))
    return Origins(numbers, data, starts, ends, joined_isbns, written)


def of(candidates: Candidates) -> Origins:
    """Those of the books of ``candidates``."""
    texts = [text.encode() for text in candidates.texts]
    sizes = list(map(len, texts))
    ends = array("q", accumulate(sizes))
    return Origins(
        array("q", candidates.numbers),
        b"".join(texts),
        array("q", map(sub, ends, sizes)),
        ends,
        " ".join(candidates.isbns).encode(),
        candidates.written,
    )
