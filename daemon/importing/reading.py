"""How a file is to be read: found out once, kept with the job, shown to whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from daemon.catalog.storable import storable
from daemon.importing import encoding as encodings
from daemon.importing import sniffer, source
from daemon.importing.dialect import DELIMITERS, Dialect
from daemon.importing.header import Header
from daemon.importing.options import ImportOptions
from daemon.importing.source import SourceError

READER = 2
"""Version of what turns a file into records. An import that another one began cannot be gone on with: its
checkpoint counts other records."""

SAMPLE = 256 * 1024
"""Characters at the beginning of a file that tell its dialect."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Encoding, dialect and header of a file."""

    dialect: Dialect
    header: Header
    reasons: tuple[str, ...] = ()
    """Why it is read like this, and not otherwise."""

    @property
    def header_row(self) -> int | None:
        """The row that the header stands in; None if the file has none."""
        return self.dialect.first_row if self.header.is_in_file else None

    def describe(self) -> str:
        """How the file is read, in a few words."""
        where = f"header in row {self.header_row}" if self.header_row else "no header"
        return (
            f"read as {encodings.label(self.dialect.encoding)}, {DELIMITERS[self.dialect.delimiter]}, {where}"
        )

    def used_columns(self) -> list[str]:
        """The names of the columns that fill a field, in the order of the file."""
        used = sorted({column for columns in self.header.columns.values() for column in columns})
        return [self.header.names[column] for column in used]

    def as_dict(self) -> dict[str, Any]:
        """What a job remembers of it, in ``import_jobs.read_as``."""
        return {
            "reader": READER,
            "encoding": self.dialect.encoding,
            "delimiter": self.dialect.delimiter,
            "backslash": self.dialect.backslash,
            "skip_spaces": self.dialect.skip_spaces,
            "preamble": self.dialect.preamble,
            "sep_line": self.dialect.sep_line,
            "has_header": self.header.is_in_file,
            "header": [storable(name) for name in self.header.names],
            "columns": {field: list(columns) for field, columns in self.header.columns.items()},
            "reasons": [storable(reason) for reason in self.reasons],
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """The reading that :meth:`as_dict` stored."""
        return cls(
            Dialect(
                stored["delimiter"],
                stored["encoding"],
                stored.get("backslash", False),
                stored.get("skip_spaces", False),
                stored.get("preamble", 0),
                stored.get("sep_line", False),
            ),
            Header(
                tuple(stored["header"]),
                {field: tuple(columns) for field, columns in stored["columns"].items()},
                stored["has_header"],
            ),
            tuple(stored.get("reasons", ())),
        )


def is_current(stored: dict[str, Any]) -> bool:
    """Whether this version of the program reads a file as the one that stored this did."""
    return stored.get("reader") == READER


def understand(path: Path, options: ImportOptions) -> Reading:
    """Find out how the file at ``path`` is to be read.

    Reads all of it for its encoding, and its beginning again for its dialect. Raises
    :class:`~daemon.importing.source.SourceError` if it is not a list of books.
    """
    with source.opened(path) as file:
        if options.encoding is None:
            encoding, reason = encodings.detect(file.stream)
        else:
            encoding = encodings.resolve(options.encoding, file.stream)
            reason = f"{encodings.label(encoding)}: as you said"
    with source.opened(path) as file:
        lines = source.first_lines(file.stream, encoding, SAMPLE)
    if not lines:
        raise SourceError("The file holds nothing but blank lines")
    dialect, header, reasons = sniffer.sniff(lines, encoding, options)
    return Reading(dialect, header, (reason, *reasons))
