"""Records of a file, whatever is in it."""

from __future__ import annotations

import csv
import io
import itertools
from encodings.aliases import aliases
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.importing import dialect as dialects
from daemon.importing import records, source
from daemon.importing.dialect import Dialect
from daemon.importing.quotes import Layout
from daemon.importing.records import Record
from daemon.importing.source import RecordReader
from daemon.values import codec_name

FIELDS = st.text(
    st.one_of(
        st.sampled_from(',;\t|"\\ \n\r'), st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    ),
    max_size=20,
)
ROWS = st.lists(st.lists(FIELDS, min_size=1, max_size=5), max_size=20)
DELIMITERS = st.sampled_from(list(dialects.DELIMITERS))
LAYOUTS = st.one_of(st.none(), st.builds(Layout, st.integers(1, 4), st.just((0,))))


def is_encoding(name: str) -> bool:
    try:
        return bool(codec_name(name))
    except ValueError:
        return False


ENCODINGS = sorted(
    {codec_name(name) for name in aliases.values() if is_encoding(name)} - {"utf-16", "utf-32"}
)
"""All that users can ask for."""


def read(data: bytes, dialect: Dialect | None = None, layout: Layout | None = None) -> list[Record]:
    file = io.BytesIO(data)
    dialect = dialect or Dialect()
    with source.text_of(file, dialect.encoding) as text:
        return list(RecordReader(text, file, dialect, layout))


def fields(data: bytes, dialect: Dialect | None = None) -> list[list[str]]:
    return [record.fields for record in read(data, dialect)]


@given(
    ROWS,
    DELIMITERS,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
)
def test_what_the_csv_module_writes_comes_back(
    rows: list[list[str]], delimiter: str, end: str, quoting: int, backslash: bool, encoding: str
) -> None:
    backslash = backslash or quoting == csv.QUOTE_NONE
    escape = {"escapechar": "\\", "doublequote": False} if backslash else {}
    buffer = io.StringIO(newline="")
    try:
        csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting, **escape).writerows(rows)  # type: ignore[arg-type]
    except csv.Error:
        assume(False)  # it cannot write an empty field without quotes
    text = buffer.getvalue()
    assume(not text.startswith("\ufeff"))
    # Some of what it writes, line ends outside of quotes, it does not read either.
    again = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **escape)  # type: ignore[arg-type]
    assume(list(again) == rows)
    assert fields(text.encode(encoding), Dialect(delimiter, encoding, backslash)) == rows


@given(st.lists(st.sampled_from([*'ab,"\\\n\r ', '""', '\\"', '","', '"\n"', "978,"]), max_size=60), LAYOUTS)
def test_without_a_layout_lines_are_read_as_the_csv_module_reads_them(
    parts: list[str], layout: Layout | None
) -> None:
    lines = io.StringIO("".join(parts), newline="").readlines()
    for dialect in (Dialect(), Dialect(backslash=True), Dialect(skip_spaces=True)):
        pieces = list(records.split(lines, dialect, layout))
        ends = [piece.end for piece in pieces]
        # No line is passed over and none is read twice.
        assert ends == sorted(set(ends))
        assert ends[-1:] == ([len(lines)] if lines else [])
        if layout is None and not any(piece.is_damaged for piece in pieces):
            assert [piece.fields for piece in pieces] == list(dialect.reader(lines))


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    for encoding in ENCODINGS:
        found = read(data, Dialect(encoding=encoding))
        assert [record.row_number for record in found] == list(range(1, len(found) + 1))


@given(st.lists(FIELDS, min_size=1, max_size=6), DELIMITERS, st.booleans())
def test_raw_data_parses_to_the_same_fields(row: list[str], delimiter: str, skip_spaces: bool) -> None:
    dialect = Dialect(delimiter, skip_spaces=skip_spaces)
    raw = dialect.format(row)
    assert dialects.split(raw, delimiter) == row
    assume(not raw.startswith("\ufeff"))
    assert fields(raw.encode(), dialect) == [row]


SPECTRUM = {
    "comma in quotes": b'first,last,address\nJohn,Doe,"120 any st., Anytown, WW"\n',
    "empty": b'a,b,c\n1,"",""\n2,3,4\n',
    "empty, crlf": b'a,b,c\r\n1,"",""\r\n2,3,4\r\n',
    "escaped quotes": b'a,b\n1,"ha ""ha"" ha"\n3,4\n',
    "json": b'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
    "newlines": b'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
    "newlines, crlf": b'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
    "quotes and newlines": b'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
    "simple": b"a,b,c\n1,2,3\n",
    "carriage returns": b"a,b,c\r1,2,3\r",
    "no line end": b"a,b,c\n1,2,3",
    "blank lines": b"a,b,c\n\n1,2,3\n\n\n",
    "utf8": "a,b,c\n1,2,3\n4,5,ʤ\n".encode(),
    "quotes inside": b'a,b\nthe "real" one,5"\n',
    "ragged": b"a,b,c\n1\n1,2,3,4\n",
}


@pytest.mark.parametrize("name", SPECTRUM)
def test_the_spectrum_is_read_as_the_csv_module_reads_it(name: str) -> None:
    data = SPECTRUM[name]
    assert fields(data) == list(csv.reader(io.StringIO(data.decode(), newline="")))
    wide = [record.fields for record in read(data, layout=Layout(3, (2,)))]
    assert wide == fields(data)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'a,"b\r\nb",c\r\n\r\n"d""",e,f\r\n' * 20
    whole = fields(data)
    for size in range(1, 40):
        monkeypatch.setattr(source, "BLOCK", size)
        assert fields(data) == whole


def test_the_preamble_is_passed_over_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'My "books\n\n2026\na,b\nc,d\n'
    for size in (1, 7, 1000):
        monkeypatch.setattr(source, "BLOCK", size)
        found = read(data, Dialect(preamble=3))
        assert [(record.row_number, record.fields) for record in found] == [(4, ["a", "b"]), (5, ["c", "d"])]
    assert read(b"sep=,\na,b\n", Dialect(preamble=1, sep_line=True))[0].row_number == 1


def test_byte_order_mark_and_missing_line_end() -> None:
    assert fields("\ufeffa,b\nc,d".encode()) == [["a", "b"], ["c", "d"]]


def test_bytes_that_are_not_valid_stay_apart_from_text() -> None:
    assert fields(b"a\xff,b", Dialect()) == [["a\udcff", "b"]]
    # A lone surrogate half in UTF-16, of bytes that are ASCII by themselves.
    assert fields("a,".encode("utf-16-le") + b"\x41\xd8\n\x00", Dialect(encoding="utf-16-le")) == [
        ["a", "\udc41\udcd8"]
    ]


def test_lone_backslashes_are_kept() -> None:
    data = rb'"AC\DC","the \"real\" one","C:\\dir","a\,b"'
    assert fields(data, Dialect(backslash=True)) == [["AC\\DC", 'the "real" one', "C:\\dir", "a,b"]]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_overlong_line_costs_itself_only(monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    monkeypatch.setattr(source, "LONGEST_RECORD", 100)
    for size, length in itertools.product((30, 31, 32, 33), (*range(101, 140), 1000)):
        monkeypatch.setattr(source, "BLOCK", size)
        found = read(b"a,b" + end + b"x" * length + end + b"c,d" + end)
        assert len(found) == 3  # a line that is hardly too long may be taken or not
        assert [found[0].fields, found[2].fields] == [["a", "b"], ["c", "d"]]
        assert {record.damage.code for record in found if record.damage} <= {"too_long"}


def test_a_file_that_is_gone_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(source.SourceError, match="cannot be read: No such file"),
        source.open_reader(tmp_path / "gone.csv", Dialect()),
    ):
        pass
