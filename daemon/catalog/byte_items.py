"""Bytes written by numpy at many places at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Places: TypeAlias = npt.NDArray[np.intp]
"""Places in the data, or other whole numbers, one per row."""

Bytes: TypeAlias = npt.NDArray[np.uint8]

Mask: TypeAlias = npt.NDArray[np.bool_]

Span: TypeAlias = tuple[Places, Places]
"""Starts and ends of fields, one of each per row."""


def pick(span: Span, which: Places | Mask) -> Span:
    """The fields at these places, or for which it is true."""
    starts, ends = span
    return starts[which], ends[which]


def items(data: Bytes, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """``data`` as something that has an item of that kind at every byte; they overlap."""
    return np.ndarray(max(len(data) - kind.itemsize + 1, 0), kind, data, strides=(1,))


def copy_texts(source: Bytes, starts: Places, lengths: Places, target: Bytes, targets: Places) -> None:
    """Copy texts from where they start to where they belong, those of one length at once."""
    # Of so few bits, it is a sort in linear time. Where longer ones are among others, it takes more steps.
    order = np.argsort(lengths.astype(np.uint16), kind="stable")
    starts, lengths, targets = starts[order], lengths[order], targets[order]
    edges = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    for start, end in pairwise(edges):
        if length := int(lengths[start]):
            text, some = np.dtype(f"V{length}"), slice(start, end)
            items(target, text)[targets[some]] = items(source, text)[starts[some]]
