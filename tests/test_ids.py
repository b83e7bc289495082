"""Identifiers: in the order in which they were made, and never twice."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from daemon.catalog.ids import earlier, uuid7, uuid7_block


def test_one_after_the_other() -> None:
    """Thousands a millisecond, so that nearly all have their time in common with the one before."""
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}


def test_from_several_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: [uuid7() for _ in range(5_000)], range(4)))
    assert all(part == sorted(part) for part in made)
    assert len({one for part in made for one in part}) == 20_000


def test_a_block_is_in_order() -> None:
    before = uuid7()
    block = [uuid.UUID(bytes=one) for one in uuid7_block(300_000)]
    assert block == sorted(set(block))
    assert earlier(before, timedelta(milliseconds=1)) < block[0]
    assert {(one.version, one.variant) for one in block[:: 1 << 12]} == {(7, uuid.RFC_4122)}
