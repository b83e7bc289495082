"""Which rows of the file the books of a chunk come from, in few objects: seldom is any of them wanted."""

from __future__ import annotations

from array import array
from collections.abc import Container
from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub
from pickle import PickleBuffer
from typing import Any

from daemon.importing.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Origins:
    """One entry per row in every column."""

    numbers: array[int] = field(default_factory=lambda: array("q"))
    """Row numbers."""
    data: bytes | memoryview = b""
    """UTF-8, with the records as CSV in it."""
    starts: array[int] = field(default_factory=lambda: array("q"))
    """Where in it each begins."""
    ends: array[int] = field(default_factory=lambda: array("q"))
    joined_isbns: str = ""
    """In their canonical form; none has white space in it."""
    written: dict[int, str] = field(default_factory=dict)
    """As in :class:`~daemon.importing.candidates.Candidates`."""

    def __reduce__(self) -> tuple[Any, ...]:
        large = PickleBuffer(self.data)
        return Origins, (self.numbers, large, self.starts, self.ends, self.joined_isbns, self.written)

    def rows(self, isbns: Container[str] | None = None) -> Candidates:
        """The rows with these ISBNs, or all, without what else their books are."""
        found = Candidates(written=self.written)
        for place, isbn in enumerate(self.joined_isbns.split()):
            if isbns is None or isbn in isbns:
                found.numbers.append(self.numbers[place])
                found.texts.append(str(self.data[self.starts[place] : self.ends[place]], "utf-8"))
                found.isbns.append(isbn)
        return found

    def __add__(self, more: Origins) -> Origins:
        offset = len(self.data)
        return Origins(
            self.numbers + more.numbers,
            b"".join((self.data, more.data)),
            self.starts + array("q", (start + offset for start in more.starts)),
            self.ends + array("q", (end + offset for end in more.ends)),
            f"{self.joined_isbns} {more.joined_isbns}",
            self.written | more.written,
        )


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
        " ".join(candidates.isbns),
        candidates.written,
    )
