"""Bytes written by numpy at many places at once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Places: TypeAlias = npt.NDArray[np.intp]
"""Places in the data, or other whole numbers, one per row."""

Bytes: TypeAlias = npt.NDArray[np.uint8]

Mask: TypeAlias = npt.NDArray[np.bool_]

Span: TypeAlias = tuple[Places, Places]
"""Starts and ends of fields, one of each per row."""

_WINDOW = np.dtype("V48")
"""So much of each text is copied at once: most titles are shorter."""

SPILL = _WINDOW.itemsize - 1
"""Bytes that a copy may write behind the end of its text."""


def pick(span: Span, which: Places | Mask) -> Span:
    """The fields at these places, or for which it is true."""
    starts, ends = span
    return starts[which], ends[which]


def items(data: Bytes, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """``data`` as something that has an item of that kind at every byte; they overlap."""
    return np.ndarray(max(len(data) - kind.itemsize + 1, 0), kind, data, strides=(1,))


def put(target: Bytes, targets: Places, records: npt.NDArray[Any]) -> None:
    """Write one record to each of these places."""
    # As bytes that mean nothing: fields that numpy knows it copies one by one, at four times the cost.
    plain = np.dtype(f"V{records.itemsize}")
    items(target, plain)[targets] = records.view(plain)


def copy_texts(source: Bytes, starts: Places, lengths: Places, target: Bytes, targets: Places) -> None:
    """Copy texts from where they start to where they belong.

    Up to :data:`SPILL` bytes behind each are overwritten too: what belongs there is to be written afterwards,
    and ``target`` goes on for so long behind the last text.
    """
    # The same number of bytes of all of them at once, until the longest is done: half the time of exact
    # copies, for which they have to be sorted by length.
    source = np.concatenate((source, np.zeros(SPILL, np.uint8)))
    while starts.size:
        put(target, targets, items(source, _WINDOW)[starts])
        goes_on = lengths > _WINDOW.itemsize
        starts, lengths, targets = (
            starts[goes_on] + _WINDOW.itemsize,
            lengths[goes_on] - _WINDOW.itemsize,
            targets[goes_on] + _WINDOW.itemsize,
        )
