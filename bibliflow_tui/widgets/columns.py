"""The columns of a table, and how they share its width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

GAP = 2
"""Cells between two columns."""
MIN_FRACTION = 4
"""Cells that a fractional column keeps when there is no room, and nothing that could be left out."""


@dataclass(frozen=True)
class Column:
    """A column: its title is data too (a CSV header may be shown) and is made safe."""

    key: str
    title: str
    width: int | str = "1fr"
    """Cells, or a fraction such as `2fr` of what the fixed columns leave."""
    align: Literal["left", "right"] = "left"
    least: int = 0
    """Cells of a fractional column below which other columns are left out for it."""
    spare: int = 0
    """Whether it may be left out, and when: 1 goes first, 0 never."""


def shared(columns: Sequence[Column], width: int) -> dict[str, int]:
    """Cells of the columns that there is room for in ``width``, by their keys."""
    left = list(columns)
    to_go = sorted((column for column in columns if column.spare), key=lambda column: column.spare)
    while True:
        widths = _widths(left, width)
        if not to_go or all(widths[column.key] >= column.least for column in left):
            return widths
        left.remove(to_go.pop(0))


def _widths(columns: Sequence[Column], width: int) -> dict[str, int]:
    """Cells per column; fractions share what is left, to the last cell."""
    fixed = sum(column.width for column in columns if isinstance(column.width, int))
    left = width - fixed - GAP * (len(columns) - 1)
    shares = {c.key: float(c.width.removesuffix("fr")) for c in columns if isinstance(c.width, str)}
    widths, given, shared = {}, 0.0, sum(shares.values())
    for column in columns:
        if isinstance(column.width, int):
            widths[column.key] = column.width
            continue
        start, given = given, given + shares[column.key] * left / shared
        widths[column.key] = max(MIN_FRACTION, math.floor(given) - math.floor(start))
    return widths
