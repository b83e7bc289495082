"""Which column of a file fills which field of a book."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from daemon import isbn
from daemon.importing.source import SourceError
from daemon.settings import BookField

FIELDS: tuple[BookField, ...] = get_args(BookField)
REQUIRED: tuple[BookField, ...] = ("title", "author", "isbn")

ALIASES: dict[BookField, tuple[str, ...]] = {
    "title": ("title", "book title", "titre", "titel", "titulo", "titolo", "original title"),
    "author": (
        "author",
        "authors",
        "book author",
        "author name",
        "auteur",
        "auteurs",
        "autor",
        "autores",
        "autore",
        "autori",
        "verfasser",
    ),
    "isbn": ("isbn13", "isbn 13", "isbn", "isbns", "isbn10", "isbn 10", "ean"),
    "publication_year": (
        "publication year",
        "year",
        "year published",
        "original publication year",
        "year of publication",
        "published year",
        "publication date",
        "publish date",
        "date published",
        "pub year",
        "jahr",
        "erscheinungsjahr",
        "annee",
        "ano",
        "anno",
    ),
}
"""Names of columns in order of preference, compared after :func:`normalise`."""

SHOWN_COLUMNS = 30
"""A message names at most this many columns."""


def normalise(name: str) -> str:
    """``name`` without case, accents, spaces, ``_`` and ``-``."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(
        char for char in decomposed if not (char in "_-" or char.isspace() or unicodedata.combining(char))
    )


_PREFERENCE: dict[str, tuple[BookField, int]] = {
    normalise(alias): (field, rank)
    for field, aliases in ALIASES.items()
    for rank, alias in enumerate(aliases)
}


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file and what they are good for."""

    names: tuple[str, ...]
    """Names of all columns in the order of the file."""
    columns: Mapping[BookField, tuple[int, ...]]
    """For each field the indices of the columns that can fill it, best first."""
    is_in_file: bool
    """Whether the first record is the header, not data."""


def from_columns(columns: Sequence[str]) -> Header:
    """The header of a file without one, whose columns the user names; other names are passed over."""
    found = _match(columns, {})
    _require(found, columns)
    return Header(tuple(columns), found, is_in_file=False)


def read(
    first: Sequence[str],
    *,
    chosen: Mapping[BookField, str] | None = None,
    preferred: Mapping[BookField, str] | None = None,
) -> Header:
    """What the first record of a file says of its columns.

    ``chosen`` columns must be there, ``preferred`` ones (from the configuration) are taken if they are.
    Raises :class:`SourceError` when a required field has no column.
    """
    names = [name.strip() for name in first]
    overrides = _overrides(names, chosen or {}, preferred or {})
    found = _match(names, overrides)
    if not found and len(names) >= 3 and isbn.is_well_formed(isbn.clean(names[2])):
        columns = {field: (index,) for index, field in enumerate(FIELDS) if index < len(names)}
        return Header(FIELDS[: len(names)] + tuple(names[len(FIELDS) :]), columns, is_in_file=False)
    _require(found, names)
    return Header(tuple(names), found, is_in_file=True)


def _overrides(
    names: Sequence[str], chosen: Mapping[BookField, str], preferred: Mapping[BookField, str]
) -> dict[BookField, int]:
    positions = {normalise(name): index for index, name in reversed(list(enumerate(names)))}
    overrides = {
        field: positions[normalise(name)] for field, name in preferred.items() if normalise(name) in positions
    }
    for field, name in chosen.items():
        if normalise(name) not in positions:
            raise SourceError(f"No column {name!r} for {field}. {_columns_found(names)}")
        overrides[field] = positions[normalise(name)]
    return overrides


def _match(names: Sequence[str], overrides: Mapping[BookField, int]) -> dict[BookField, tuple[int, ...]]:
    ranked: dict[BookField, list[tuple[int, int]]] = {}
    for index, name in enumerate(names):
        if match := _PREFERENCE.get(normalise(name)):
            field, rank = match
            ranked.setdefault(field, []).append((rank, index))
    columns: dict[BookField, tuple[int, ...]] = {
        field: tuple(index for _, index in sorted(candidates)) for field, candidates in ranked.items()
    }
    for field, index in overrides.items():
        columns[field] = (index,)
    return columns


def _require(found: Mapping[BookField, tuple[int, ...]], names: Sequence[str]) -> None:
    missing = [field for field in REQUIRED if field not in found]
    if missing:
        raise SourceError(f"No column for: {', '.join(missing)}. {_columns_found(names)}")


def _columns_found(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    return f"Columns found: {', '.join(names[:SHOWN_COLUMNS])}{more}"
