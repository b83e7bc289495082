"""Which column of a file fills which field of a book."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from daemon.importing.aliases import ALIASES, LAST_RESORT
from daemon.importing.quotes import Layout
from daemon.importing.source import SourceError
from daemon.values import BookField
from daemon.visible import visible

FIELDS: tuple[BookField, ...] = get_args(BookField)
REQUIRED: tuple[BookField, ...] = ("title", "author", "isbn")

SHOWN_COLUMNS = 30
"""A message names at most this many columns."""

SHOWN_NAME = 60
"""Characters of each of them."""

_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart into a base letter and an accent."""

Columns = dict[BookField, tuple[int, ...]]
"""For each field the indices of the columns that can fill it, best first."""


def normalise(name: str) -> str:
    """``name`` without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name.casefold()).translate(_LETTERS)
    return "".join(char for char in decomposed if char.isalnum())


_PREFERENCE: dict[str, tuple[BookField, int]] = {
    normalise(alias): (field, rank)
    for field, aliases in ALIASES.items()
    for rank, alias in reversed(list(enumerate(aliases)))
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

    @property
    def layout(self) -> Layout:
        """What the file's records look like."""
        return Layout(len(self.names), self.columns["isbn"])


def from_columns(columns: Sequence[str]) -> Header:
    """The header of a file without one, whose columns the user names; other names are passed over.

    Raises :class:`SourceError` when a required field has no column.
    """
    found = match(columns)
    if missing := missing_fields(found):
        raise no_column(missing, columns)
    return Header(tuple(columns), found, is_in_file=False)


def match(
    names: Sequence[str],
    chosen: Mapping[BookField, str] | None = None,
    preferred: Mapping[BookField, str] | None = None,
) -> Columns:
    """The columns among ``names`` for each field that has any.

    ``chosen`` and ``preferred`` name the one column of a field, where there is a column of that name.
    """
    ranked: dict[BookField, list[tuple[int, int]]] = {}
    for index, name in enumerate(names):
        if known := _PREFERENCE.get(normalise(name)):
            field, rank = known
            ranked.setdefault(field, []).append((rank, index))
    columns: Columns = {
        field: tuple(index for _, index in sorted(candidates)) for field, candidates in ranked.items()
    }
    for field, rare in LAST_RESORT.items():
        if field not in columns:
            last = tuple(index for index, name in enumerate(names) if name.strip().casefold() in rare)
            columns |= {field: last} if last else {}
    for field, name in {**(preferred or {}), **(chosen or {})}.items():
        if (position := _position(name, names)) is not None:
            columns[field] = (position,)
    return columns


def _position(name: str, names: Sequence[str]) -> int | None:
    """The first column of that name: to the letter, or else as :func:`normalise` sees it."""
    if name in names:
        return names.index(name)
    wanted = normalise(name)
    return next((index for index, other in enumerate(names) if wanted and normalise(other) == wanted), None)


def missing_fields(columns: Mapping[BookField, tuple[int, ...]]) -> list[BookField]:
    """The required fields that no column fills."""
    return [field for field in REQUIRED if field not in columns]


def missing_choices(names: Sequence[str], chosen: Mapping[BookField, str]) -> list[BookField]:
    """The fields whose chosen column is not among ``names``."""
    return [field for field, name in chosen.items() if _position(name, names) is None]


def no_column(missing: Sequence[BookField], names: Sequence[str]) -> SourceError:
    """The error of a file without the columns that fill these fields."""
    return SourceError(f"No column for: {', '.join(missing)}. {_columns_found(names)}", names)


def no_chosen_column(field: BookField, name: str, names: Sequence[str]) -> SourceError:
    """The error of a file without the column that the user named."""
    return SourceError(f"No column {name!r} for {field}. {_columns_found(names)}", names)


def _columns_found(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    shown = ", ".join(visible(name.strip(), SHOWN_NAME) for name in names[:SHOWN_COLUMNS])
    return f"Columns found: {shown}{more}"
