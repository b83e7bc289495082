"""A preview says what the import then does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bibliflow_tui.commands.demo import examples
from daemon.catalog import books
from daemon.catalog.database import Connection
from daemon.importing import checking
from daemon.importing.options import ImportOptions
from daemon.importing.preview import Preview, scan
from tests.files import HEADER, book, reading_of, written
from tests.imports import counts, import_text


def last(path: Path, data: str | bytes, connection: Connection | None = None) -> Preview:
    reading = reading_of(path, data)
    known = (lambda isbns: books.existing(connection, isbns)) if connection else None
    *_, found = scan(path, reading, ImportOptions(), known)
    return found


@pytest.mark.parametrize("example", ["clean.csv", "messy.csv"])
def test_it_is_what_an_import_does(connection: Connection, tmp_path: Path, example: str) -> None:
    data = (examples() / example).read_bytes()
    path = tmp_path / "books.csv"
    for _ in range(2):  # the second time all is there already
        foreseen = last(path, data, connection)
        job = import_text(connection, path, data)
        assert counts(job)[:2] == (foreseen.total, foreseen.new)
        duplicates = foreseen.repeated + (foreseen.in_catalogue or 0)
        assert job.error_count == foreseen.rejected + duplicates
    assert foreseen.new == 0
    assert foreseen.as_dict()["by_code"]["duplicate_isbn"] == duplicates


def test_the_first_rows_are_in_order_and_as_they_will_be_stored(tmp_path: Path) -> None:
    rows = [
        [f" {title} ", author, f"{isbn[:3]}-{isbn[3:]}", year]
        for title, author, isbn, year in map(book, range(30))
    ]
    rows[3][2] = "bad"
    found = last(tmp_path / "books.csv", written([HEADER, *rows]))
    assert [row.row_number for row in found.first] == list(range(2, 22))
    assert list(found.first[0].values.values()) == ["Book 0", "Author 0", book(0)[2], 2001]
    assert found.first[3].values["title"] == " Book 3 "
    assert [problem.message for problem in found.first[3].problems] == ["Invalid ISBN: bad"]


def test_it_can_be_printed_whatever_is_in_the_file(tmp_path: Path) -> None:
    found = last(
        tmp_path / "books.csv",
        "\u00e9,A,B\n".encode() + written([HEADER]).encode() + b"Zo\xe9 \xff\x00,A,,\n",
    )
    assert found.first[0].values["title"] == r"Zo\xe9 \xff\x00"


def test_it_grows_and_can_be_left_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "BATCH_ROWS", 10)
    path = tmp_path / "books.csv"
    reading = reading_of(path, written([HEADER, *map(book, range(100))]))
    previews = scan(path, reading, ImportOptions())
    totals = [next(previews).total for _ in range(3)]
    assert totals == [0, 9, 19]  # the first ten records begin with the header
    previews.close()  # type: ignore[attr-defined]
