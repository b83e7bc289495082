"""The daemon of a home from outside: is there one, start one, stop it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from daemon import machine
from daemon.catalog import daemons
from daemon.catalog.database import Connection
from daemon.settings import Paths, Settings

START_TIMEOUT = 60.0
"""Seconds for a daemon to become ready; the first start makes a database server."""

STOP_TIMEOUT = 30.0
"""Seconds for a daemon to end; it stops imports at a chunk boundary, gives up on workers that hang, and stops
the embedded server."""

_LOOK = 0.05
_LOCK_TRIES = 20


class DaemonError(Exception):
    """The daemon cannot be started or stopped, or there is one already. The message says what to do."""


@dataclass(frozen=True, slots=True)
class DaemonInfo:
    """A running daemon."""

    pid: int
    ready: bool
    """Whether its workers have started."""


class DaemonLock:
    """The lock that a running daemon holds on its home, for as long as its process lives.

    A POSIX record lock: unlike ``flock`` it is not inherited by forked workers, so that it is gone with the
    daemon's own process even if a worker outlives it for a moment.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises :class:`DaemonError` naming the process that has it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(_LOOK)  # may be somebody's short look in running()
        else:
            os.close(fd)
            other = _read(self._path)
            pid = f"process {other.pid}" if other else "another process"
            raise DaemonError(f"A daemon runs already for this home: {pid}. `bibliflow-daemon stop` ends it.")
        self._fd = fd
        self.announce(ready=False)

    def announce(self, *, ready: bool) -> None:
        """Write down who holds the lock."""
        if self._fd is None:
            raise RuntimeError("the lock is not held")
        content = json.dumps(asdict(DaemonInfo(os.getpid(), ready))).encode()
        os.pwrite(self._fd, content, 0)
        os.ftruncate(self._fd, len(content))

    def release(self) -> None:
        """Give the lock back."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def running(paths: Paths) -> DaemonInfo | None:
    """The daemon that runs for this home, or None."""
    try:
        fd = os.open(paths.daemon_lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(paths.daemon_lock)
    finally:
        os.close(fd)
    return None


def others_at_work(settings: Settings, paths: Paths, connection: Connection) -> list[str]:
    """The machines whose daemons share the queue with this home, and are at work; but its own."""
    if not settings.queue.is_shared:
        return []
    me = (machine.name(settings), str(paths.state))
    return [one.host for one in daemons.at_work(connection) if (one.host, one.home) != me]


def _read(path: Path) -> DaemonInfo | None:
    try:
        return DaemonInfo(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # is being written at this moment


def start(paths: Paths) -> DaemonInfo:
    """Start a daemon in the background, its output in ``daemon.log``, and wait until it is ready.

    Returns the running one if there is one. Raises :class:`DaemonError`.
    """
    if info := running(paths):
        return _wait_ready(paths, None) if not info.ready else info
    paths.make_private()
    log = os.open(paths.daemon_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon.cli", "run"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's Ctrl-C is not meant for it
            cwd="/",
            env=_own_environment(),
        )
    finally:
        os.close(log)
    return _wait_ready(paths, process)


def _own_environment() -> dict[str, str]:
    """Ours, without what a service manager says to us alone: it does not know the daemon."""
    others = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "JOURNAL_STREAM", "INVOCATION_ID")
    return {name: value for name, value in os.environ.items() if name not in others}


def _wait_ready(paths: Paths, process: subprocess.Popen[bytes] | None) -> DaemonInfo:
    for _ in _until(START_TIMEOUT):
        info = running(paths)
        if info and info.ready:
            if process:
                process.returncode = 0  # it goes on without us; no warning that it was left behind
            return info
        if process and process.poll() is not None and info is None:
            raise DaemonError(f"The daemon did not start. {_last_words(paths.daemon_log)}")
    raise DaemonError(f"The daemon was not ready after {START_TIMEOUT:.0f} s. See {paths.daemon_log}")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"Its last words: {lines[-1]} (more in {log})" if lines else f"It said nothing; see {log}"


def stop(paths: Paths) -> int | None:
    """End the daemon of this home; imports stop at a chunk boundary and go on at the next start.

    Returns its process id, or None if there was none. Raises :class:`DaemonError` if it does not end.
    """
    info = running(paths)
    if info is None:
        return None
    try:
        os.kill(info.pid, signal.SIGTERM)
    except PermissionError:
        raise DaemonError(f"The daemon, process {info.pid}, belongs to another user") from None
    except ProcessLookupError:
        return info.pid
    for _ in _until(STOP_TIMEOUT):
        now = running(paths)
        if now is None or now.pid != info.pid:
            return info.pid
    raise DaemonError(f"The daemon, process {info.pid}, did not end within {STOP_TIMEOUT:.0f} s")


def _until(timeout: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(_LOOK)
