"""The inbox as a tree that strangers write to: nothing in it is followed, opened by a whole path, or trusted.

Every path below the inbox is bytes, relative to it. A folder is opened component by component without
following links, and files are named by their folder's descriptor: a folder that somebody exchanges for a link
meanwhile leads nowhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from daemon import spool
from daemon.inbox import leases, names, placing

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

DEEPEST = 32
"""Folders within each other. More are no shelf but a trap."""


class Version(NamedTuple):
    """What tells a file, as it is now, from another one, or the same one later."""

    device: int
    inode: int
    size: int
    """Bytes."""
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Version:
        """That of a file with this status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def is_same(self, other: Version) -> bool:
        """Whether the file is the same, unchanged; after a reboot its device may have another number."""
        return self[1:] == other[1:]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a look at the inbox found."""

    path: bytes
    version: Version
    ignored: str = ""
    """Why it is left alone; empty for a file that is not."""
    refused: str = ""
    """Why it is not taken; empty for a file that may be."""


class Folder:
    """An inbox."""

    def __init__(
        self, root: Path, *, recursive: bool = True, ignore: Sequence[str] = (), any_owner: bool = False
    ) -> None:
        self.root = root
        self.is_recursive = recursive
        self._ignore = tuple(ignore)
        self._any_owner = any_owner

    def identity(self) -> tuple[int, int]:
        """What tells the folder from another one in its place. Raises :class:`OSError`."""
        status = self.root.stat()
        return status.st_dev, status.st_ino

    def mark(self, *, make: bool = True) -> str:
        """What tells the folder from others, also seen from another machine; empty where it cannot be had."""
        private = self.root / os.fsdecode(names.PRIVATE)
        try:
            if make and not private.is_symlink():
                private.mkdir(mode=0o700, exist_ok=True)
                return spool.marked(private)
        except OSError:
            return ""  # a folder that cannot be written to has none
        return spool.mark_of(private)

    def look(self) -> Iterator[Entry]:
        """All that is in it. Raises :class:`OSError` if it cannot be read."""
        fd = os.open(
            self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        )  # may itself be a link: it is ours
        yield from self._look_into(fd, b"", 0)

    def _look_into(self, fd: int, prefix: bytes, depth: int) -> Iterator[Entry]:
        folders = []
        try:
            with os.scandir(fd) as found:
                for item in found:
                    name = os.fsencode(item.name)
                    if not depth and name in (names.IMPORTED, names.FAILED, names.PRIVATE):
                        continue
                    try:
                        status = os.stat(item.name, dir_fd=fd, follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    ignored = names.why_ignored(name, self._ignore) or ""
                    if stat.S_ISDIR(status.st_mode):
                        if not ignored and self.is_recursive:
                            folders.append(name)
                        continue
                    refused = "" if ignored else self._why_refused(status)
                    yield Entry(prefix + name, Version.of(status), ignored, refused)
            for name in folders:
                yield from self._look_below(fd, prefix, name, depth + 1)
        finally:
            os.close(fd)

    def _look_below(self, fd: int, prefix: bytes, name: bytes, depth: int) -> Iterator[Entry]:
        try:
            below = os.open(name, _FOLDER, dir_fd=fd)
        except FileNotFoundError:
            return
        except OSError as error:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            yield Entry(
                prefix + name, Version.of(status), refused=f"the folder cannot be read: {error.strerror}"
            )
            return
        if depth > DEEPEST:
            yield Entry(
                prefix + name, Version.of(os.fstat(below)), refused=f"more than {DEEPEST} folders deep"
            )
            os.close(below)
            return
        yield from self._look_into(below, prefix + name + b"/", depth)

    def _why_refused(self, status: os.stat_result) -> str:
        mode = status.st_mode
        if stat.S_ISLNK(mode):
            return "a link; put the file itself here"
        if not stat.S_ISREG(mode):
            return "a pipe, a socket or a device, not a file"
        if status.st_uid != os.geteuid() and not self._any_owner:
            return f"belongs to another user ({status.st_uid}); watch.any_owner = true takes such files"
        return ""

    def version(self, path: bytes) -> Version | None:
        """The file at ``path`` as it is now; None if there is none."""
        try:
            with self._parent(path) as (fd, name):
                return Version.of(os.stat(name, dir_fd=fd, follow_symlinks=False))
        except OSError:
            return None

    def open(self, path: bytes) -> int:
        """A descriptor of the file at ``path``, for reading. Raises :class:`OSError`."""
        with self._parent(path) as (fd, name):
            return os.open(name, _FILE, dir_fd=fd)

    def is_being_written(self, path: bytes) -> bool | None:
        """Whether a process has the file open to write to it; None where that cannot be told."""
        try:
            fd = self.open(path)
        except OSError:
            return None
        try:
            return leases.is_open_elsewhere(fd)
        finally:
            os.close(fd)

    def move_out(self, path: bytes, target: Path) -> None:
        """Rename the file at ``path`` to ``target``, atomically. Raises :class:`OSError`."""
        with self._parent(path) as (fd, name):
            os.rename(name, target, src_dir_fd=fd)

    def remove(self, path: bytes) -> None:
        """Remove the file at ``path`` if it is there."""
        with suppress(FileNotFoundError), self._parent(path) as (fd, name):
            os.unlink(name, dir_fd=fd)

    def put(self, file: Path, path: bytes, *, key: str) -> bytes:
        """Bring ``file``, which is ours, also to ``path``, or beside it if that is taken; where it is now.

        Nothing is overwritten, and done twice it is done once. ``key`` is the file's own, in the names of
        what is half done. Raises :class:`OSError`.
        """
        with self._parent(path, make=True) as (fd, name):
            placed = placing.put(file, fd, name, _temporary(key))
        return b"/".join([*path.split(b"/")[:-1], placed])

    @contextmanager
    def written(self, path: bytes, *, key: str) -> Iterator[BinaryIO]:
        """A new file that comes to ``path``, or beside it, when it is complete; unless it is there already.

        Raises :class:`OSError`.
        """
        with self._parent(path, make=True) as (fd, name):
            temporary = _temporary(key)
            try:
                with _as_open_as(fd) as mode:
                    made = placing.create(fd, temporary, mode & 0o666)
                with made as file:
                    yield file
                    placing.publish(file, temporary, fd, name)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=fd)

    @contextmanager
    def _parent(self, path: bytes, *, make: bool = False) -> Iterator[tuple[int, bytes]]:
        """The descriptor of the folder that ``path`` is in, and its name there."""
        *folders, name = path.split(b"/")
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                if folder in (b"", b".", b".."):
                    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
                if make:
                    with suppress(FileExistsError), _as_open_as(fd) as mode:
                        os.mkdir(folder, mode, dir_fd=fd)
                below = os.open(folder, _FOLDER, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd, name
        finally:
            os.close(fd)


@contextmanager
def _as_open_as(fd: int) -> Iterator[int]:
    """The mode of the folder ``fd``, for what is made in it, whatever the daemon's umask is.

    Who may look into an inbox is to see what became of the files in it.
    """
    umask = os.umask(0)
    try:
        yield os.fstat(fd).st_mode & 0o1777
    finally:
        os.umask(umask)


def _temporary(key: str) -> bytes:
    return f".{key}.part".encode()
