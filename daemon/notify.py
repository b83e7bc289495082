"""Tells a service manager how the daemon fares, by the protocol of systemd.

Own code, as the libraries for it do not fit: sdnotify has not changed since 2017, and systemd-watchdog waits
when the manager is slow and goes by a clock that people can set.
Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

from daemon.visible import visible

STATUS_EVERY = 1.0
"""Seconds between two changes of the text, at least."""

LONGEST_STATUS = 400
"""Characters of it."""


class Notifier:
    """The way to the service manager; without one, everything is said to nobody."""

    def __init__(self) -> None:
        """Takes the manager's variables out of the environment: what the daemon starts is not the daemon."""
        address = os.environ.pop("NOTIFY_SOCKET", "")
        limit = os.environ.pop("WATCHDOG_USEC", "")
        pid = os.environ.pop("WATCHDOG_PID", "")
        self._socket: socket.socket | None = None
        if address[:1] in ("/", "@"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            # A name that begins with NUL is one of the abstract kind, which no file system knows.
            self._address = "\0" + address[1:] if address.startswith("@") else address
        is_meant = self._socket is not None and pid in ("", str(os.getpid()))
        self.watchdog = int(limit) / 1e6 if is_meant and limit.isdigit() else 0.0
        """Seconds without a ping after which the manager ends the daemon; 0 is never."""
        self._pinged_at = self._said_at = 0.0
        self._status = ""

    @property
    def is_managed(self) -> bool:
        """Whether a service manager listens."""
        return self._socket is not None

    def ready(self) -> None:
        """The daemon works."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The daemon is about to end."""
        self._send("STOPPING=1")

    def ping(self) -> None:
        """All is well; said a few times within the manager's limit, however often it is called."""
        now = time.monotonic()
        if self.watchdog and now - self._pinged_at >= self.watchdog / 4:
            self._pinged_at = now
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """What the daemon does, in a few words; said when it changes, but not many times a second."""
        now = time.monotonic()
        if text != self._status and now - self._said_at >= STATUS_EVERY:
            self._status, self._said_at = text, now
            self._send(f"STATUS={visible(text, LONGEST_STATUS)}")

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        # Without waiting: a manager that does not read must not stop the daemon.
        with suppress(OSError):
            self._socket.sendto(message.encode(), socket.MSG_DONTWAIT, self._address)
