"""New books as spans of bytes, encoded for COPY thousands at a time.

numpy writes the same part of all rows at once: a row costs a quarter of what it takes to join it from its
pieces.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, zip_longest
from uuid import UUID

import numpy as np
import numpy.typing as npt

from daemon.catalog.books import BEGIN, COLUMNS
from daemon.catalog.byte_items import SPILL, Bytes, Mask, Places, Span, copy_texts, items, pick, put
from daemon.catalog.copying import EncodedRows
from daemon.catalog.ids import ID_SIZE, uuid7_bytes

ISBN_DIGITS = 13

ISBN = np.dtype(f"S{ISBN_DIGITS}")
_HEAD = np.dtype(
    [
        ("width", ">i2"),
        ("id_length", ">i4"),
        ("id", f"V{ID_SIZE}"),
        ("isbn_length", ">i4"),
        ("isbn", ISBN),
        ("job_length", ">i4"),
        ("job", f"V{ID_SIZE}"),
        ("title_length", ">i4"),
    ]
)
_KEY = np.dtype([("isbn", ISBN), ("space", "S1")])
_LENGTH = np.dtype(">i4")
_YEAR = np.dtype([("length", ">i4"), ("year", ">i4")])

_NULL = -1


@dataclass(frozen=True, slots=True)
class BookSpans:
    """Books with ISBNs of thirteen digits; one entry per book in every column."""

    data: bytes
    """UTF-8."""
    titles: Span
    authors: Span
    isbns_at: Places
    """Where the ISBNs start."""
    isbns: npt.NDArray[np.int64]
    """The ISBNs as numbers."""
    years: npt.NDArray[np.int32]
    """0 is none."""

    def __len__(self) -> int:
        return len(self.isbns)

    @property
    def array(self) -> Bytes:
        """The data as numbers."""
        return np.frombuffer(self.data, np.uint8)

    def joined_isbns(self) -> bytes:
        """The ISBNs, each with a space behind it."""
        keys = np.empty(len(self), _KEY)
        keys["isbn"] = items(self.array, ISBN)[self.isbns_at]
        keys["space"] = b" "
        return keys.tobytes()

    def pick(self, which: Places | Mask) -> BookSpans:
        """The books at these places, or for which it is true."""
        return BookSpans(
            self.data,
            pick(self.titles, which),
            pick(self.authors, which),
            self.isbns_at[which],
            self.isbns[which],
            self.years[which],
        )


def join(parts: Sequence[BookSpans]) -> tuple[BookSpans, list[int]]:
    """All books of ``parts`` in their order, and where in the data that of each part begins."""
    offsets = [0]
    for part in parts[:-1]:
        offsets.append(offsets[-1] + len(part.data))

    def moved(column: Callable[[BookSpans], Places]) -> Places:
        return np.concatenate([column(part) + offset for part, offset in zip(parts, offsets, strict=True)])

    books = BookSpans(
        b"".join(part.data for part in parts),
        (moved(lambda part: part.titles[0]), moved(lambda part: part.titles[1])),
        (moved(lambda part: part.authors[0]), moved(lambda part: part.authors[1])),
        moved(lambda part: part.isbns_at),
        np.concatenate([part.isbns for part in parts]),
        np.concatenate([part.years for part in parts]),
    )
    return books, offsets


def encode(job_id: UUID, books: BookSpans, others: Sequence[tuple[str, bytes]]) -> EncodedRows:
    """New books of a job, as :func:`daemon.catalog.books.encode` does; no two with the same ISBN.

    ``others`` are more of them: their ISBNs, in order, with their rows behind the identifiers.
    """
    ordered = books.pick(np.argsort(books.isbns))
    joined_keys = ordered.joined_isbns()
    # Where among the books the others belong: bytes compare as the index does.
    isbns = items(ordered.array, ISBN)[ordered.isbns_at]
    places = np.searchsorted(isbns, np.array([isbn for isbn, _ in others], ISBN))
    identifiers = np.frombuffer(uuid7_bytes(len(ordered) + len(others)), f"V{ID_SIZE}")
    theirs = places + np.arange(len(others))
    data, sizes = _encode(job_id, ordered, isbns, np.delete(identifiers, theirs))
    if others:
        their_ids = identifiers[theirs].tolist()
        rows = [BEGIN + identifier + row for (_, row), identifier in zip(others, their_ids, strict=True)]
        data = _insert(data, np.concatenate(([0], np.cumsum(sizes)))[places], rows)
        keys = [f"{isbn} ".encode() for isbn, _ in others]
        joined_keys = _insert(joined_keys, places * _KEY.itemsize, keys)
        sizes = np.insert(sizes, places, list(map(len, rows)))
    return EncodedRows(data, array("I", sizes.astype(np.uint32).tobytes()), joined_keys)


def _encode(
    job_id: UUID, books: BookSpans, isbns: npt.NDArray[np.bytes_], identifiers: npt.NDArray[np.void]
) -> tuple[bytes | memoryview, Places]:
    """The rows of ``books`` in their order, and the size of each."""
    count = len(books)
    titles, authors = (ends - starts for starts, ends in (books.titles, books.authors))
    has_year = books.years > 0
    years = np.where(has_year, _YEAR.itemsize, _LENGTH.itemsize)
    sizes = _HEAD.itemsize + titles + _LENGTH.itemsize + authors + years
    ends = np.cumsum(sizes)
    titles_at = ends - sizes + _HEAD.itemsize
    authors_at = titles_at + titles + _LENGTH.itemsize
    years_at = authors_at + authors
    out = np.empty(int(ends[-1]) + SPILL, np.uint8)
    # Each spills into what is written after it: a title into author, year and next head, an author into
    # the two latter.
    copy_texts(books.array, books.titles[0], titles, out, titles_at)
    copy_texts(books.array, books.authors[0], authors, out, authors_at)
    head = np.empty(count, _HEAD)
    head["width"] = len(COLUMNS)
    head["id_length"] = head["job_length"] = ID_SIZE
    head["id"] = identifiers
    head["isbn_length"] = ISBN_DIGITS
    head["isbn"] = isbns
    head["job"] = np.void(job_id.bytes)
    head["title_length"] = titles
    put(out, ends - sizes, head)
    put(out, authors_at - _LENGTH.itemsize, authors.astype(_LENGTH))
    year = np.empty(np.count_nonzero(has_year), _YEAR)
    year["length"] = 4
    year["year"] = books.years[has_year]
    put(out, years_at[has_year], year)
    put(out, years_at[~has_year], np.full(count - len(year), _NULL, _LENGTH))
    return out[:-SPILL].data, sizes


def _insert(data: bytes | memoryview, places: Places, pieces: Sequence[bytes]) -> bytes:
    """``data`` with the ``pieces`` at these places of it, which ascend."""
    view = memoryview(data)
    parts = [view[start:end] for start, end in pairwise([0, *places.tolist(), len(data)])]
    return b"".join(chain.from_iterable(zip_longest(parts, pieces, fillvalue=b"")))
