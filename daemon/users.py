"""Who is at work."""

from __future__ import annotations

import getpass


def current_user() -> str | None:
    """The name of the user that this process runs as; None if there is none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
