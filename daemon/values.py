"""What settings of config.toml and options of an import can be, where that is not a word of Python's own."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal

from pydantic import AfterValidator

BookField = Literal["title", "author", "isbn", "publication_year"]
"""The columns of a book that a file can fill."""

DuplicatePolicy = Literal["error", "skip", "update", "fill"]
"""What happens to a row whose ISBN is in the catalogue already: it is a row error, it is passed over, it
gives the book its values, or it fills only what the book lacks."""

CHANGING_POLICIES: frozenset[DuplicatePolicy] = frozenset({"update", "fill"})
"""Those under which a row may change a book that is there."""

Delimiter = Literal[",", ";", "\t", "|"]
"""What separates the fields of a file."""

IsbnCheck = Literal["format", "checksum"]
"""How far an ISBN is checked: its form only, or its check digit too."""

LogLevel = Literal["debug", "info", "warning", "error"]
"""How much a line of the log weighs."""


NOT_OF_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
"""Codecs of Python's that are text encodings by name only, or cannot tell which bytes are not valid."""


def codec_name(encoding: str) -> str:
    """The name of Python's codec for a text encoding. Raises ValueError if there is none."""
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # LookupError for codecs that are not of text, such as "zlib"
        if name in NOT_OF_FILES:
            raise LookupError
    except (LookupError, ValueError):
        raise ValueError(f"{encoding!r} is no encoding; utf-8, cp1252 and utf-16 are some") from None
    return "utf-8" if name == "utf-8-sig" else name


def column_name(name: str) -> str:
    """``name``, which may be that of a column. Raises ValueError if no file can have such a one."""
    if "\x00" in name or any("\ud800" <= char <= "\udfff" for char in name):
        raise ValueError("a column's name is text without NUL characters")
    return name


def max_errors(text: str) -> str:
    """``text``, if it is a number of rows, a percentage, or nothing. Raises ValueError if it is not."""
    match = re.fullmatch(r"([0-9]{1,12})|([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%|", text.strip())
    if match is None or float(match[2] or 0) > 100:
        raise ValueError(f"{text!r} is neither a number of rows nor a percentage like 5%")
    return match[0]


MaxErrors = Annotated[str, AfterValidator(max_errors)]
"""Rejected rows past which an import is stopped: a number, or a percentage of the rows read; "" never."""

ColumnName = Annotated[str, AfterValidator(column_name)]
"""Name of a column."""

Encoding = Annotated[str, AfterValidator(codec_name)]
"""Encoding of a file."""
