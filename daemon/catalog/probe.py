"""How the database fares, in figures; for who looks after it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from daemon.catalog import job_list
from daemon.catalog.database import Connection, Database, schema_version
from daemon.catalog.job import JobStatus

CONNECT_TIMEOUT = 2
"""Seconds for connecting; libpq knows no shorter time."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look found."""

    latency: float
    """Seconds that the server takes to answer."""
    server_version: str
    schema_version: int
    """0 if there is no catalogue yet."""
    jobs: dict[JobStatus, int]
    """How many jobs there are in each status that occurs."""


def probe(database: Database) -> Probe | None:
    """Look; None if the server is an embedded one that does not run. Raises as :meth:`Database.open`."""
    with database.peek(CONNECT_TIMEOUT) as connection:
        return None if connection is None else take(connection)


def take(connection: Connection) -> Probe:
    """The figures, through a connection that is there."""
    before = time.monotonic()
    connection.execute("SELECT 1")
    latency = time.monotonic() - before
    version = schema_version(connection)
    server = connection.info.parameter_status("server_version") or "?"
    # The jobs' table is there from the first version on.
    return Probe(latency, server, version, job_list.count_by_status(connection) if version else {})
