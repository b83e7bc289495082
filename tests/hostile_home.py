"""A home whose catalogue, inbox and log, and a folder whose files, are full of hostile texts."""

from __future__ import annotations

import json
import os
from itertools import zip_longest
from pathlib import Path

from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job
from daemon.catalog.storable import storable
from daemon.inbox.folder import Version
from daemon.inbox.ledger import FileState, Ledger
from daemon.settings import Paths
from tests.files import HEADER, isbn13, written
from tests.hostile import HOSTILE
from tests.imports import import_text

TEXTS = tuple(HOSTILE.values())
CELLS = tuple(text[:3000] for text in TEXTS)
COLUMNS = tuple(text[:300] for text in TEXTS)
PAIRS = tuple(zip_longest(TEXTS[::2], TEXTS[1::2], fillvalue=TEXTS[0]))
"""All of them in half as many rows."""


def fill_catalogue(connection: Connection, folder: Path) -> Job:
    """Failed imports with these names and reasons; the newest is one with books and rejected rows."""
    for name, reason in PAIRS:
        by = f"{storable(reason[:99])} and {storable(name[:99])}"
        job = jobs.create(connection, filename=storable(name), source="cli", options={}, submitted_by=by)
        jobs.fail(connection, job.id, storable(reason))
    job = import_text(connection, folder / "import.csv", table("replace"))
    name = HOSTILE["clipboard"]
    connection.execute("UPDATE import_jobs SET filename = %s WHERE id = %s", [name, job.id])
    return jobs.get(connection, job.id)


def table(errors: str) -> bytes:
    """A CSV file: hostile columns, and rows of which half are good. ``errors`` as in ``str.encode``."""
    header = [*HEADER, *COLUMNS]
    good = [
        [text[:2000].replace("\0", "") for text in (a, b, isbn13(number), "", *CELLS)]
        for number, (a, b) in enumerate(PAIRS)
    ]
    bad = [[a[:3000], b[:3000], a[:99], b[:99], *CELLS] for a, b in PAIRS[::2]]
    return written([header, *good, *bad], quoting=1).encode("utf-8", errors)


def fill_inbox(paths: Paths) -> None:
    """Files with these names failed, for these reasons."""
    with Ledger(paths.state_db) as ledger:
        for number, (name, reason) in enumerate(PAIRS):
            path = name[:500].encode("utf-8", "surrogatepass")
            ledger.note(None, path, Version(1, number, 1, 1), FileState.FAILED, storable(reason))


def fill_log(paths: Paths) -> None:
    """They are events and their details, and lines that are no events."""
    with paths.daemon_log.open("a", encoding="utf-8", errors="surrogatepass") as file:
        for text, other in PAIRS:
            line = {
                "event": text,
                "level": "error",
                "timestamp": "2026-01-02T03:04:05Z",
                "file": other,
                other: text,
            }
            file.write(json.dumps(line) + "\n" + "".join(text.splitlines()) + "\n")


def fill_folder(folder: Path) -> None:
    """A file of each name, one with hostile columns and cells, and one whose columns are not understood."""
    (folder / "a.csv").write_bytes(table("surrogatepass"))
    (folder / "b.csv").write_bytes(written([COLUMNS, COLUMNS], quoting=1).encode("utf-8", "surrogatepass"))
    for text in TEXTS:
        name = text[:200].encode("utf-8", "surrogatepass").replace(b"/", b"|").replace(b"\0", b"")[:200]
        (folder / os.fsdecode(b"c" + name + b".csv")).touch()
