"""Rows that passed the rules, as spans of bytes; whether their ISBNs are new is not known yet."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from daemon.catalog import book_spans, error_spans
from daemon.catalog.book_spans import ISBN_DIGITS, BookSpans
from daemon.catalog.byte_items import Mask, Places, Span, pick
from daemon.catalog.copying import EncodedRows
from daemon.importing.candidates import Candidates
from daemon.importing.origins import Origins
from daemon.importing.rules import duplicate


@dataclass(frozen=True, slots=True)
class CertainRows:
    """One entry per row in every column; places are those of ``books.data``."""

    books: BookSpans
    numbers: Places
    """Row numbers."""
    records: Span
    """The records as CSV in the file's delimiter, quoted where need be."""

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, is_wanted: Mask) -> CertainRows:
        """The rows for which it is true."""
        records = pick(self.records, is_wanted)
        return CertainRows(self.books.pick(is_wanted), self.numbers[is_wanted], records)

    def candidates(self) -> Candidates:
        """The same rows with objects for their values."""
        books = self.books
        return Candidates(
            self.numbers.tolist(),
            cut(books.data, self.records),
            cut(books.data, (books.isbns_at, books.isbns_at + ISBN_DIGITS)),
            cut(books.data, books.titles),
            cut(books.data, books.authors),
            [year or None for year in books.years.tolist()],
        )

    def origins(self) -> Origins:
        """The rows that the books come from."""
        numbers, starts, ends = (
            array("q", column.astype(np.int64).tobytes()) for column in (self.numbers, *self.records)
        )
        return Origins(numbers, self.books.data, starts, ends, self.books.joined_isbns())

    def encode_duplicates(self, job_id: UUID) -> EncodedRows:
        """The errors that these rows are if their ISBNs are there already; none has a quote in it."""
        return error_spans.encode_alike(job_id, self.books, self.numbers, self.records, duplicate)

    @property
    def has_quotes(self) -> Mask:
        """Which of the records have quotes: they may be written in more than one way."""
        quotes = np.flatnonzero(self.books.array == ord('"'))
        starts, ends = self.records
        has_quotes: Mask = np.searchsorted(quotes, starts) != np.searchsorted(quotes, ends)
        return has_quotes

    def isbns_with(self, others: Sequence[str]) -> Isbns:
        """The ISBNs of these rows and the others."""
        return Isbns(np.concatenate((self.books.isbns, np.array(list(map(_number, others)), np.int64))))

    def alone(self, others: Sequence[str]) -> Mask:
        """For each row whether no other row has its ISBN: neither one of these nor one of the ``others``."""
        repeated = self.isbns_with(others).repeated
        if not repeated.size:
            return np.ones(len(self), np.bool_)
        return ~np.isin(self.books.isbns, repeated)


class Isbns:
    """ISBNs as numbers."""

    def __init__(self, numbers: npt.NDArray[np.int64]) -> None:
        self._ordered = np.sort(numbers)

    @property
    def repeated(self) -> npt.NDArray[np.int64]:
        """Those that are there more than once."""
        following = self._ordered[1:]
        repeated: npt.NDArray[np.int64] = following[following == self._ordered[:-1]]
        return repeated

    def meet(self, others: Isbns) -> bool:
        """Whether one of these is among the others; neither has any twice."""
        return bool(Isbns(np.concatenate((self._ordered, others._ordered))).repeated.size)


def _number(isbn: str) -> int:
    """The same for the same ISBN. Those that have other than thirteen digits may share one."""
    return int(isbn) if isbn.isdigit() else hash(isbn)


def join(parts: Sequence[CertainRows]) -> CertainRows:
    """All rows of ``parts``, of which there is one at least, in their order."""
    books, offsets = book_spans.join([part.books for part in parts])
    starts, ends = (
        np.concatenate([part.records[side] + offset for part, offset in zip(parts, offsets, strict=True)])
        for side in (0, 1)
    )
    return CertainRows(books, np.concatenate([part.numbers for part in parts]), (starts, ends))


def cut(data: bytes, span: Span) -> list[str]:
    """What stands between these places."""
    starts, ends = span
    return [data[start:end].decode() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
