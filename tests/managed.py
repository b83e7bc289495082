"""A service manager for tests: it listens, as systemd does, to what the daemon says of itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon import settings

PATIENCE = 30
"""Seconds for the daemon to say something."""


class Manager:
    """Listens at an address: a path, or "@name" for a socket of the abstract kind."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.heard: list[str] = []

    def hear(self, begin: str, patience: float = PATIENCE) -> str:
        """The next message that begins so; TimeoutError if none comes."""
        self._socket.settimeout(patience)
        while True:
            self.heard.append(self._socket.recv(65536).decode())
            if self.heard[-1].startswith(begin):
                return self.heard[-1]

    def forget(self) -> None:
        """Wait for nothing that has come until now."""
        self._socket.setblocking(False)
        try:
            while True:
                self.heard.append(self._socket.recv(65536).decode())
        except BlockingIOError:
            return

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@contextmanager
def managed(manager: Manager, watchdog: float = 0, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon of this home under ``manager``, with a limit of ``watchdog`` seconds between two pings."""
    environment = os.environ | {"NOTIFY_SOCKET": manager.address} | variables
    if watchdog:
        environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "run"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)
            raise


def log() -> str:
    """What the daemon of this home said."""
    path: Path = settings.paths().daemon_log
    return path.read_text() if path.exists() else ""
