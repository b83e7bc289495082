"""Quotes in wrong places: each costs one record, wherever it stands and however the file quotes."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.importing import records, source
from daemon.importing.dialect import Dialect
from daemon.importing.quotes import Layout
from tests.files import HEADER, book, books_of, checked_of, errors_of, table, written

UNCLOSED = "Quoted field is never closed"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def damaged(text: str, row: int, change: Callable[[str], str]) -> str:
    """``text`` with its ``row``-th line, the header being row 1, changed."""
    lines = text.splitlines(keepends=True)
    lines[row - 1] = change(lines[row - 1])
    return "".join(lines)


def test_an_unclosed_quote_costs_its_record(path: Path) -> None:
    text = damaged(table(), 3, lambda line: '"' + line)
    assert errors_of(path, text) == [(3, UNCLOSED)]
    found = checked_of(path, text)
    assert found.rejections[0].raw_data == '"' + ",".join(book(2))
    assert found.candidates.numbers == [2, 4, 5, 6]


STYLES: dict[str, dict[str, Any]] = {
    "no quotes": {},
    "all quoted": {"quoting": csv.QUOTE_ALL},
    "semicolons": {"delimiter": ";", "quoting": csv.QUOTE_ALL},
    "crlf": {"lineterminator": "\r\n", "quoting": csv.QUOTE_ALL},
    "cr": {"lineterminator": "\r"},
}
STRAYS: dict[str, Callable[[str], str]] = {
    "before the line": lambda line: '"' + line,
    "before a field": lambda line: line.replace("Author", '"Author', 1),
    "instead of two at the end": lambda line: line.replace('"\n', "\n").replace('"\r', "\r"),
    "doubled at the end": lambda line: line.rstrip("\r\n") + '"' + line[len(line.rstrip("\r\n")) :],
    "inside": lambda line: line.replace("Book", 'Bo"ok', 1),
    "first one lost": lambda line: line[1:],
    "alone": lambda _: '"\n',
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("row", [2, 500, 2000, 2001])
def test_one_stray_quote_costs_one_record_at_most(path: Path, style: str, stray: str, row: int) -> None:
    text = damaged(table(2000, **STYLES[style]), row, STRAYS[stray])
    found = checked_of(path, text)
    assert {rejection.row_number for rejection in found.rejections} <= {row}
    others = {book(number)[2] for number in range(1, 2001)} - {book(row - 1)[2]}
    assert others <= set(found.candidates.isbns)


def test_a_stray_quote_among_100_000_lines(path: Path) -> None:
    text = damaged(table(100_000, quoting=csv.QUOTE_ALL), 500, STRAYS["instead of two at the end"])
    assert errors_of(path, text) == [(500, UNCLOSED)]


def test_a_quote_that_another_records_quote_would_close(path: Path) -> None:
    """The csv module makes one record of rows 3 to 5, with as many fields as the header."""
    rows = written([HEADER, *map(book, range(1, 7))])
    text = damaged(
        damaged(rows, 3, lambda line: '"' + line), 5, lambda line: line.replace("Book 4", '"Book 4"')
    )
    (merged,) = [fields for fields in csv.reader(text.splitlines(keepends=True)) if "\n" in fields[0]]
    assert len(merged) == len(HEADER)
    assert errors_of(path, text) == [(3, UNCLOSED)]


def test_a_quote_that_another_stray_quote_closes(path: Path) -> None:
    """Well-formed to the csv module: one book, with the row of the other in its title."""
    first, second = (",".join(book(number)) for number in (1, 2))
    text = written([HEADER]) + f'"{first}\n' + second.replace("Book 2", 'Book 2"') + "\n"
    assert errors_of(path, text) == [(2, UNCLOSED)]


def test_a_text_of_several_lines_in_the_last_field_is_left_whole(path: Path) -> None:
    text = written([[*HEADER, "comment"], [*book(1), "one\ntwo, three"], [*book(2), "four\nfive"]])
    assert len(books_of(path, text)) == 2


@pytest.mark.parametrize(
    ("line", "title", "author"),
    [
        ('"Best" of Rock,A', '"Best" of Rock', "A"),
        ('"The "Best" Book","A"', 'The "Best" Book', "A"),
        ('"The "Best" Book, again","A, B"', 'The "Best" Book, again', "A, B"),
        ('"T" ,"A" ', "T", "A"),
        ('The 5" Disk,A', 'The 5" Disk', "A"),
        ('T,"J. ""Jim"" Doe', None, None),
        ('"The Night Wolf,"Smith, J."', None, None),
        ('"T","A"B', "T", '"A"B'),
        ('"T"","A"', None, None),
        ('"T,A', None, None),
    ],
)
def test_quotes_in_wrong_places(path: Path, line: str, title: str | None, author: str | None) -> None:
    """As they are written where that is certain; never less than is written, and never another book."""
    text = written([HEADER, book(1)]) + f"{line},{book(2)[2]},2001\n" + written([book(3)])
    if title is None:
        assert errors_of(path, text) == [(3, UNCLOSED)]
    else:
        assert [found[:2] for found in books_of(path, text)] == [
            ("Book 1", "Author 1"),
            (title, author),
            ("Book 3", "Author 3"),
        ]


def test_the_quotes_of_a_rejected_row_are_kept(path: Path) -> None:
    text = written([HEADER]) + '"Best" of Rock,A,bad,\n'
    found = checked_of(path, text)
    assert found.rejections[0].raw_data == '"""Best"" of Rock",A,bad,'


def test_tab_separated_files_without_quoting(path: Path) -> None:
    text = f'title\tauthor\tisbn\n"Hello" she said\tA\t{book(1)[2]}\n'
    assert books_of(path, text)[0][0] == '"Hello" she said'


def test_spaces_behind_a_quoted_text_of_several_lines(path: Path) -> None:
    assert books_of(path, f'title,author,isbn\n"E\nmulti" ,"F" ,"{book(1)[2]}"\n')[0][0] == "E\nmulti"


@pytest.mark.parametrize("strays", range(1, 20))
def test_many_strays_cost_one_record_each(path: Path, strays: int) -> None:
    rows = []
    for number in range(strays):
        rows += [f'"S {number},A,{book(number)[2]}\n', f'"Q",A,{book(100 + number)[2]}\n']
    rows += [f'"S,A,{book(300)[2]}\n', f'"multi\nline",A,{book(301)[2]}\n', f"end,A,{book(302)[2]}\n"]
    text = "title,author,isbn\n" + "".join(rows)
    assert len(errors_of(path, text)) == strays + 1
    titles = checked_of(path, text).candidates.titles
    assert titles == ["Q"] * strays + ["multi\nline", "end"]


def test_one_long_line_of_quotes_takes_no_time(path: Path) -> None:
    for part in ('"a,', '"a"b,', '""a,', '"a""b,', '" ,x'):
        line = part * (500_000 // len(part))
        started = time.monotonic()
        list(records.split([line + "\n"], Dialect(), Layout(4, (2,))))
        assert time.monotonic() - started < 5


def test_texts_of_several_lines_are_left_whole(path: Path) -> None:
    title = 'Line one\nand, two, "three", 4\n\n"\n978, 1, 2, 3\n'
    rows = [[title + str(number), *book(number)[1:]] for number in range(1, 50)]
    assert [found[0] for found in books_of(path, written([HEADER, *rows]))] == [row[0] for row in rows]


def test_a_long_record_with_a_field_too_many_is_one_error(path: Path) -> None:
    text = written([HEADER, book(1), ["Two\nlines", "A", book(2)[2], "2001", "too", "many"], book(3)])
    assert errors_of(path, text) == [(3, "Row has 6 fields, header has 4")]


def test_row_numbers_and_raw_data_after_recovery(path: Path) -> None:
    text = written([HEADER, ["Two\nlines", "A", "bad", ""], book(1)]) + '"never closed\n\n' + "x,y,bad,\n"
    found = checked_of(path, text)
    assert [(error.row_number, error.raw_data) for error in found.rejections] == [
        (2, '"Two\nlines",A,bad,'),
        (4, '"never closed'),
        (6, "x,y,bad,"),
    ]


def test_a_quote_that_swallows_too_much_was_never_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST_RECORD", 1000)
    monkeypatch.setattr(source, "BLOCK", 300)
    text = damaged(table(200), 3, lambda line: '"' + line) + 'last,one,"bad"\n'
    assert errors_of(path, text) == [(3, UNCLOSED), (202, "Row has 3 fields, header has 4")]


@pytest.mark.parametrize("line", ['a"b,"c\n', '"x\n', '"\n', '"a""\n', 'a,"\n'])
def test_nothing_but_stray_quotes_takes_time_in_their_number(line: str) -> None:
    """Looking ahead from each of them would take hours."""
    started = time.monotonic()
    pieces = list(records.split([line] * 100_000, Dialect(), Layout(4, (2,))))
    assert pieces[-1].end == 100_000
    assert time.monotonic() - started < 20
