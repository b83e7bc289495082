"""Which dialect a file is written in, and where its header is: judged by what each makes of a sample.

The delimiter is the one under which a line names the columns of a book list and the records below it have
as many fields and hold ISBNs; how quotes are escaped, and whether spaces follow delimiters, is told likewise.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from daemon import isbn
from daemon.importing import header as headers
from daemon.importing import records
from daemon.importing.dialect import DELIMITERS, Dialect
from daemon.importing.header import Columns, Header
from daemon.importing.options import ImportOptions
from daemon.importing.records import Layout
from daemon.importing.rules import parse_year
from daemon.importing.source import SourceError

HEADER_WITHIN = 50
"""Lines in which a header is looked for."""

SAMPLED = 1000
"""Records below the header that are looked at: more do not change the answer, and each costs 10 us."""

LIKE_HEADER = 2
"""Columns that a line must name to be an incomplete header; a title may be one of those words by chance."""

MOST = 0.8
"""Share of records from which a column of a file without header is taken for what it looks like."""

_SEP_LINE = re.compile(r'^"?sep=(.)"?[\r\n]*$', re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(slots=True)
class Candidate:
    """What the sample looks like in one dialect."""

    dialect: Dialect
    header: Header | None = None
    first: list[str] = field(default_factory=list)
    """The record that is most like a header, if none is one."""
    found: Columns = field(default_factory=dict)
    """The columns that it names."""
    misplaced: tuple[int, int] | None = None
    """The row of a header with books above it, and the first row of these."""
    isbn_column: int | None = None
    """Where the ISBNs are, if there is no header and that is all that is certain."""
    sampled: int = 0
    rectangular: int = 0
    """Records with as many fields as the header, all quotes of which are where they should be."""
    with_isbn: int = 0
    """Those of them with an ISBN."""
    leftovers: int = 0
    """Fields with quotes in them that look like those of another dialect."""

    @property
    def rank(self) -> tuple[int, ...]:
        """The higher, the likelier; among equals the one that was tried first is."""
        kind = 0 if self.header is None else 1 + self.header.is_in_file
        columns = len(self.first)  # of the file that is refused, for the message
        return kind, len(self.found), self.with_isbn, self.rectangular, -self.leftovers, columns

    @property
    def reason(self) -> str:
        """What speaks for it or against it."""
        name = DELIMITERS[self.dialect.delimiter]
        if self.header is None:
            return f"{name}: no header with title, author and ISBN"
        return (
            f"{name}: {self.rectangular:,} of {self.sampled:,} records looked at have "
            f"{len(self.header.names)} fields, {self.with_isbn:,} an ISBN"
        )


def sniff(lines: Sequence[str], encoding: str, options: ImportOptions) -> tuple[Dialect, Header, list[str]]:
    """Dialect and header of the file that begins with ``lines``, and the reasons.

    Raises :class:`SourceError` if it is not a list of books, or not certain what its columns are.
    """
    if not any(line.strip() for line in lines):
        raise SourceError("The file holds nothing but blank lines")
    named = headers.from_columns(options.columns) if options.columns is not None else None
    candidates = [
        _named(dialect, lines, named) if named else _look(dialect, lines, options)
        for dialect in _dialects(lines, encoding, options)
    ]
    best = max(candidates, key=lambda candidate: candidate.rank)
    if best.header is None:
        raise _refusal(best, options)
    return best.dialect, best.header, list(_reasons(best, candidates))


def _dialects(lines: Sequence[str], encoding: str, options: ImportOptions) -> Iterator[Dialect]:
    """All that may be; the plain ones first."""
    sep = _SEP_LINE.match(lines[0])
    delimiters = list(DELIMITERS)
    if options.delimiter is not None:
        delimiters = [options.delimiter]
    elif sep and sep[1] in DELIMITERS:
        delimiters = [sep[1]]
    text = "".join(lines)
    for delimiter in delimiters:
        backslashes = (False, True) if '\\"' in text else (False,)
        spaces = (False, True) if f'{delimiter} "' in text else (False,)
        for backslash, skip_spaces in itertools.product(backslashes, spaces):
            yield Dialect(
                delimiter, encoding, backslash, skip_spaces, preamble=int(bool(sep)), sep_line=bool(sep)
            )


def _look(dialect: Dialect, lines: Sequence[str], options: ImportOptions) -> Candidate:
    """Look for a header under ``dialect``, or for columns that explain themselves."""
    candidate = Candidate(dialect)
    for index in range(dialect.preamble, min(len(lines), HEADER_WITHIN)):
        piece = next(records.split(lines, dialect, start=index), None)
        if piece is None or piece.is_damaged or not any(piece.fields):
            continue
        names = [name.strip() for name in piece.fields]
        found = headers.match(names, options.chosen_columns, options.preferred_columns)
        if not candidate.first or len(found) > len(candidate.found):
            candidate.first, candidate.found = names, found
        if not headers.missing_fields(found) and not headers.missing_choices(names, options.chosen_columns):
            if books := _books(lines[dialect.preamble : index]):
                candidate.misplaced = (index + 1 - dialect.sep_line, books)
                return candidate
            candidate.dialect = replace(dialect, preamble=index)
            candidate.header = Header(tuple(names), found, is_in_file=True)
            _judge(candidate, lines, piece.end)
            return candidate
    if len(candidate.found) < LIKE_HEADER and not options.chosen_columns:
        _explain_columns(candidate, lines)
    return candidate


def _books(preamble: Sequence[str]) -> int:
    """The number of the first line that is a book in any dialect, which no line of a preamble is; or 0."""
    for number, line in enumerate(preamble, 1):
        for delimiter in DELIMITERS:
            fields = next(iter(Dialect(delimiter).reader([line])), [])
            if len(fields) >= len(headers.REQUIRED) and any(map(_is_certain_isbn, fields)):
                return number
    return 0


def _named(dialect: Dialect, lines: Sequence[str], header: Header) -> Candidate:
    """What ``dialect`` makes of a file whose columns the user has named."""
    candidate = Candidate(dialect, header)
    _judge(candidate, lines, dialect.preamble)
    return candidate


def _judge(candidate: Candidate, lines: Sequence[str], start: int) -> None:
    """Count what speaks for a candidate that has a header, in the records from line ``start`` on."""
    if candidate.header is None:
        return
    layout = candidate.header.layout
    for fields, is_clean in _sample(lines, candidate.dialect, layout, start):
        candidate.sampled += 1
        if not is_clean or len(fields) != layout.width:
            continue
        candidate.rectangular += 1
        candidate.with_isbn += any(isbn.resembles(fields[column]) for column in layout.isbn_columns)
        candidate.leftovers += sum(map(_is_leftover, fields))


def _is_leftover(value: str) -> bool:
    return '\\"' in value or (value.startswith(" ") and value.lstrip(" ").startswith('"'))


def _sample(
    lines: Sequence[str], dialect: Dialect, layout: Layout | None, start: int
) -> Iterator[tuple[list[str], bool]]:
    """Records that are not blank, each with whether all its quotes are where they should be."""
    pieces = records.split(lines, dialect, layout, start=start)
    for piece in itertools.islice(pieces, SAMPLED):
        if any(piece.fields):
            is_clean = not piece.is_damaged and _is_clean(lines[start : piece.end], dialect)
            yield piece.fields, is_clean
        start = piece.end


def _is_clean(lines: Sequence[str], dialect: Dialect) -> bool:
    try:
        for _ in dialect.reader(lines, strict=True):
            pass
    except csv.Error:
        return False
    return True


def _explain_columns(candidate: Candidate, lines: Sequence[str]) -> None:
    """Find out the columns of a file without header, where that is certain."""
    dialect = candidate.dialect
    rows = [fields for fields, is_clean in _sample(lines, dialect, None, dialect.preamble) if is_clean]
    if not rows or len(rows[0]) < len(headers.REQUIRED):
        return
    (width, _), *_ = Counter(map(len, rows)).most_common(1)
    first, rows = rows[0], [row for row in rows if len(row) == width]
    if len(first) != width:
        return
    column = 2 if _is_isbn(first[2]) else _isbn_column(rows, width)
    # The first record must have one too: otherwise it may be a header in words that are not known.
    if column is None or not _is_isbn(first[column]):
        return
    title = column - 2
    if column == 2 or (column > 2 and _are_title_and_author(rows, title)):
        # Four columns are the service's own order; in a wider file the fourth may be anything.
        has_year = width == 4 or (width > column + 1 and _share(rows, column + 1, _may_be_year) >= MOST)
        candidate.header = headers.by_position(title, width, has_year)
        _judge(candidate, lines, dialect.preamble)
    else:
        candidate.isbn_column = column


def _is_isbn(value: str) -> bool:
    return isbn.is_well_formed(isbn.clean(value)) and not isbn.is_scientific(value)


def _is_certain_isbn(value: str) -> bool:
    return _is_isbn(value) and isbn.has_right_check_digit(isbn.clean(value))


def _isbn_column(rows: Sequence[Sequence[str]], width: int) -> int | None:
    """The one column that holds ISBNs with right check digits."""
    columns = [column for column in range(width) if _share(rows, column, _is_certain_isbn) >= MOST]
    return columns[0] if len(columns) == 1 else None


def _are_title_and_author(rows: Sequence[Sequence[str]], title: int) -> bool:
    """Whether two columns of words stand here, and nothing but numbers before them."""
    words = all(_share(rows, column, _is_text) >= MOST for column in (title, title + 1))
    return words and all(_share(rows, column, _is_text) == 0 for column in range(title))


def _is_text(value: str) -> bool:
    return len(_LETTERS.findall(value)) > 1 and not _is_isbn(value)


def _may_be_year(value: str) -> bool:
    return not value.strip() or parse_year(value) is not None


def _share(rows: Sequence[Sequence[str]], column: int, holds: Callable[[str], bool]) -> float:
    return sum(holds(row[column]) for row in rows) / len(rows)


def _refusal(best: Candidate, options: ImportOptions) -> SourceError:
    """Why no candidate will do, in words that say what to do next."""
    for name in headers.missing_choices(best.first, options.chosen_columns):
        return headers.no_chosen_column(name, options.chosen_columns[name], best.first)
    if best.misplaced:
        header_row, book_row = best.misplaced
        return SourceError(
            f"Row {header_row} names the columns, but row {book_row} above it is a book. "
            "Put the header first, or import the parts of the file one by one"
        )
    error = headers.no_column(headers.missing_fields(best.found), best.first)
    if best.isbn_column is None:
        return error
    return SourceError(
        f"The file has no header, and only its ISBNs are certain, in column {best.isbn_column + 1} of "
        f"{len(best.first)}. Name its columns, as in --columns isbn,title,author,publication_year"
    )


def _reasons(best: Candidate, candidates: Sequence[Candidate]) -> Iterator[str]:
    yield best.reason
    others = {
        candidate.dialect.delimiter: candidate.reason
        for candidate in sorted(candidates, key=lambda candidate: candidate.rank)
        if candidate.dialect.delimiter != best.dialect.delimiter
    }
    yield from others.values()
    if best.dialect.sep_line:
        yield f"delimiter: the first line says sep={best.dialect.delimiter}"
    if best.dialect.backslash:
        yield 'quotes: fields hold \\", not doubled quotes'
    if best.dialect.skip_spaces:
        yield "spaces: fields are quoted behind a space"
