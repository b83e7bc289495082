"""The advisory lock of a job: who has it imports the job, or changes what it brought."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from daemon.catalog.database import Connection

PAUSE = 0.1
"""Seconds between two tries of whoever waits for a lock."""


def _lock_key(job_id: UUID) -> int:
    """The low 64 bits of the id, which are random in a UUIDv7, as PostgreSQL's signed bigint."""
    return int.from_bytes(job_id.bytes[8:], "big", signed=True)


@contextmanager
def taking_in(connection: Connection, job_id: UUID) -> Iterator[bool]:
    """Hold the right to bring the file of a job that is to be into the spool; False if somebody else has it.

    Not the job's own lock: a worker that is quick would be turned away by that.
    """
    with _held_by(connection, ~_lock_key(job_id)) as acquired:
        yield acquired


@contextmanager
def locked(connection: Connection, job_id: UUID, patience: float = 0) -> Iterator[bool]:
    """Hold the job's advisory lock on this connection; False if somebody else keeps it.

    It is tried again for ``patience`` seconds.

    The lock belongs to the session and dies with its backend. So whoever gets it knows that no older
    COMMIT of that session is still in flight. An import has another one: whoever starts the job changes its
    row, and so waits for a COMMIT of that, whose checkpoint has changed it before.
    """
    with _held_by(connection, _lock_key(job_id), patience) as acquired:
        yield acquired


@contextmanager
def _held_by(connection: Connection, key: int, patience: float = 0) -> Iterator[bool]:
    deadline = time.monotonic() + patience
    while not (acquired := _try(connection, key)) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    try:
        yield acquired
    finally:
        if acquired and not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [key])


def _try(connection: Connection, key: int) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
    return bool(row and row[0])


def at_work(connection: Connection) -> int:
    """How many jobs somebody is working on at this moment."""
    rows = connection.execute("SELECT id FROM import_jobs WHERE status = 'PROCESSING'").fetchall()
    return len(held(connection, (row[0] for row in rows))) if rows else 0


def held(connection: Connection, job_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the jobs whose lock somebody holds at this moment.

    Looks instead of trying: a lock taken for a look would turn a worker away that comes at that moment.
    """
    rows = connection.execute(
        "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks"
        " WHERE locktype = 'advisory' AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchall()
    keys = {row[0] for row in rows}
    return {job_id for job_id in job_ids if _lock_key(job_id) in keys}
