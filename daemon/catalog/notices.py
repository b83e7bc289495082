"""Word of jobs that changed, for whoever listens: NOTIFY and LISTEN."""

from __future__ import annotations

from uuid import UUID

from daemon.catalog.database import Connection

CHANNEL = "bibliflow_jobs"
"""NOTIFY channel; the payload is the id of the job that changed."""


def send(connection: Connection, job_id: UUID) -> None:
    """Tell that the job changed, when the transaction is committed."""
    connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(job_id)])


def listen(connection: Connection) -> None:
    """Let :func:`changed` on this connection hear of jobs that change from now on."""
    connection.execute(f"LISTEN {CHANNEL}")


def changed(connection: Connection, timeout: float) -> set[UUID]:
    """The jobs that changed, as soon as one has; empty if none did for ``timeout`` seconds.

    Notifications sent while nobody listens are lost: look at the table now and then as well.
    """
    first = list(connection.notifies(timeout=timeout, stop_after=1))
    rest = list(connection.notifies(timeout=0)) if first else []
    return {UUID(notification.payload) for notification in first + rest}
