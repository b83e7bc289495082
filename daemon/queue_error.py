"""What goes wrong with the queue; apart from it, as most commands need not load Huey."""

from __future__ import annotations


class QueueError(Exception):
    """The queue cannot be used. The message says which, why, and what to do next; never a password."""


def server_away(server: str, reason: str) -> str:
    """What to say of a queue on ``server`` that cannot be used; ``reason`` holds no password."""
    return (
        f"The queue cannot be used (queue.url, on {server}): {reason}. Imports are safe in the "
        "database, and go on when it is back: see that its server runs and lets this machine in, or "
        "correct queue.url."
    )
