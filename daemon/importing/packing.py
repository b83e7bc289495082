"""Packed files (.gz, .zip with one file in it, .zst) as the bytes that are in them, streamed."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast

from rich.filesize import decimal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP, ZIP, ZSTD = b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"

MOST_RATIO = 200
"""Unpacked bytes for one packed byte. Book lists pack 3 to 20 times; bombs a thousand times and more."""

RATIO_FROM = 16 * 1024 * 1024
"""Unpacked bytes below which a ratio says nothing: nobody is hurt by so little."""

LARGEST_DIRECTORY = 1024 * 1024
"""Bytes of a ZIP archive's list of files, which zipfile reads as a whole; one file needs a hundred."""

WINDOW = 26
"""Logarithm of the bytes that unpacking zstd may keep at hand: 64 MiB, enough for all but `--ultra -22`."""

BLOCK = 1024 * 1024
"""Bytes unpacked at a time."""

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, zstd.ZstdError)
"""What the unpackers raise, in the middle of a file, when its bytes are not what was packed."""


BAD_ARCHIVE = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError),
    *(IndexError, OverflowError, ValueError, struct.error),
)
"""What zipfile raises for an archive that it cannot make sense of."""


class PackingError(Exception):
    """The packed file cannot be used. The message is what it is, to be put behind "the file"."""


class Unpacked(NamedTuple):
    """An open file, as its reader sees it."""

    stream: BinaryIO
    """The text that is to be imported."""
    file: BinaryIO
    """The file on the disk, whose position tells the progress; ``stream`` itself if nothing is packed."""


@contextmanager
def unpacked(path: Path) -> Iterator[Unpacked]:
    """The bytes of the file at ``path``, unpacked if it is packed: its first bytes tell, not its name.

    Raises :class:`PackingError` for archives that are not one file, OSError if ``path`` cannot be opened.
    Reading the stream may raise what :data:`DAMAGED` lists.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(GZIP):
            with gzip.GzipFile(fileobj=file) as stream:
                yield Unpacked(cast("BinaryIO", stream), file)
        elif magic == ZSTD:
            with zstd.ZstdFile(file, options={zstd.DecompressionParameter.window_log_max: WINDOW}) as stream:
                yield Unpacked(cast("BinaryIO", stream), file)
        elif magic == ZIP:
            with _member(file) as member:
                yield Unpacked(cast("BinaryIO", member), file)
        else:
            yield Unpacked(file, file)


def is_packed(magic: bytes) -> bool:
    """Whether a file that begins with these four bytes or more is one that :func:`unpacked` unpacks."""
    return magic.startswith((GZIP, ZIP, ZSTD))


def check(path: Path, limit: int) -> None:
    """Unpack the packed file at ``path`` once, keeping nothing, to see that it is whole and not a bomb.

    Raises :class:`PackingError` if it is damaged, unpacks to more than ``limit`` bytes, or to more than
    :data:`MOST_RATIO` times its size.
    """
    size = 0
    packed_size = path.stat().st_size
    with unpacked(path) as opened:
        try:
            while block := opened.stream.read(BLOCK):
                size += len(block)
                if size > limit:
                    raise PackingError(f"unpacks to more than import.max_file_size allows ({decimal(limit)})")
                if size > RATIO_FROM and size > MOST_RATIO * packed_size:
                    raise PackingError(f"unpacks to more than {MOST_RATIO} times its size; no book list does")
        except DAMAGED as error:
            raise PackingError(damage(error)) from None
    if not size:
        raise PackingError("is empty when unpacked")


def damage(error: Exception) -> str:
    """In words, what is wrong with packed data that raised one of :data:`DAMAGED`."""
    if isinstance(error, EOFError):
        return "is packed and ends in the middle; copy or download it again"
    return f"is packed and damaged ({error}); copy or download it again"


def _member(file: BinaryIO) -> IO[bytes]:
    """The one file in a ZIP archive."""
    # The record at the end of an archive says how long its list of files is, and zipfile believes it.
    file.seek(0, io.SEEK_END)
    file.seek(max(0, file.tell() - 65_557))
    end = file.read()
    # As zipfile looks for it: at the very end, or else before a comment.
    at = len(end) - 22 if end[-22:].startswith(b"PK\x05\x06") else end.rfind(b"PK\x05\x06")
    if end[max(at - 20, 0) :].startswith(b"PK\x06\x07"):
        raise PackingError("is a ZIP archive in the form for very large ones; unpack it first")
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > LARGEST_DIRECTORY:
        raise PackingError("is a ZIP archive of very many files; unpack it and import them one by one")
    try:
        archive = zipfile.ZipFile(file)
        return archive.open(_only_member(archive))
    except BAD_ARCHIVE as error:
        raise PackingError(damage(error)) from None


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file in an archive."""
    names = set(archive.namelist())
    if "[Content_Types].xml" in names:
        raise PackingError("is an Excel workbook; save the sheet as CSV first")
    if "mimetype" in names:
        raise PackingError("is a LibreOffice document or an e-book; save a sheet as CSV first")
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise PackingError(
            f"is a ZIP archive of {len(members):,} files; unpack it and import them one by one"
        )
    member = members[0]
    if member.flag_bits & 0x1:
        raise PackingError("is a ZIP archive with a password; unpack it first")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PackingError("is a ZIP archive packed in a rare way; unpack it first")
    return member
