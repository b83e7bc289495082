"""A Redis of one's own, as the system's packages bring it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import wait_until

PASSWORD = "s3kr1t-of-the-queue"


class Redis:
    """A server with a password, which can be stopped and started; it keeps nothing on disk."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._directory = Path(tempfile.mkdtemp(prefix="bibliflow-redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, with its password."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        (self._directory / "conf").write_text(
            f'port {self._port}\nbind 127.0.0.1\nrequirepass {PASSWORD}\nsave ""\nappendonly no\n'
        )
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", self._directory / "conf"], cwd=self._directory, stdout=log, stderr=log
            )
        wait_until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self._port)) == 0

    def stop(self) -> None:
        """End it, with all that is in it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """And its files."""
        self.stop()
        shutil.rmtree(self._directory)


@contextmanager
def running() -> Iterator[Redis]:
    """One that runs; skips the test where none is installed."""
    pytest.importorskip("redis")
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = Redis()
    try:
        server.start()
        yield server
    finally:
        server.remove()
