"""Records of a file, whatever is in it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.importing import source
from daemon.importing.source import Dialect, Record, RecordReader

FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


def read(data: bytes) -> list[Record]:
    with RecordReader(io.BytesIO(data), Dialect()) as reader:
        return list(reader)


def fields(data: bytes) -> list[list[str]]:
    return [record.fields for record in read(data)]


@given(st.lists(st.lists(FIELDS, min_size=1, max_size=5), max_size=20), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_the_csv_module_writes_comes_back(rows: list[list[str]], end: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    assert fields(buffer.getvalue().encode()) == rows


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    records = read(data)
    assert [record.row_number for record in records] == list(range(1, len(records) + 1))


@given(st.lists(FIELDS, min_size=1, max_size=6))
def test_raw_data_parses_to_the_same_fields(row: list[str]) -> None:
    raw = Dialect().format(row)
    assert fields(raw.encode()) == ([row] if raw else [])


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'a,"b\r\nb",c\r\n\r\n"d""",e,f\r\n' * 20
    whole = fields(data)
    for size in range(1, 40):
        monkeypatch.setattr(source, "BLOCK", size)
        assert fields(data) == whole


def test_byte_order_mark_and_missing_line_end() -> None:
    assert fields("\ufeffa,b\nc,d".encode()) == [["a", "b"], ["c", "d"]]


def test_unclosed_quote_costs_one_record() -> None:
    records = read(b'a,b\n"c,d\ne,f\n\ng,h\n')
    assert [record.fields for record in records] == [["a", "b"], ['"c,d'], ["e", "f"], [], ["g", "h"]]
    assert records[1].damage
    assert records[1].damage.code == "unclosed_quote"
    assert records[3].is_blank


def test_a_quote_that_swallows_too_much_was_never_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LONGEST_RECORD", 100)
    monkeypatch.setattr(source, "BLOCK", 30)
    data = b'a,"b\n' + b"c,d\n" * 200 + b'e,"f"\n'
    records = read(data)
    assert len(records) == 202
    assert [record.row_number for record in records if record.damage] == [1]


def test_an_overlong_line_costs_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LONGEST_RECORD", 100)
    monkeypatch.setattr(source, "BLOCK", 30)
    records = read(b"a,b\n" + b"x" * 1000 + b"\nc,d\n")
    assert [record.fields for record in records if not record.damage] == [["a", "b"], ["c", "d"]]
    assert [record.damage.code for record in records if record.damage] == ["too_long"]


def test_a_file_that_is_gone_is_explained(tmp_path: Path) -> None:
    with pytest.raises(source.SourceError, match="cannot be read: No such file"):
        source.open_reader(tmp_path / "gone.csv", Dialect())
