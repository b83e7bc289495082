"""Every path of the program."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import platformdirs

APP_NAME = "bibliflow"

NO_HOME = "make it writable for you, or set BIBLIFLOW_HOME to a directory that is"

SPOOL_MISSING = "daemon.spool names this folder, and it is not there; mount what it is on, or make it"

SPOOL_CLOSED = "daemon.spool names this folder, which the user of the daemon must own, and close to others"


class NamesFolder(Protocol):
    """Settings that may name the inbox."""

    @property
    def folder(self) -> str:
        """The inbox; empty is the one in the home."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the program keeps its files. Under ``BIBLIFLOW_HOME`` all of them share one directory."""

    config: Path
    """config.toml; it need not exist."""
    state: Path
    """Private directory: queue, heartbeat, locks, logs."""
    spool: Path
    """Private directory: copies of the files being imported. With a queue that machines share, all see it."""
    server: Path
    """Directory of the embedded PostgreSQL server."""
    default_inbox: Path
    """The folder that is watched where the settings name none."""
    is_spool_given: bool = False
    """Whether the settings name the spool: then it is somebody else's to make."""

    def inbox(self, watch: NamesFolder) -> Path:
        """The folder that is watched."""
        return Path(watch.folder).expanduser().absolute() if watch.folder else self.default_inbox

    @property
    def queue_db(self) -> Path:
        """SQLite file of the task queue."""
        return self.state / "queue.db"

    @property
    def state_db(self) -> Path:
        """SQLite file of the daemon's heartbeat and of the inbox's ledger."""
        return self.state / "state.db"

    @property
    def daemon_lock(self) -> Path:
        """File that a running daemon keeps locked; it holds the daemon's process id."""
        return self.state / "daemon.lock"

    @property
    def daemon_log(self) -> Path:
        """What the daemon says, unless the system's journal keeps it."""
        return self.state / "daemon.log"

    @property
    def daemon_unit(self) -> Path:
        """File that names the unit in whose journal the daemon's lines are; there is none otherwise."""
        return self.state / "daemon.unit"

    @property
    def dashboard_log(self) -> Path:
        """Warnings of the dashboard, whose terminal has no room for them."""
        return self.state / "dashboard.log"

    @property
    def habits(self) -> Path:
        """What the user of the dashboard chose last."""
        return self.state / "dashboard.json"

    def make_private(self) -> None:
        """Create the private directories, closed to everybody else (0700). Raises :class:`OSError`."""
        for directory in (self.state, self.spool):
            is_given = directory == self.spool and self.is_spool_given
            if is_given and not directory.is_dir():
                # Not made: it may be on a share that is not mounted, and would be hidden by it later.
                raise OSError(errno.ENOENT, SPOOL_MISSING, str(directory))
            try:
                for made in () if is_given else (*reversed(directory.parents), directory):
                    made.mkdir(mode=0o700, exist_ok=True)
                if directory.stat().st_mode & 0o7777 != 0o700:
                    directory.chmod(0o700)
            except OSError as error:
                advice = SPOOL_CLOSED if is_given else NO_HOME
                raise OSError(
                    error.errno, f"{error.strerror}; {advice}", error.filename or str(directory)
                ) from None


def paths_below(root: Path) -> Paths:
    """The paths of a home that has a directory of its own."""
    return Paths(
        config=root / "config.toml",
        state=root / "state",
        spool=root / "spool",
        server=root / "postgresql",
        default_inbox=root / "inbox",
    )


def usual_paths() -> Paths:
    """The paths in the platform's own directories."""
    dirs = platformdirs.PlatformDirs(APP_NAME, appauthor=False)
    data = Path(dirs.user_data_dir)
    return Paths(
        config=Path(dirs.user_config_dir) / "config.toml",
        state=Path(dirs.user_state_dir) / "state",
        spool=data / "spool",
        server=data / "postgresql",
        default_inbox=data / "inbox",
    )
