"""Wakes a process that waits for work: a named pipe beside the file that the work is in."""

from __future__ import annotations

import os
import select
import stat
import time
from contextlib import suppress
from pathlib import Path

from daemon.sqlite_files import identity


class Doorbell:
    """Heard by one of those that wait. Nobody relies on it: who is not woken looks by himself, only later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._opened: tuple[int, int] | None = None

    def ring(self) -> None:
        """Wake one that waits, or the next one that begins to."""
        with suppress(OSError):  # nobody ever waited there; or so many rings were not heard that it is full
            fd = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if stat.S_ISFIFO(os.fstat(fd).st_mode):
                    os.write(fd, b"!")
            finally:
                os.close(fd)

    def wait(self, seconds: float) -> None:
        """Wait until it rings, at most for so long."""
        fd = self._open()
        if fd is None:
            time.sleep(seconds)
            return
        rings = select.poll()
        rings.register(fd, select.POLLIN)
        if rings.poll(seconds * 1000):
            with suppress(BlockingIOError):  # another one was faster
                os.read(fd, 1)

    def close(self) -> None:
        """Wait no more."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> int | None:
        """The pipe that is there now; None if there can be none, as on some network file systems."""
        if self._fd is not None and identity(self._path) == self._opened:
            return self._fd
        self.close()
        with suppress(OSError):
            with suppress(FileExistsError):
                os.mkfifo(self._path, 0o600)
            # Open for writing too: otherwise it were at its end as soon as the first that rang has left.
            fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            if not stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.close(fd)
                return None
            self._fd, self._opened = fd, identity(self._path)
        return self._fd
