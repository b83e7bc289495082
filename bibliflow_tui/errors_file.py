"""A job's rejected rows as a file of the user's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from daemon.catalog.job import Job
from daemon.catalog.row_errors import RowError
from daemon.importing.export import write_errors
from daemon.inbox import names


def write(path: Path, job: Job, errors: Iterable[RowError]) -> int:
    """Write ``errors`` of ``job`` to a new file at ``path``; how many there were.

    Raises :class:`FileExistsError`: what somebody has there, perhaps half corrected, is not overwritten; and
    :class:`OSError`, and leaves nothing behind then.
    """
    with path.open("xb") as file:
        try:
            return write_errors(file, job, errors)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def save(folder: Path, job: Job, errors: Iterable[RowError]) -> str:
    """Write them to a new file in ``folder``, named after the job's file; in words, how many and where.

    Raises :class:`OSError`.
    """
    for name in names.numbered(names.of_errors(os.fsencode(Path(job.filename).name or "list.csv"))):
        path = folder / os.fsdecode(name)
        try:
            return f"{write(path, job, errors):,} rows written to {path}"
        except FileExistsError:
            continue
    raise AssertionError("unreachable")
