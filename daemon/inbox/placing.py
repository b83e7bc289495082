"""Gives a file a name in a folder, and never another one's: nothing is overwritten, nor lost in a crash."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from daemon.inbox import names

BLOCK = 1024 * 1024

_NO_LINK = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
"""What says that a file cannot get a second name there, but perhaps be copied."""


def put(file: Path, fd: int, name: bytes, temporary: bytes) -> bytes:
    """Bring ``file`` into the folder ``fd`` under ``name``, or one like it that is free; which that was.

    It stays where it was, too: so that whoever comes again after a crash finds it in its place, and goes on.
    ``temporary`` is a name for what is half done. Raises :class:`OSError`.
    """
    try:
        return _link(file, fd, name)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return _bring(file, fd, name, temporary)


def _link(file: Path, fd: int, name: bytes) -> bytes:
    """Give ``file`` a free name like ``name`` in the folder ``fd`` too."""
    for candidate in names.numbered(name):
        try:
            os.link(file, candidate, dst_dir_fd=fd, follow_symlinks=False)
        except FileExistsError:
            # Linked, and then killed.
            if not os.path.samestat(file.lstat(), os.stat(candidate, dir_fd=fd, follow_symlinks=False)):
                continue
        return candidate
    raise AssertionError("unreachable")


def _bring(file: Path, fd: int, name: bytes, temporary: bytes) -> bytes:
    """The same from another file system, or where there are no links: by a copy."""
    source = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(source, "rb") as original:
        status = os.fstat(source)
        with create(fd, temporary, 0o600) as copy:
            shutil.copyfileobj(original, copy, BLOCK)
            copy.flush()
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode))
            os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
            placed = publish(copy, temporary, fd, name)
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=fd)
    return placed


def create(fd: int, name: bytes, mode: int) -> BinaryIO:
    """A new, empty file in the folder ``fd``."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=fd)  # left by a crash, or put there by somebody
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(name, flags, mode, dir_fd=fd), "w+b")


def publish(file: BinaryIO, temporary: bytes, fd: int, name: bytes) -> bytes:
    """Give the complete ``file``, called ``temporary``, a free name like ``name`` too; which.

    One that has its very content already will do: it is the one from before a crash.
    """
    file.flush()
    os.fsync(file.fileno())
    for candidate in names.numbered(name):
        try:
            os.link(temporary, candidate, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
        except FileExistsError:
            if not _holds(candidate, fd, file):
                continue
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            try:
                reserved = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, dir_fd=fd)
            except FileExistsError:
                if not _holds(candidate, fd, file):
                    continue
                return candidate
            os.close(reserved)
            os.rename(temporary, candidate, src_dir_fd=fd, dst_dir_fd=fd)
        return candidate
    raise AssertionError("unreachable")


def _holds(name: bytes, fd: int, file: BinaryIO) -> bool:
    """Whether the file of that name has the content of ``file``."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    except OSError:
        return False
    with os.fdopen(opened, "rb") as other:
        if os.fstat(opened).st_size != os.fstat(file.fileno()).st_size:
            return False
        file.seek(0)
        while block := file.read(BLOCK):
            if other.read(len(block)) != block:
                return False
    return True
