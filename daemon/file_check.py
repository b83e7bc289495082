"""Is a file one that may be imported? Looked at before it is taken in."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from daemon.importing import encoding, packing
from daemon.importing.packing import PackingError
from daemon.settings import Settings

SAMPLE = 64 * 1024
"""Bytes looked at to tell text from other things."""

TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x1b")
MOST_CONTROLS = 0.05
"""Share of other control bytes in a sample above which it is not text. A few are damage, and reported as
row errors; executables, images and archives have a quarter and more."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x05\x06", "a ZIP archive without files"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook; save the sheet as CSV first"),
    (b"%PDF-", "a PDF document"),
    (b"BZh", "packed with bzip2; unpack it first"),
    (b"\xfd7zXZ\x00", "packed with xz; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
)


class RefusedError(Exception):
    """The file does not come in. The message names the file and says why."""


def check_file(path: Path, settings: Settings) -> None:
    """Look at the file at ``path`` as :func:`submit` does, and leave it where it is. Raises RefusedError."""
    name = display_name(path)
    limit = settings.importing.max_file_size
    with open_checked(path, name) as file:
        size = os.fstat(file.fileno()).st_size
    if size > limit:
        raise too_large(name, size, limit)
    check_content(path, name, limit)


def check_content(path: Path, name: str, limit: int) -> None:
    """Look into the file at ``path`` if it is packed: is it whole, text, and not larger than ``limit``?"""
    try:
        with path.open("rb") as file:
            if not packing.is_packed(file.read(4)):
                return
        packing.check(path, limit)
        with packing.unpacked(path) as opened:
            what = _not_text(opened.stream.read(SAMPLE))
    except PackingError as error:
        raise RefusedError(f"{name}: {error}") from None
    except OSError as error:
        raise RefusedError(f"{name}: cannot be read: {error.strerror}") from None
    if what:
        raise RefusedError(f"{name}: does not hold a CSV file but {what}")


def open_checked(path: Path, name: str) -> BinaryIO:
    """The file at ``path``, called ``name``, open and found fit. Raises :class:`RefusedError`."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(f"{name}: {why_not_opened(error)}") from None
    return checked(fd, name)


def checked(fd: int, name: str) -> BinaryIO:
    """The open file ``fd``, found fit. Raises :class:`RefusedError`, and closes it then."""
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        os.close(fd)
        raise RefusedError(f"{name}: is a folder; name the files in it")
    file = os.fdopen(fd, "rb", buffering=0)
    try:
        if not stat.S_ISREG(status.st_mode):
            raise RefusedError(f"{name}: is a pipe, a socket or a device, not a file")
        if status.st_size == 0:
            raise RefusedError(f"{name}: is empty")
        sample = os.pread(fd, SAMPLE, 0)
        if not packing.is_packed(sample) and (what := _not_text(sample)):
            raise RefusedError(f"{name}: is not a CSV file but {what}")
    except OSError as error:
        file.close()
        raise RefusedError(f"{name}: cannot be read: {error.strerror}") from None
    except RefusedError:
        file.close()
        raise
    return file


def why_not_opened(error: OSError) -> str:
    """What ``error`` means for the file that it is about."""
    reasons = {
        errno.ENOENT: "no such file",
        errno.ENOTDIR: "no such file",
        errno.EACCES: "you may not read it",
        errno.EPERM: "you may not read it",
        errno.ELOOP: "is a link that leads to itself",
        errno.ENXIO: "is a pipe, a socket or a device, not a file",
        errno.ENAMETOOLONG: "no such file (the name is too long)",
    }
    return reasons.get(error.errno or 0, f"cannot be opened: {error.strerror}")


def _not_text(sample: bytes) -> str | None:
    """What ``sample`` is if it is not text, else None."""
    for signature, what in SIGNATURES:
        if sample.startswith(signature):
            return what
    if found := encoding.by_first_bytes(sample):
        sample = sample.decode(found.encoding, "replace").encode()
    controls = sum(1 for byte in sample if byte < 0x20 and byte not in TEXT_CONTROLS)
    return "something binary" if controls > MOST_CONTROLS * len(sample) else None


def display_name(path: Path | bytes) -> str:
    """The path in words of Unicode, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def too_large(name: str, size: int, limit: int) -> RefusedError:
    """What is said of a file that is larger than the settings allow."""
    from rich.filesize import decimal  # not for the usual import, which has to begin soon

    return RefusedError(
        f"{name}: has {decimal(size)}, more than import.max_file_size allows ({decimal(limit)})"
    )
