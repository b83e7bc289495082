"""What a preview says, on the command line and in the dashboard. All of it may hold what strangers wrote."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.importing.preview import Preview
from daemon.importing.reading import Reading


def mapping(reading: Reading) -> dict[str, list[str]]:
    """For each field the names of its columns, best first."""
    return {
        field: [reading.header.names[column] for column in columns]
        for field, columns in reading.header.columns.items()
    }


def sources(columns: list[str]) -> str:
    """The columns of a field: ``ISBN13, else ISBN``."""
    return ", else ".join(columns)


def counts(result: Preview) -> str:
    """``24 rows: 7 new, 17 rejected, 0 twice in the file, 0 in the catalogue already``."""
    return f"{result.total:,} rows: {', '.join(_parts(result))}"


def _parts(result: Preview) -> Iterator[str]:
    yield f"{result.new:,} new"
    yield f"{result.rejected:,} rejected"
    yield f"{result.repeated:,} twice in the file"
    if result.in_catalogue is not None:
        yield f"{result.in_catalogue:,} in the catalogue already"
