"""How a file writes its records."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""What separates fields, with its name for people; the likelier first."""

LONGEST_RECORD = 1024 * 1024
"""Characters. A quoted field that is longer than this was never closed."""

# The csv module's own limit, 128 KiB, raises an error in the middle of a file.
csv.field_size_limit(4 * LONGEST_RECORD)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the csv module must know of a file, and where its records begin."""

    delimiter: str = ","
    encoding: str = "utf-8"
    """Name of a codec."""
    backslash: bool = False
    r"""Quotes inside of quoted fields are written ``\"``, not doubled."""
    skip_spaces: bool = False
    """Spaces after delimiters do not belong to the fields."""
    preamble: int = 0
    """Lines before the first record: a title, a date of export."""
    sep_line: bool = False
    """The first line of the preamble is ``sep=;``, which spreadsheets obey and do not show."""

    @property
    def first_row(self) -> int:
        """The number of the first record: what a spreadsheet shows beside it."""
        return self.preamble + 1 - self.sep_line

    def reader(self, lines: Iterable[str], *, strict: bool = False) -> Reader:
        """The csv module's reader of ``lines``; ``strict`` raises csv.Error at quotes in wrong places."""
        if self.backslash:
            lines = map(self._keep_lone_backslashes, lines)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            escapechar="\\" if self.backslash else None,
            skipinitialspace=self.skip_spaces,
            strict=strict,
        )

    def _keep_lone_backslashes(self, line: str) -> str:
        """The csv module drops every backslash; one before an ordinary character is a character itself."""
        if "\\" not in line:
            return line
        return re.sub(
            rf'\\(["\\\r\n{re.escape(self.delimiter)}])?', lambda match: match[0] if match[1] else r"\\", line
        )

    def count_quotes(self, line: str) -> int:
        """The quotes of ``line`` that open or close a field, or are doubled."""
        if self.backslash and "\\" in line:
            line = re.sub(r"\\.", "", line)
        return line.count('"')

    def format(self, fields: Sequence[str]) -> str:
        """``fields`` as one record, without a line end; :func:`split` of it gives the same.

        In the file's delimiter, with doubled quotes whatever the file does, so that any program can read it.
        """
        keep_spaces = self.skip_spaces and any(field.startswith(" ") for field in fields)
        buffer = io.StringIO()
        # With a line end: the writer quotes its characters only if they are among those of the line end.
        csv.writer(
            buffer,
            delimiter=self.delimiter,
            lineterminator="\r\n",
            quoting=csv.QUOTE_ALL if keep_spaces else csv.QUOTE_MINIMAL,
        ).writerow(fields)
        return buffer.getvalue().removesuffix("\r\n")

    def raw_data(self, text: str) -> str:
        """As :meth:`format`, the record that is written as ``text``: with quotes of any style, a line end."""
        return self.format(split(text, self.delimiter)) if '"' in text else text.rstrip("\r\n")


def split(raw_data: str, delimiter: str = ",") -> list[str]:
    """The fields of a record that :meth:`Dialect.format` wrote, or of the rest of a damaged one."""
    return next(csv.reader([raw_data], delimiter=delimiter), [])
