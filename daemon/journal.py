"""The journal of systemd: does it keep what this process says, and what has it kept?

Sources: the manual pages systemd.exec(5), for JOURNAL_STREAM, and sd-daemon(3), for the weight of a line.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

WEIGHTS = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Levels as the journal counts them; ``<4>`` before a line makes it a warning."""

USER = "user:"
"""Before the name of a unit of a user's own services."""

_CURSOR = "-- cursor: "


class JournalError(Exception):
    """The journal cannot be read. The message says what to do."""


def is_stderr() -> bool:
    """Whether the journal keeps what goes to standard error."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def unit() -> str:
    """The unit that this process belongs to, ``user:`` before one of a user's; empty if there is none."""
    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""
    for line in groups.splitlines():
        parts = line.split(":", 2)[2].split("/")
        if parts[-1].endswith(".service"):
            is_users = any(part.startswith("user@") for part in parts[:-1])
            return (USER if is_users else "") + parts[-1]
    return ""


def note(path: Path) -> None:
    """Leave word at ``path`` whether the journal keeps what this daemon says, for :func:`noted`."""
    name = unit() if is_stderr() else ""
    if name:
        path.write_text(name, encoding="utf-8")
        path.chmod(0o600)
    else:
        path.unlink(missing_ok=True)


def noted(path: Path) -> str:
    """The unit in whose journal the daemon's lines are; empty if they are in its own file."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def command(unit: str) -> list[str]:
    """The command that shows what ``unit`` said, for people."""
    name = unit.removeprefix(USER)
    return ["journalctl", "--user" if unit != name else "--system", "--unit", name]


class Journal:
    """What one unit said, read once from its beginning: what is there, and then what comes.

    Both raise :class:`JournalError`.
    """

    def __init__(self, unit: str) -> None:
        self._command = command(unit)
        *scope, _, name = self._command
        # What the unit itself said, and not what systemd says of it.
        field = "_SYSTEMD_USER_UNIT" if unit.startswith(USER) else "_SYSTEMD_UNIT"
        self._reading = [*scope, f"{field}={name}"]
        self._cursor = ""
        """Where the lines ended that were read."""

    def history(self) -> Iterator[str]:
        """The lines that are there, the oldest first."""
        for line in self._run("--show-cursor"):
            if line.startswith(_CURSOR):
                self._cursor = line.removeprefix(_CURSOR)
            else:
                yield line

    def follow(self) -> Iterator[str]:
        """Each line as it comes, for ever."""
        since = [f"--after-cursor={self._cursor}"] if self._cursor else []
        return self._run("--follow", "--no-tail", *since)

    def _run(self, *arguments: str) -> Iterator[str]:
        command = [*self._reading, "--output", "cat", "--quiet", "--no-pager", "--all", *arguments]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise JournalError(
                f"The daemon's lines are in the journal, and journalctl cannot be run: {error.strerror}"
            ) from None
        assert process.stdout  # noqa: S101
        with process, process.stdout:
            for line in process.stdout:
                yield line.decode("utf-8", "replace").rstrip("\n")
            if process.wait():
                raise JournalError(
                    "The daemon's lines are in the journal, which this user may not read. "
                    f"Try: sudo {' '.join(self._command)}"
                )
