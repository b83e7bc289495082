"""What is done for speed changes nothing: with it and without it the same comes out."""

from __future__ import annotations

import io
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.catalog import books, row_errors
from daemon.catalog.books import NewBook
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7
from daemon.catalog.row_errors import Problem, Rejection
from daemon.importing import source, spans
from daemon.importing.batch import Batch
from daemon.importing.candidates import Candidates
from daemon.importing.checking import checked
from daemon.importing.chunk import Chunk, Packer
from daemon.importing.dialect import Dialect, split
from daemon.importing.header import Header, from_columns
from daemon.importing.quotes import Layout
from daemon.importing.reading import Reading
from daemon.importing.records import Record
from daemon.importing.rules import BookRow, Checker
from daemon.importing.screen import Screen
from daemon.importing.source import RecordReader
from daemon.importing.span_screen import SpanScreen
from daemon.values import DuplicatePolicy, IsbnCheck
from tests.files import HEADER, book, isbn13, written
from tests.imports import new_job

REPOSITORY = Path(__file__).parents[1]

PIECES = [*'",;\n\r \\', "\r\n", "a", "9780439785969", "\0", "\udce9", "é", "\u2028", "\x1c", "2001"]
LINES = [
    "T,A,9780439785969\n",
    '"T, T",A,9780439785969\r\n',
    'é,"",""\n',
    '"T, T","A ""B""",9780439785969\r\n',
    '"T,A,9780439785969\n',
    'T",A,9780439785969\n',
    ",,\n",
    "\u3000, ,\n",
    ",,é\n",
]
WIDTH = 3


def reader(text: str, dialect: Dialect, *, finds_spans: bool = False) -> RecordReader:
    stream = io.BytesIO()
    found = RecordReader(io.StringIO(text, newline=""), stream, dialect, Layout(WIDTH, (2,)))
    found.finds_spans = finds_spans
    return found


@given(
    st.lists(st.sampled_from([*PIECES, *LINES])),
    st.sampled_from([Dialect(), Dialect(";"), Dialect(backslash=True), Dialect(skip_spaces=True)]),
    st.integers(1, 5),
    st.booleans(),
)
def test_records_are_the_same_one_by_one_and_in_batches(
    pieces: list[str], dialect: Dialect, most: int, finds_spans: bool
) -> None:
    text = "".join(pieces)
    batches = list(reader(text, dialect, finds_spans=finds_spans).batches(WIDTH, most))
    assert [record for batch in batches for record in batch.records()] == list(reader(text, dialect))
    for batch in batches:
        assert len(batch) > 0
        assert batch.rows == sum(not record.is_blank for record in batch.records())
        assert batch.spans is not None or len(batch) <= most
        if batch.spans:
            batch = batch.unfold(batch.spans)
        for place, raw in enumerate(batch.texts):
            fields = batch.record(place).fields
            assert split(raw, dialect.delimiter) == fields
            assert dialect.raw_data(raw) == dialect.format(fields)


PROBLEM_KEYS = ("field", "code", "message", "value", "suggestion", "evidence")

TEXTS = st.sampled_from(
    [
        *("Title", " Title\u00a0", "", " ", "\u3000", "x" * 2000, "x" * 2001, "T\x1c", "T\0", "T\udce9"),
        *("Zoë", "é" * 1001, "déjà", "\u2009T", "T\u2028", "「T」", "T\u1680", "\x85T", "T\u205f", "E", "日"),
        *(" T", "T ", "A, a novel", 'A "novel"', '"', "two\nlines"),
    ]
)
ISBNS = st.sampled_from(
    [
        *(isbn13(1), isbn13(2), isbn13(2)[:12] + "0", "978-0-439-78596-9", "0-439-78596-0", "0439785961"),
        *("043942089x", f'="{isbn13(3)}"', f"[{isbn13(3)}]", "[]", "", " ", "9.78E+12", "12345"),
        f"{isbn13(1)}\n{isbn13(2)}",
        *("٩٧٨٠٤٣٩٧٨٥٩٦٩", f"\u2009{isbn13(4)} "),
    ]
)
YEARS = st.sampled_from(
    [
        "2001",
        " 2001",
        "",
        " ",
        "1997.0",
        "2006-09-16",
        "c1999",
        "999",
        "2101",
        "soon",
        "1000",
        "+2001",
        "٢٠٠١",
    ]
)

HEADERS = [
    Header(("title", "author", "isbn"), {"title": (0,), "author": (1,), "isbn": (2,)}, True),
    Header(
        ("title", "author", "isbn", "isbn10", "year", "old year", "title 2"),
        {"title": (0, 6), "author": (1,), "isbn": (2, 3), "publication_year": (4, 5)},
        True,
    ),
    Header(
        ("author", "publication_year", "title", "isbn", "price"),
        {"title": (2,), "author": (0,), "isbn": (3,), "publication_year": (1,)},
        True,
    ),
]


def fields_for(header: Header) -> st.SearchStrategy[list[str]]:
    kinds = {"title": TEXTS, "author": TEXTS, "isbn": ISBNS, "publication_year": YEARS}
    by_column = {place: kinds[field] for field, places in header.columns.items() for place in places}
    return st.tuples(*(by_column.get(place, TEXTS) for place in range(len(header.names)))).map(list)


def nearly_good(header: Header) -> st.SearchStrategy[list[str]]:
    """A good row, but for perhaps one of its fields."""
    good = {"title": "T", "author": "A", "isbn": isbn13(5), "publication_year": "2001"}
    values = {place: good[field] for field, places in header.columns.items() for place in places}
    row = [values.get(place, "") for place in range(len(header.names))]
    return st.tuples(st.integers(0, len(row)), fields_for(header)).map(
        lambda drawn: row[: drawn[0]] + drawn[1][drawn[0] : drawn[0] + 1] + row[drawn[0] + 1 :]
    )


@given(st.data(), st.sampled_from(HEADERS), st.sampled_from(["format", "checksum"]))
def test_the_rules_say_the_same_of_what_the_screen_takes(
    data: st.DataObject, header: Header, isbn_check: IsbnCheck
) -> None:
    rows = data.draw(st.lists(fields_for(header), max_size=6))
    records = [Record(number, row) for number, row in enumerate(rows, 2)]
    batch = Batch(
        [record.row_number for record in records],
        [Dialect().format(record.fields) for record in records],
        list(zip(*rows, strict=True)) or [()] * len(header.names),
        [],
        0,
    )
    certain, doubtful = Screen(header, isbn_check).certain(batch)
    assert len(certain) + len(doubtful) == len(records)
    alone = Candidates()
    checker = Checker(header, "utf-8", isbn_check)
    for place in set(range(len(records))) - set(doubtful):
        row = checker.check(records[place])
        assert isinstance(row, BookRow)
        alone.add(records[place].row_number, batch.texts[place], row)
    certain.written = {
        number: certain.written[number] for number in certain.numbers if number in certain.written
    }
    assert certain == alone.in_order()


@given(
    st.data(),
    st.sampled_from(HEADERS),
    st.sampled_from(["format", "checksum"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_the_rules_say_the_same_of_what_the_screen_takes_as_spans(
    data: st.DataObject, header: Header, isbn_check: IsbnCheck, line_end: str
) -> None:
    rows = data.draw(st.lists(nearly_good(header), max_size=12))
    lines = [Dialect().format(row) for row in rows]
    found = spans.find("".join(line + line_end for line in lines), Dialect(), len(header.names), 2)
    if found is None:
        return
    certain, doubtful = SpanScreen(header, isbn_check).certain(found.spans)
    numbers = [*certain.numbers.tolist(), *doubtful.numbers.tolist(), *found.others]
    assert sorted(numbers) == list(range(2, 2 + found.lines))
    alone = Candidates()
    checker = Checker(header, "utf-8", isbn_check)
    for number in certain.numbers.tolist():
        row = checker.check(Record(number, rows[number - 2]))
        assert isinstance(row, BookRow)
        alone.add(number, lines[number - 2], row)
    assert certain.candidates() == alone


def test_spans_of_what_is_common_are_taken() -> None:
    header = Header(
        ("t", "a", "i", "y"), {"title": (0,), "author": (1,), "isbn": (2,), "publication_year": (3,)}, True
    )
    rows = [book(number) for number in range(20)]
    rows += [["A, a novel", "Zoë", isbn13(20), ""], ["日本", "「A」", isbn13(21), "2100"]]
    for line_end in ("\n", "\r\n"):
        text = "".join(Dialect().format(row) + line_end for row in rows)
        found = spans.find(text, Dialect(), 4, 2)
        assert found
        assert (found.lines, found.rest, found.others) == (len(rows), "", {})
        for isbn_check in get_args(IsbnCheck):
            certain, doubtful = SpanScreen(header, isbn_check).certain(found.spans)
            # The corner bracket begins as a wide space does.
            assert (len(certain), doubtful.numbers.tolist()) == (len(rows) - 1, [23])


def test_two_isbns_in_one_field_are_not_two_rows() -> None:
    header = HEADERS[0]
    rows = [["T", "A", isbn13(1)], ["T", "A", f"{isbn13(2)}\n{isbn13(3)}"]]
    batch = Batch([2, 3], ["", ""], list(zip(*rows, strict=True)), [], 0)
    assert Screen(header, "format").certain(batch)[1] == [1]


def test_the_screen_takes_what_is_common() -> None:
    """Otherwise it would be of no use, and nobody would notice."""
    header = Header(
        ("t", "a", "i", "y"), {"title": (0,), "author": (1,), "isbn": (2,), "publication_year": (3,)}, True
    )
    rows = [book(number) for number in range(20)]
    rows += [["T", "A", value, "2001"] for value in ("978-0-439-78596-9", "0439785960", f'="{isbn13(3)}"')]
    rows += [["T", "A", isbn13(1), value] for value in ("", "1997.0", "9/16/2006")]
    batch = Batch(range(len(rows)), [""] * len(rows), list(zip(*rows, strict=True)), [], 0)
    assert Screen(header, "format").certain(batch)[1] == Screen(header, "checksum").certain(batch)[1] == []


@pytest.mark.parametrize("seed", range(3))
def test_books_arrive_as_they_were_encoded(connection: Connection, seed: int) -> None:
    texts = ["a", "Zoë", "\\N", "\t\n\r\\.", "日本語", "x" * 2000, '"', "\x01\x1b", "\u2028"]
    sent = [
        NewBook(texts[(n + seed) % 9], texts[(n * 7 + seed) % 9], isbn13(n), [None, 1000, 2100][n % 3])
        for n in range(300)
    ]
    encoded = books.encode(new_job(connection).id, sent[::-1])
    assert (len(encoded), encoded.keys) == (300, sorted(encoded.keys))
    without = encoded.only({book.isbn for book in sent[100:]})
    assert books.copy(connection, without)
    assert not books.copy(connection, encoded)
    assert books.copy(connection, encoded.only({book.isbn for book in sent[:100]}))
    found = {book.isbn: book for book in books.search(connection)}
    assert [
        NewBook(found[book.isbn].title, found[book.isbn].author, book.isbn, found[book.isbn].publication_year)
        for book in sent
    ] == sent
    ids = [found[isbn].id for isbn in without.keys]
    assert ids == sorted(ids)


def test_errors_arrive_as_they_were_encoded(connection: Connection) -> None:
    job = new_job(connection)
    problems = [
        Problem(
            "isbn", "isbn_format", 'Invalid ISBN: "\\\n\0\udce9日\x1b', 'a"\\\t', "978", "like\u2028that"
        ),
        Problem(None, "field_count", "Row has 5 fields, header has 4"),
    ]
    sent = [Rejection(2**40, "x" * 3000 + "\0", problems), Rejection(2, "", problems[1:])]
    row_errors.copy(connection, row_errors.encode(job.id, sent))
    short, long = row_errors.stream(connection, job.id)
    assert (long.row_number, long.raw_data) == (2**40, "x" * 3000 + r"\x00")
    assert long.error_message == "; ".join(['Invalid ISBN: "\\\n\\x00\\xe9日\x1b', problems[1].message])
    assert [long.problems[0][key] for key in PROBLEM_KEYS] == [
        *("isbn", "isbn_format", 'Invalid ISBN: "\\\n\\x00\\xe9日\x1b', 'a"\\\t', "978", "like\u2028that")
    ]
    assert short.problems == [
        {
            "field": None,
            "code": "field_count",
            "message": problems[1].message,
            "value": None,
            "suggestion": None,
        }
    ]


def fields_of(encoded: bytes | memoryview) -> list[list[bytes | None]]:
    """The fields of rows in COPY's binary format."""
    rows = []
    stream = io.BytesIO(encoded)
    while width := stream.read(2):
        sizes_and_fields = []
        for _ in range(int.from_bytes(width, "big")):
            size = int.from_bytes(stream.read(4), "big", signed=True)
            sizes_and_fields.append(None if size < 0 else stream.read(size))
        rows.append(sizes_and_fields)
    return rows


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["Title", "A, a novel", 'The "T"', "Zoë", " spaced ", ""]),
        st.sampled_from(["Ann", "日本"]),
        st.sampled_from(
            [*map(isbn13, range(9)), "978-0-439-78596-9", "0439785960", "9780439785969", "195153448X", "bad"]
        ),
        st.sampled_from(["2001", "", "1997.0"]),
    ),
    max_size=30,
)


@given(ROWS, ROWS, st.sampled_from(["error", "skip"]), st.booleans())
def test_chunks_are_the_same_with_spans_and_without(
    rows: list[tuple[str, ...]],
    more: list[tuple[str, ...]],
    policy: DuplicatePolicy,
    expects_duplicates: bool,
) -> None:
    header = ["title", "author", "isbn", "publication_year"]
    text = written([header, *rows, ("x" * 100, "A", isbn13(90), "2000"), *more])
    reading = Reading(Dialect(), replace(from_columns(header), is_in_file=True))
    job_id = uuid7()
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        path = Path(directory) / "list.csv"
        path.write_text(text)
        patch.setattr(source, "BLOCK", 100)
        packed = []
        for finds_spans in (False, True):
            packer = Packer(job_id, Dialect(), policy, expects_duplicates=expects_duplicates)
            for part in checked(path, reading, "format", finds_spans=finds_spans):
                packer.add(part)
            packed.append(packer.pack())
    without, with_spans = packed
    for chunk in packed:
        books_of_it = fields_of(chunk.books.data)
        assert [len(row) for row in books_of_it] == [6] * len(chunk.books)
        ids = [row.pop(0) or b"" for row in books_of_it]
        assert ids == sorted(ids)
        assert [(row[0] or b"").decode() for row in books_of_it] == chunk.books.keys
        assert chunk.books.keys == sorted(chunk.books.keys)
        only = chunk.books.only(set(chunk.books.keys[::2]))
        assert [row[1] for row in fields_of(only.data)] == [row[0] for row in books_of_it[::2]]
    assert comparable(without) == comparable(with_spans)


def test_rows_that_were_imported_are_passed_over_however_they_are_read(tmp_path: Path) -> None:
    rows = [[*book(number), *([] if number % 7 else ["more"])] for number in range(200)]
    for place in range(0, 200, 11):
        rows[place] = ["", " ", "\u3000", ""]
    path = tmp_path / "list.csv"
    path.write_text(written([["title", "author", "isbn", "publication_year"], *rows]))
    header = replace(from_columns(["title", "author", "isbn", "publication_year"]), is_in_file=True)
    reading = Reading(Dialect(), header)
    numbers = [number for number in range(2, 202) if (number - 2) % 11]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK", 500)
        for skip in range(len(numbers)):
            for finds_spans in (False, True):
                left: list[int] = []
                for part in checked(path, reading, "format", skip=skip, finds_spans=finds_spans):
                    left += part.candidates.numbers
                    left += [rejection.row_number for rejection in part.rejections]
                    left += part.certain.numbers.tolist() if part.certain else []
                assert sorted(left) == numbers[skip:]


def comparable(chunk: Chunk) -> dict[str, Any]:
    """A chunk without its identifiers, and what may be in any order sorted."""
    origins = chunk.origins.rows()
    expected = chunk.duplicates
    return {
        "books": [row[1:] for row in fields_of(chunk.books.data)],
        "origins": sorted(zip(origins.numbers, map(str.strip, origins.texts), origins.isbns, strict=True)),
        "written": {
            number: origins.written[number] for number in origins.numbers if number in origins.written
        },
        "duplicates": expected and sorted((row[1:] for row in fields_of(expected.data)), key=str),
        "keys": expected and sorted(expected.keys),
        "errors": sorted((row[1:] for row in fields_of(chunk.errors)), key=str),
        "counts": (len(chunk), chunk.error_count, chunk.skipped, Counter(chunk.codes), chunk.bytes_read),
    }


@pytest.mark.parametrize("line", ["x,,,\n", "x,y\n", "Title,Author,12,2001\n", "\n"])
def test_short_rows_that_are_all_bad_come_in_parts(tmp_path: Path, line: str) -> None:
    """So that somebody sees how far it is, and memory stays within bounds."""
    path = tmp_path / "list.csv"
    path.write_text(written([HEADER, book(1)]) + line * 200_000)
    reading = Reading(Dialect(), replace(from_columns(HEADER), is_in_file=True))
    with source.open_reader(path, Dialect(), reading.header.layout) as opened:
        opened.finds_spans = True
        assert max(map(len, opened.batches(4, 1000))) <= 10_000


PACK = r"""
import re, sys
from pathlib import Path
from daemon.catalog.ids import uuid7
from daemon.importing.checking import checked
from daemon.importing.chunk import Packer
from daemon.importing.options import ImportOptions
from daemon.importing.pipeline import pack
from daemon.importing.reading import understand
path = Path(sys.argv[1])
reading = understand(path, ImportOptions())
rows = checked(path, reading, "format", finds_spans=True)
sizes = [len(chunk.books.data) for chunk in pack(rows, lambda: Packer(uuid7(), reading.dialect, "error"))]
print(sum(sizes), re.search(r"VmHWM:\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_long_texts_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    rows = [["日" * 600, "本" * 600, isbn13(number), "2001"] for number in range(4000)]
    path.write_text(written([HEADER, *rows]))
    done = subprocess.run(
        [sys.executable, "-c", PACK, path], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    size, kilobytes = map(int, done.stdout.split())
    assert size > 14_000_000
    assert kilobytes < 130_000


def test_only_readers_of_long_files_load_numpy() -> None:
    """It takes time at the start of each command, and memory in each process."""
    modules = "bibliflow_tui.app, bibliflow_tui.cli, daemon.service, daemon.watcher, daemon.importing.preview"
    program = f"import sys, {modules}; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout == "False\n"
