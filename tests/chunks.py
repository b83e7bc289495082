"""Small chunks, so that a small file takes the way of a large one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.importing import pipeline, source

ROWS = 500

BLOCK = 16 * 1024
"""Characters: about as many rows."""


def make_small(change: Callable[[Any, str, int], None], *, is_long: bool, rows: int = ROWS) -> None:
    """Make chunks of ``rows``; ``is_long``: read ahead, by spans, and stored over two connections.

    ``change`` sets attributes: setattr, or pytest's for as long as a test.
    """
    change(pipeline, "CHUNK_ROWS", rows)
    if is_long:
        change(pipeline, "AHEAD_FROM", 0)
        change(source, "BLOCK", BLOCK * rows // ROWS)
