"""Which dialect a file is written in, and where its header is: judged by what each makes of a sample.

The delimiter is the one under which a line names the columns of a book list and the records below it have
as many fields and hold ISBNs; how quotes are escaped, and whether spaces follow delimiters, is told likewise.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from daemon import isbn
from daemon.importing import header as headers
from daemon.importing import headerless, records
from daemon.importing.dialect import DELIMITERS, Dialect
from daemon.importing.header import Columns, Header
from daemon.importing.options import ImportOptions
from daemon.importing.quotes import Layout, is_clean
from daemon.importing.source import SourceError

HEADER_WITHIN = 50
"""Lines in which a header is looked for."""

SAMPLED = 1000
"""Records below the header that are looked at: more do not change the answer, and each costs 10 us."""

LIKE_HEADER = 2
"""Columns that a line must name to be an incomplete header; a title may be one of those words by chance."""

_SEP_LINE = re.compile(r'^"?sep=(.)"?[\r\n]*$', re.IGNORECASE)


@dataclass(slots=True)
class Candidate:
    """What the sample looks like in one dialect."""

    dialect: Dialect
    header: Header | None = None
    first: list[str] = field(default_factory=list)
    """The record that is most like a header, if none is one."""
    found: Columns = field(default_factory=dict)
    """The columns that it names."""
    fault: str = ""
    """Why what looks like a header is none."""
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
        kind = bool(self.fault) if self.header is None else 2 + self.header.is_in_file
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
    if named and best.sampled and not best.rectangular:
        fields = max(len(candidate.first) for candidate in candidates)
        raise SourceError(f"Row 1 has {fields} fields, but {len(named.names)} columns are named")
    return best.dialect, best.header, list(_reasons(best, candidates))


def _dialects(lines: Sequence[str], encoding: str, options: ImportOptions) -> Iterator[Dialect]:
    """All that may be; the plain ones first."""
    sep = _SEP_LINE.match(lines[0])
    delimiters = list(DELIMITERS)
    if options.delimiter is not None:
        delimiters = [options.delimiter]
    elif sep and sep[1] in DELIMITERS:
        delimiters.sort(key=sep[1].__ne__)  # that one first; it may be wrong
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
        if piece is None or not any(piece.fields):
            continue
        names = [name.strip(' "') for name in lines[index].split(dialect.delimiter)]
        if not piece.is_damaged:
            names = [name.strip() for name in piece.fields]
        found = headers.match(names, options.chosen_columns, options.preferred_columns)
        row = index + 1 - dialect.sep_line
        if piece.is_damaged:
            if len(found) >= LIKE_HEADER:
                candidate.fault = f"Row {row} looks like a header, but a quoted field in it is never closed"
            continue
        if not candidate.first or len(found) > len(candidate.found):
            candidate.first, candidate.found = names, found
        if not headers.missing_fields(found) and not headers.missing_choices(names, options.chosen_columns):
            if book := _first_book(lines[dialect.preamble : index]):
                candidate.fault = (
                    f"Row {row} names the columns, but row {book} above it is a book. "
                    "Put the header first, or import the parts of the file one by one"
                )
                return candidate
            candidate.dialect = replace(dialect, preamble=index)
            _fit(names, lines, candidate.dialect, piece.end)
            candidate.header = Header(tuple(names), found, is_in_file=True)
            _judge(candidate, lines, piece.end)
            return candidate
    if len(candidate.found) < LIKE_HEADER and not options.chosen_columns and not candidate.fault:
        rows = [fields for fields, is_good in _sample(lines, dialect, None, dialect.preamble) if is_good]
        candidate.header = headerless.header_of(rows)
        candidate.isbn_column = headerless.isbn_column(rows)
        _judge(candidate, lines, dialect.preamble)
    return candidate


def _fit(names: list[str], lines: Sequence[str], dialect: Dialect, start: int) -> None:
    """Give a header the unnamed last column that all rows have, or take it where none has it."""
    rows = [fields for fields, _ in _sample(lines, dialect, None, start)]
    longer = sum(len(fields) == len(names) + 1 and not fields[-1].strip() for fields in rows)
    shorter = sum(len(fields) == len(names) - 1 for fields in rows)
    if longer >= max(headerless.MOST * len(rows), 2):
        names.append("")
    elif shorter >= max(headerless.MOST * len(rows), 2) and not names[-1]:
        names.pop()


def _first_book(preamble: Sequence[str]) -> int:
    """The number of the first line that is a book in any dialect, which no line of a preamble is; or 0."""
    for number, line in enumerate(preamble, 1):
        for delimiter in DELIMITERS:
            fields = next(iter(Dialect(delimiter).reader([line])), [])
            if len(fields) >= len(headers.REQUIRED) and any(map(headerless.is_certain_isbn, fields)):
                return number
    return 0


def _named(dialect: Dialect, lines: Sequence[str], header: Header) -> Candidate:
    """What ``dialect`` makes of a file whose columns the user has named."""
    candidate = Candidate(dialect, header)
    candidate.first = next((fields for fields, _ in _sample(lines, dialect, None, dialect.preamble)), [])
    _judge(candidate, lines, dialect.preamble)
    return candidate


def _judge(candidate: Candidate, lines: Sequence[str], start: int) -> None:
    """Count what speaks for a candidate that has a header, in the records from line ``start`` on."""
    if candidate.header is None:
        return
    layout = candidate.header.layout
    for fields, is_good in _sample(lines, candidate.dialect, layout, start):
        candidate.sampled += 1
        if not is_good or len(fields) != layout.width:
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
            good = not piece.is_damaged and is_clean(lines[start : piece.end], dialect)
            yield piece.fields, good
        start = piece.end


def _refusal(best: Candidate, options: ImportOptions) -> SourceError:
    """Why no candidate will do, in words that say what to do next."""
    for name in headers.missing_choices(best.first, options.chosen_columns):
        return headers.no_chosen_column(name, options.chosen_columns[name], best.first)
    if best.fault:
        return SourceError(best.fault)
    error = headers.no_column(headers.missing_fields(best.found), best.first)
    if best.isbn_column is None:
        return error
    return SourceError(
        f"The file has no header, and only its ISBNs are certain, in column {best.isbn_column + 1} of "
        f"{len(best.first)}. Name its columns, as in --columns isbn,title,author,publication_year",
        best.first,
    )


def _reasons(best: Candidate, candidates: Sequence[Candidate]) -> Iterator[str]:
    yield best.reason
    others = {
        candidate.dialect.delimiter: candidate.reason
        for candidate in sorted(candidates, key=lambda candidate: candidate.rank)
        if candidate.dialect.delimiter != best.dialect.delimiter
    }
    yield from others.values()
    if best.dialect.sep_line and best.dialect.delimiter == candidates[0].dialect.delimiter:
        yield f"delimiter: the first line says sep={best.dialect.delimiter}"
    if best.dialect.backslash:
        yield 'quotes: fields hold \\", not doubled quotes'
    if best.dialect.skip_spaces:
        yield "spaces: fields are quoted behind a space"
