"""When an import is given up for its many rejected rows."""

from __future__ import annotations

from daemon.importing.source import SourceError
from daemon.values import MaxErrors

FIRST_ROWS = 1000
"""Rows from which on a share is judged before the end of the file: of a few rows it says nothing."""


class TooManyErrorsError(SourceError):
    """More rows were rejected than the import allows."""


def check(limit: MaxErrors, errors: int, rows: int, *, is_all: bool = False) -> None:
    """Raise :class:`TooManyErrorsError` if ``errors`` of so many ``rows`` are too many.

    ``is_all`` at the end of the file.
    """
    if not limit:
        return
    if limit.endswith("%"):
        if not is_all and rows < FIRST_ROWS:
            return
        most = rows * float(limit.rstrip(" %")) / 100
    else:
        most = int(limit)
    if errors > most:
        raise TooManyErrorsError(
            f"{errors:,} of {rows:,} rows were rejected, more than {limit}; the import was stopped"
        )
