"""The queues that several machines can share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import own_redis
from tests.own_redis import Redis


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A Redis of one's own; skips where none is installed."""
    with own_redis.running() as server:
        yield server


@pytest.fixture(params=["postgresql", "redis"])
def queue_url(request: pytest.FixtureRequest, own_database: str) -> str:
    """The address of a queue on each kind of server; on PostgreSQL that of the library's own database."""
    if request.param == "postgresql":
        return own_database
    server: Redis = request.getfixturevalue("redis")
    return server.url
