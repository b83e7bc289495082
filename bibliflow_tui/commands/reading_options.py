"""Options of the commands that read a file: how it is written, and what its columns are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, get_args

import click

from daemon.importing.dialect import DELIMITERS
from daemon.request import Request
from daemon.values import BookField, Delimiter, codec_name, column_name

_BY_NAME: dict[str, Delimiter] = {}
for _delimiter in get_args(Delimiter):
    _BY_NAME |= {_delimiter: _delimiter, DELIMITERS[_delimiter]: _delimiter}


def parse_columns(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """``--columns isbn,title,author``."""
    if value is None:
        return None
    columns = [name.strip() for name in value.split(",")]
    if not all(columns):
        raise click.BadParameter("a name is empty; write - for a column that is not wanted")
    return [_checked(name) for name in columns]


def parse_mapping(
    _context: click.Context, _parameter: click.Parameter, values: Sequence[str]
) -> dict[BookField, str]:
    """``--map author="Nom auteur complet"``, repeatable."""
    mapping: dict[BookField, str] = {}
    fields: dict[str, BookField] = {field: field for field in get_args(BookField)}
    for value in values:
        name, _, column = value.partition("=")
        if not column.strip() or name not in fields:
            raise click.BadParameter(f"{value!r} is not FIELD=COLUMN, with FIELD one of {', '.join(fields)}")
        mapping[fields[name]] = _checked(column.strip())
    return mapping


def _checked(column: str) -> str:
    try:
        return column_name(column)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def parse_encoding(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """``--encoding latin-1``."""
    try:
        return None if value is None else codec_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def parse_delimiter(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> Delimiter | None:
    """``--delimiter ";"`` or ``--delimiter semicolon``."""
    if value is None:
        return None
    if value not in _BY_NAME:
        raise click.BadParameter(f"{value!r} is none; it is one of {', '.join(DELIMITERS.values())}")
    return _BY_NAME[value]


_OPTIONS = (
    click.option(
        "--encoding", callback=parse_encoding, metavar="NAME", help="Encoding of the file, such as cp1252."
    ),
    click.option(
        "--delimiter",
        callback=parse_delimiter,
        metavar="NAME",
        help="What separates the fields: comma, semicolon, tab or bar.",
    ),
    click.option(
        "--columns",
        callback=parse_columns,
        metavar="NAME,...",
        help="Names of the columns of a file without header: isbn,title,...",
    ),
    click.option(
        "--map",
        "mapping",
        multiple=True,
        callback=parse_mapping,
        metavar="FIELD=COLUMN",
        help="Name a field's column.",
    ),
)


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` these options, put together as its argument ``reading``."""

    @wraps(command)
    def run(
        encoding: str | None,
        delimiter: Delimiter | None,
        columns: Sequence[str] | None,
        mapping: dict[BookField, str],
        **options: Any,
    ) -> None:
        reading = Request(encoding=encoding, delimiter=delimiter, columns=columns, mapping=mapping)
        command(reading=reading, **options)

    decorated: Callable[..., None] = run
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
