"""What to do next, for people whose file could not be imported."""

from __future__ import annotations

NAME_COLUMNS = (
    'Name the columns: bibliflow import FILE --map author="...", or --columns for a file without header.'
)
MEND_FILE = "Mend the file and add it again."


def next_step(failure_reason: str) -> str:
    """What mends a job or a file that was refused for this reason."""
    return NAME_COLUMNS if failure_reason.startswith("No column") else MEND_FILE
