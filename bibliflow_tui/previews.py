"""What a preview says, on the command line and in the dashboard. All of it may hold what strangers wrote."""

from __future__ import annotations

from daemon.importing.preview import Preview
from daemon.importing.reading import Reading
from daemon.values import DuplicatePolicy


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
    """``24 rows: 7 new, 17 rejected, 0 twice in the file, 0 in the catalogue``."""
    return f"{result.total:,} rows: {result.new:,} new, {result.rejected:,} rejected, {duplicates(result)}"


def duplicates(result: Preview) -> str:
    """``0 twice in the file, 0 in the catalogue``."""
    there = result.in_catalogue
    known = "" if there is None else f", {there:,} in the catalogue"
    return f"{result.repeated:,} twice in the file{known}"


def outcome(result: Preview, policy: DuplicatePolicy) -> str:
    """What the import would come to: ``24 rows: 7 new, 17 rejected``."""
    again = result.repeated + (result.in_catalogue or 0)
    rejected = result.rejected + (again if policy == "error" else 0)
    parts = [f"{result.new:,} new", f"{rejected:,} rejected"]
    if policy != "error":
        parts.append(f"{again:,} {'skipped' if policy == 'skip' else 'updated'}")
    return f"{result.total:,} rows: {', '.join(parts)}"
