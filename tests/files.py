"""Files of books as people's programs write them, made in memory."""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from daemon.importing.candidates import Candidates
from daemon.importing.checking import Checked, checked
from daemon.importing.options import ImportOptions
from daemon.importing.reading import Reading, understand
from daemon.importing.records import Record
from daemon.importing.source import open_reader

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

HEADER = ["title", "author", "isbn", "publication_year"]


def isbn13(number: int) -> str:
    """The ``number``-th ISBN of a made-up publisher, with its check digit."""
    digits = f"978{number:09}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def book(number: int) -> list[str]:
    """The fields of a good row."""
    return [f"Book {number}", f"Author {number}", isbn13(number), "2001"]


def written(rows: Iterable[Sequence[str]], **dialect: object) -> str:
    """``rows`` as the csv module writes them."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, **({"lineterminator": "\n"} | dialect)).writerows(rows)  # type: ignore[arg-type]
    return buffer.getvalue()


def table(count: int = 5, **dialect: object) -> str:
    """A header and ``count`` good rows."""
    return table_of(range(1, count + 1), **dialect)


def table_of(numbers: Iterable[int], **dialect: object) -> str:
    """A header and the good rows of these numbers."""
    return written([HEADER, *map(book, numbers)], **dialect)


def packed(data: bytes, kind: str, name: str = "books.csv") -> bytes:
    """``data`` in a file of that kind."""
    if kind == "gz":
        return gzip.compress(data)
    if kind == "zst":
        return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})  # as zstd does
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def reading_of(path: Path, data: str | bytes, **options: object) -> Reading:
    """How a file of this content is read; it is left at ``path``."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return understand(path, ImportOptions.model_validate(options))


def checked_of(path: Path, data: str | bytes, **options: object) -> Checked:
    """All rows of a file of this content, checked."""
    whole = Checked(Candidates())
    for part in checked(path, reading_of(path, data, **options), "format"):
        for column in fields(Candidates):
            mine, more = getattr(whole.candidates, column.name), getattr(part.candidates, column.name)
            mine.update(more) if isinstance(mine, dict) else mine.extend(more)
        whole.rejections += part.rejections
    whole.candidates = whole.candidates.in_order()
    whole.rejections.sort(key=lambda rejection: rejection.row_number)
    return whole


def books_of(path: Path, data: str | bytes, **options: object) -> list[tuple[str, str, str, int | None]]:
    """The books of a file of this content, none of its rows being rejected."""
    found = checked_of(path, data, **options)
    assert [rejection.error_message for rejection in found.rejections] == []
    return [(book.title, book.author, book.isbn, book.publication_year) for book in found.candidates.books()]


def errors_of(path: Path, data: str | bytes, **options: object) -> list[tuple[int, str]]:
    """Row number and message of the rejected rows of a file of this content."""
    found = checked_of(path, data, **options)
    return [(error.row_number, error.error_message) for error in found.rejections]


def records_of(path: Path, reading: Reading) -> list[Record]:
    """All records of a file, its header and blank ones too."""
    with open_reader(path, reading.dialect, reading.header.layout) as reader:
        return list(reader)
