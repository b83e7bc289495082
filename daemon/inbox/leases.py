"""Is a file still open in the program that writes it? Linux can tell, of local files."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from functools import lru_cache
from pathlib import Path

_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "fuse", "ncp", "coda")
"""How the types of file systems begin that refuse leases for reasons of their own."""

_MOUNTS = Path("/proc/self/mountinfo")


def prepare() -> None:
    """To be called once in a process that asks: the system tells by SIGIO who wanted to open the file."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_open_elsewhere(fd: int) -> bool | None:
    """Whether a process has the file of ``fd`` open to write to it; None where that cannot be told.

    Asks for a read lease, which is refused in that case. Only its owner may ask.
    Source: https://man7.org/linux/man-pages/man2/F_SETLEASE.2const.html
    """
    if not hasattr(fcntl, "F_SETLEASE") or _is_remote(os.fstat(fd).st_dev):
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False


@lru_cache(maxsize=64)
def _is_remote(device: int) -> bool:
    """Whether the file system is another machine's, as far as the table of mounts says."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True
    for line in lines:
        fields, _, behind = line.partition(" - ")
        if fields.split()[2] == wanted:
            return behind.split()[0].startswith(_NETWORK)
    return False
