"""What goes wrong with the queue; apart from it, as most commands need not load Huey."""

from __future__ import annotations


class QueueError(Exception):
    """The queue cannot be used. The message says which, why, and what to do next; never a password."""
