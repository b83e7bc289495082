"""What the C library does with memory that is not needed any more. Only the GNU one can be told."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3)

LARGE = 1024 * 1024
"""Bytes of a block that goes back to the system as soon as it is free. Left to itself, the library keeps
blocks as large as the largest that was ever freed, each thread's for itself: 30 MB after a long import."""

LARGEST = 32 * 1024 * 1024
"""The most that can be said instead."""


MOST_KEPT = 256 * 1024 * 1024
"""Bytes that are free and kept."""


def give_back_large_blocks() -> None:
    """Keep no large blocks for later, and one store for all threads, since chunks are large."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, LARGE)
        library.mallopt(_M_ARENA_MAX, 1)


def keep_large_blocks() -> None:
    """The opposite, for a process that needs them again and again, and ends soon.

    To take memory from the system anew costs a twentieth of the time of reading a long file.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, LARGEST)
        library.mallopt(_M_TRIM_THRESHOLD, MOST_KEPT)


def give_back() -> None:
    """Give what is free back to the system: the daemon may have nothing to do for weeks."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
