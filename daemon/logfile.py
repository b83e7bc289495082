"""The daemon's own log file: several processes add lines to it, and it does not grow for ever."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

LARGEST = 10 * 1024 * 1024
"""Bytes of a file that is set aside: about fifty thousand lines."""

KEPT = 3
"""Files that were set aside and are kept: ``daemon.log.1`` is the latest."""


def files(path: Path) -> list[Path]:
    """The log at ``path`` and those that were set aside before it, the oldest first, as far as they exist."""
    found = [_aside(path, number) for number in range(KEPT, 0, -1)]
    return [file for file in (*found, path) if file.exists()]


def is_stderr(path: Path) -> bool:
    """Whether standard error leads into the file at ``path`` already."""
    try:
        return os.path.samestat(os.fstat(2), path.stat())
    except OSError:
        return False


class LogFile:
    """The file, as one process writes to it; a fork may go on with it.

    Whoever finds it too large sets it aside; all others notice with their next line, as the file of that name
    is no longer theirs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Where standard error is the file, it must stay so: what dies writes its last words there.
        self._fd = 2 if is_stderr(path) else self._open()

    def write(self, line: str) -> None:
        """Add a line. What cannot be written is lost: a full disk must not stop an import for its log."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        with suppress(OSError):
            self._follow()
            if os.fstat(self._fd).st_size + len(data) > LARGEST:
                self._set_aside()
                self._follow()
            os.write(self._fd, data)  # in one piece, or lines of several processes would mix

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _follow(self) -> None:
        """Go on in the file that has the name now."""
        if self._has_name(self._fd):
            return
        new = self._open()
        os.dup2(new, self._fd, inheritable=self._fd == 2)
        os.close(new)

    def _has_name(self, fd: int) -> bool:
        """Whether the file of ``fd`` is the one that has the log's name."""
        try:
            return os.path.samestat(os.fstat(fd), self._path.stat())
        except FileNotFoundError:
            return False

    def _set_aside(self) -> None:
        # Opened anew: a lock on the other descriptor would be that of all forks too.
        fd = self._open()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_size < LARGEST // 2 or not self._has_name(fd):
                return  # another process was faster
            for number in range(KEPT - 1, 0, -1):
                with suppress(FileNotFoundError):
                    _aside(self._path, number).replace(_aside(self._path, number + 1))
            self._path.replace(_aside(self._path, 1))
        finally:
            os.close(fd)


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
