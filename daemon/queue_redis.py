"""The queue of several machines on a Redis server."""

from __future__ import annotations

from typing import Any

import redis
from huey.storage import RedisStorage

from daemon.catalog.database import mask_password
from daemon.queue_error import QueueError, server_away

LONGEST_CONNECT = 5.0
"""Seconds."""

SHORTEST_ANSWER, LONGEST_ANSWER = 3.0, 15.0
"""Seconds until a server that says nothing is given up; longer than Huey lets it wait for a task."""


class RedisQueueStorage(RedisStorage):
    """Huey's, which waits for tasks. It connects when it is used; processes that are forked share nothing."""

    errors = (redis.RedisError,)

    def __init__(self, name: str, *, url: str, patience: float, **_: Any) -> None:
        """``patience`` is for the server, in seconds. Raises QueueError if ``url`` is no address."""
        try:
            pool = redis.ConnectionPool.from_url(
                url,
                socket_connect_timeout=min(patience, LONGEST_CONNECT),
                socket_timeout=max(SHORTEST_ANSWER, min(patience, LONGEST_ANSWER)),
                socket_keepalive=True,
                health_check_interval=10,
            )
        except ValueError:  # its words may hold what was meant as a password
            raise QueueError("queue.url is not a Redis address; it looks like redis://host:6379/0") from None
        super().__init__(name, connection_pool=pool)

    @staticmethod
    def explain(error: Exception) -> str:
        """What to say of one of :attr:`errors`; never a password."""
        return server_away("Redis", " ".join(mask_password(str(error)).split()).rstrip("."))

    def close(self) -> None:
        """End the connections."""
        self.pool.disconnect()
