"""A file's private copy for the spool, durable before anything is promised."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from daemon.file_check import RefusedError, display_name, open_checked, too_large
from daemon.whole_file import sync_names

BLOCK = 4 * 1024 * 1024
"""Bytes copied at once. Smaller ones take longer beside a thread that computes: after each the copying thread
waits for its turn at the interpreter."""


class SpoolCopy:
    """The copy of one file. It has no name before it is whole and wanted: a crash leaves nothing of it.

    Where there are no files without names, it is made when it gets one.
    """

    def __init__(self, path: Path, limit: int) -> None:
        """``limit`` is the largest size that is allowed, in bytes."""
        self._path = path
        self._limit = limit
        self._thread: ThreadPoolExecutor | None = None
        self._made: Future[tuple[int, str, int] | None] | None = None
        self._is_wanted = True

    def begin(self, folder: Path) -> Self:
        """Make it in a thread, on the file system of ``folder``, while the caller does other things."""
        self._thread = ThreadPoolExecutor(1)
        self._made = self._thread.submit(self._make, folder)
        return self

    def put(self, target: Path) -> tuple[str, int]:
        """Let ``target`` be the copy; its SHA-256 in hexadecimal and its size in bytes.

        Raises :class:`~daemon.file_check.RefusedError` for a file that is not wanted or has no room.
        """
        if made := self._made and self._made.result():
            fd, sha256, size = made
            if _name(fd, target):
                return sha256, size
        name = display_name(self._path)
        with open_checked(self._path, name) as file, _unchanged(file, name):
            return copy(file, target, name, self._limit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop making it; if it has no name, it is gone."""
        made, self._made = self._made, None
        self._is_wanted = False
        if self._thread:
            self._thread.shutdown()
        if made and not made.exception() and (result := made.result()):
            os.close(result[0])

    def _make(self, folder: Path) -> tuple[int, str, int] | None:
        """The copy's descriptor, its SHA-256 and size; None if it cannot be made without a name."""
        name = display_name(self._path)
        with open_checked(self._path, name) as file:
            try:
                fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            except (AttributeError, OSError):
                return None
            try:
                with _unchanged(file, name):
                    sha256, size = _pour(file, fd, name, folder, self._limit, lambda: self._is_wanted)
            except BaseException:
                os.close(fd)
                raise
            return fd, sha256, size


def copy(file: BinaryIO, target: Path, name: str, limit: int) -> tuple[str, int]:
    """Copy ``file``, called ``name``, to ``target``; its SHA-256 in hexadecimal and its size in bytes.

    Raises :class:`~daemon.file_check.RefusedError`.
    """
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        return _pour(file, fd, name, target.parent, limit)
    finally:
        os.close(fd)


def read_block(file: BinaryIO, name: str) -> bytes:
    """The next bytes of ``file``. Raises :class:`~daemon.file_check.RefusedError`."""
    try:
        return file.read(BLOCK)
    except OSError as error:
        raise RefusedError(f"{name}: cannot be read: {error.strerror}") from None


@contextmanager
def _unchanged(file: BinaryIO, name: str) -> Iterator[None]:
    """Raise :class:`RefusedError` if somebody wrote to ``file`` meanwhile: the copy may be of two halves."""
    before = os.fstat(file.fileno())
    yield
    after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RefusedError(f"{name}: changed while it was copied; import it again when it is complete")


class _UnwantedError(Exception):
    """Nobody waits for the copy any more."""


def _pour(
    file: BinaryIO,
    fd: int,
    name: str,
    folder: Path,
    limit: int,
    is_wanted: Callable[[], bool] = lambda: True,
) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    with ThreadPoolExecutor(1) as hasher:
        hashed = None
        while block := read_block(file, name):
            if not is_wanted():
                raise _UnwantedError
            size += len(block)
            if size > limit:
                raise too_large(name, os.fstat(file.fileno()).st_size, limit)
            if hashed:
                hashed.result()
            hashed = hasher.submit(digest.update, block)  # while it is written: a third of the time less
            try:
                view = memoryview(block)
                while view:
                    view = view[os.write(fd, view) :]
            except OSError as error:
                raise RefusedError(f"No room for a copy in {folder}: {error.strerror}") from None
    # The job promises that its file is here: so it is, also after a power cut.
    os.fsync(fd)
    return digest.hexdigest(), size


def _name(fd: int, target: Path) -> bool:
    """Give an open file without a name one; False if that cannot be done here."""
    try:
        # With a descriptor Python has the link followed, which leads to the file, and links that.
        os.link(f"/proc/self/fd/{fd}", target, src_dir_fd=fd, follow_symlinks=True)
    except OSError:
        return False
    with suppress(OSError):  # of a file system that does not do so for folders
        sync_names(target.parent)
    return True
