"""What this machine is called among others."""

from __future__ import annotations

import socket

from daemon.settings import Settings


def name(settings: Settings) -> str:
    """As the settings say, or its host name."""
    return settings.daemon.host or socket.gethostname()
