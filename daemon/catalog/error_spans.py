"""Errors of rows that are spans of bytes, encoded for COPY thousands at a time; see :mod:`book_spans`."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from uuid import UUID

import numpy as np
import numpy.typing as npt

from daemon.catalog import row_errors
from daemon.catalog.book_spans import ISBN, ISBN_DIGITS, BookSpans
from daemon.catalog.byte_items import SPILL, Bytes, Places, Span, copy_texts, items, put
from daemon.catalog.copying import JSONB, EncodedRows
from daemon.catalog.ids import ID_SIZE, uuid7_bytes
from daemon.catalog.row_errors import Problem

_PLACE = b"\x7f" * ISBN_DIGITS
"""Stands where the ISBN belongs."""

_HEAD = np.dtype(
    [
        ("width", ">i2"),
        ("id_length", ">i4"),
        ("id", f"V{ID_SIZE}"),
        ("job_length", ">i4"),
        ("job", f"V{ID_SIZE}"),
        ("number_length", ">i4"),
        ("number", ">i8"),
        ("text_length", ">i4"),
    ]
)


def encode_alike(
    job_id: UUID, books: BookSpans, numbers: Places, records: Span, problem: Callable[[str], Problem]
) -> EncodedRows:
    """As :func:`row_errors.encode_alike`, with the ISBNs of ``books`` for values and keys.

    ``records`` are their rows as CSV in ``books.data``, and ``numbers`` their row numbers.
    """
    starts, ends = records
    lengths, count = ends - starts, len(books)
    isbns = items(books.array, ISBN)[books.isbns_at].view(np.uint8).reshape(count, ISBN_DIGITS)
    tail = _tail(isbns, problem)
    sizes = _HEAD.itemsize + lengths + tail.itemsize
    row_ends = np.cumsum(sizes)
    out = np.empty(int(row_ends[-1]) + SPILL, np.uint8)
    copy_texts(books.array, starts, lengths, out, row_ends - sizes + _HEAD.itemsize)
    head = np.empty(count, _HEAD)
    head["width"] = 6
    head["id_length"] = head["job_length"] = ID_SIZE
    head["id"] = np.frombuffer(uuid7_bytes(count), f"V{ID_SIZE}")
    head["job"] = np.void(job_id.bytes)
    head["number_length"] = 8
    head["number"] = numbers
    head["text_length"] = lengths
    put(out, row_ends - sizes, head)
    put(out, row_ends - tail.itemsize, tail)
    return EncodedRows(out[:-SPILL].data, array("I", sizes.astype(np.uint32).tobytes()), books.joined_isbns())


def _tail(isbns: Bytes, problem: Callable[[str], Problem]) -> npt.NDArray[np.void]:
    """Message and problems of each row, with the lengths of both."""
    message, problems = (text.encode() for text in row_errors.words(problem(_PLACE.decode())))
    template = len(message).to_bytes(4, "big") + message
    template += (len(JSONB) + len(problems)).to_bytes(4, "big") + JSONB + problems
    tail = np.empty((len(isbns), len(template)), np.uint8)
    tail[:] = np.frombuffer(template, np.uint8)
    place = template.find(_PLACE)
    while place >= 0:
        tail[:, place : place + ISBN_DIGITS] = isbns
        place = template.find(_PLACE, place + ISBN_DIGITS)
    return tail.view(f"V{len(template)}").ravel()
