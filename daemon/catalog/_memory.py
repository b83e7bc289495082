"""How much memory there is, and how much of it the embedded server's buffers may take."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SMALLEST, LARGEST = 128 * 2**20, 2**30
"""Bytes of ``shared_buffers``, which takes memory as it fills. Measured, 1 GB against 256 MB: a million rows
take a tenth less time, ten million a quarter, as what the indexes touch all over is at hand."""

SHARE = 16
"""The buffers take one of so many parts of the memory at most. Others live on the machine, too."""


def shared_buffers(memory: int) -> int:
    """Bytes of ``shared_buffers`` where there are so many bytes of memory."""
    return min(max(memory // SHARE, SMALLEST), LARGEST)


def available(groups: Path = Path("/sys/fs/cgroup"), mine: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes of memory that this process may use: the machine's, or a container's or service's part of it.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, ``memory.max``, and its predecessor.
    """
    files = [groups / "memory.max", groups / "memory" / "memory.limit_in_bytes"]
    with suppress(OSError):
        lines = mine.read_text().splitlines()
        names = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
        files += [groups / name / "memory.max" for name in names]
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in files:
        with suppress(OSError, ValueError):  # "max" is no limit
            limits.append(int(file.read_text()))
    return min(limits)
