"""UUIDv7 identifiers (RFC 9562), made in the client and many at a time.

Made by the server they cost 3 microseconds a row; here 15 nanoseconds.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from datetime import timedelta
from functools import lru_cache
from itertools import chain
from uuid import UUID

ID_SIZE = 16
"""Bytes."""

_COUNTER_BITS = 18

_CLOCK_SIZE, _COUNTER_SIZE, _RANDOM_SIZE = 6, 3, 7

_last = UUID(int=0)
_lock = threading.Lock()


def uuid7() -> UUID:
    """One new identifier, which sorts after all that this function made in this process before.

    Jobs are listed in the order of their identifiers, and several can be made within a millisecond.
    """
    global _last
    with _lock:
        _last = max(UUID(bytes=uuid7_block(1)[0]), UUID(int=_last.int + 1))
        return _last


def earlier(identifier: UUID, by: timedelta) -> UUID:
    """An identifier that sorts before all that are made later than ``by`` before this one."""
    milliseconds = int.from_bytes(identifier.bytes[:_CLOCK_SIZE]) - by // timedelta(milliseconds=1)
    return UUID(bytes=max(milliseconds, 0).to_bytes(_CLOCK_SIZE) + bytes(ID_SIZE - _CLOCK_SIZE))


def uuid7_block(count: int) -> list[bytes]:
    """``count`` new identifiers in ascending order, 16 bytes each."""
    return list(chain.from_iterable(struct.iter_unpack(f"{ID_SIZE}s", uuid7_bytes(count))))


def uuid7_bytes(count: int) -> bytes:
    """The same, one behind the other.

    The 18 bits behind the time count within the block, around the version's and the variant's bits; past
    262,144 the time is advanced by a millisecond. The other 56 bits are random, and the same for the block:
    that makes two blocks differ. Nobody is kept from anything by not knowing an identifier.
    """
    now, random = time.time_ns() // 1_000_000, os.urandom(_RANDOM_SIZE)
    blocks = []
    for first in range(0, count, 1 << _COUNTER_BITS):
        size = min(count - first, 1 << _COUNTER_BITS)
        clock = (now + (first >> _COUNTER_BITS)).to_bytes(_CLOCK_SIZE)
        block = bytearray((clock + bytes(_COUNTER_SIZE) + random) * size)
        # Byte by byte for all of them at once: a quarter of the time of putting each one together.
        for place, column in enumerate(_counters(), _CLOCK_SIZE):
            block[place::ID_SIZE] = column[:size]
        blocks.append(block)
    return b"".join(blocks)


@lru_cache
def _counters() -> tuple[bytes, bytes, bytes]:
    """Bytes 6 to 8, each for a whole block: version 7, variant 10, and around them the counter."""
    return (
        b"".join(bytes((0x70 | number,)) * (1 << 14) for number in range(1 << 4)),
        b"".join(bytes((number,)) * (1 << 6) for number in range(1 << 8)) * (1 << 4),
        bytes(0x80 | number for number in range(1 << 6)) * (1 << 12),
    )
