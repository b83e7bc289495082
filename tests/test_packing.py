"""Packed files: streamed, bounded, refused when they are not one whole list of books."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from daemon.file_check import RefusedError, check_file
from daemon.importing import packing
from daemon.importing.packing import PackingError
from daemon.settings import Settings
from tests.files import books_of, errors_of, isbn13, packed, table, zstd

KINDS = ("gz", "zip", "zst")
LIMIT = 100_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"  # whatever the name says, the content tells


def check(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    check_file(path, Settings())


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_packed_files_are_read_as_what_is_in_them(path: Path, kind: str, encoding: str) -> None:
    text = table(50)
    data = packed(text.encode(encoding), kind)
    check(path, data)
    assert books_of(path, data) == books_of(path, text)


def test_several_parts_in_one_file(path: Path) -> None:
    first, second = table(4)[:50].encode(), table(4)[50:].encode()
    for data in (gzip.compress(first) + gzip.compress(second), zstd.compress(first) + zstd.compress(second)):
        check(path, data)
        assert len(books_of(path, data)) == 4


def test_a_folder_and_the_finders_shadow_do_not_count(path: Path) -> None:
    data = archive(
        {"books/": b"", "books/list.csv": table(2).encode(), "__MACOSX/books/._list.csv": b"\x00\x05"}
    )
    check(path, data)
    assert len(books_of(path, data)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_is_refused_and_memory_stays_flat(path: Path, kind: str) -> None:
    line = b"Book,Author,9780439023481,2001\n"
    bomb = packed(line * (150_000_000 // len(line)), kind)
    assert len(bomb) < 1_000_000
    path.write_bytes(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(PackingError, match=r"unpacks to more than 200 times its size"):
            packing.check(path, limit=10**12)
        with pytest.raises(RefusedError, match=r"books\.csv: unpacks to more than"):
            check_file(path, Settings())
        assert tracemalloc.get_traced_memory()[1] < 8 * packing.BLOCK
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_the_limit_is_that_of_the_content(path: Path, kind: str) -> None:
    random.seed(1)
    data = "".join(f"{random.random()}\n" for _ in range(20_000)).encode()
    path.write_bytes(packed(data, kind))
    packing.check(path, limit=len(data))
    with pytest.raises(PackingError, match=r"import\.max_file_size allows \(385\.5 kB\)"):
        packing.check(path, limit=len(data) - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused(path: Path, kind: str) -> None:
    data = packed(table(2000).encode(), kind)
    for damaged in (data[:-40], data[: len(data) // 2], data[:20], data[:100] + b"\x00\xff\x00" + data[103:]):
        with pytest.raises(RefusedError, match=r"is packed and|ZIP archive"):
            check(path, damaged)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("byte", [0, 1, 32, 255])
def test_any_single_byte_may_be_wrong(path: Path, kind: str, byte: int) -> None:
    data = packed(table(1).encode(), kind)
    for place in range(len(data)):
        damaged = data[:place] + bytes([byte]) + data[place + 1 :]
        with contextlib.suppress(RefusedError):
            check(path, damaged)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (archive({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "is an Excel workbook"),
        (archive({"mimetype": b"", "content.xml": b""}), "is a LibreOffice document or an e-book"),
        (archive({"a.csv": b"x", "b.csv": b"y"}), "is a ZIP archive of 2 files; unpack it"),
        (archive({"folder/": b""}), "is a ZIP archive of 0 files"),
        (archive({f"{n}.csv": b"" for n in range(20_000)}), "is a ZIP archive of very many files"),
        (archive({"a.csv": b"x" * 100}, zipfile.ZIP_LZMA), "packed in a rare way"),
        (archive({}), "is not a CSV file but a ZIP archive without files"),
        (gzip.compress(b""), "is empty when unpacked"),
        (gzip.compress(bytes(range(256)) * 40), "does not hold a CSV file but something binary"),
        (gzip.compress(gzip.compress(b"x")), "does not hold a CSV file but"),
        (b"BZh91AY&SY", "packed with bzip2; unpack it first"),
    ],
    # Without the data, which hold the time of packing: all processes must call a test the same.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_one_list_of_books_is_refused(path: Path, data: bytes, message: str) -> None:
    with pytest.raises(RefusedError) as error:
        check(path, data)
    assert message in str(error.value)


def test_an_archive_cannot_lie_about_its_list_of_files(path: Path) -> None:
    data = archive({f"{n}.csv": b"" for n in range(20_000)})
    at = data.rindex(b"PK\x05\x06")
    hidden = data[:at] + data[at : at + 8] + b"PK\x05\x06" + data[at + 12 :]
    large = data[:at] + b"PK\x06\x07" + b"\x00" * 16 + data[at:]
    for lying in (hidden, large):
        with pytest.raises(RefusedError, match=r"very many files|very large"):
            check(path, lying)


def test_a_password_is_said(path: Path) -> None:
    data = bytearray(archive({"a.csv": b"x"}))
    data[6] |= 1  # the flag in the member's own header and in the archive's list
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(RefusedError, match="with a password"):
        check(path, bytes(data))


def test_bad_rows_in_packed_files_are_found(path: Path) -> None:
    text = table(3) + f"x,y,{isbn13(9)}\n"
    assert errors_of(path, packed(text.encode(), "zst")) == [(5, "Row has 3 fields, header has 4")]
