"""Who the embedded server runs as, and how that user reaches its files. For ``daemon.catalog.embedded``."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any

SYSTEM_USER = "bibliflow-pg"
"""PostgreSQL refuses to run as root; started by root, the server runs as this user."""


class ServerError(Exception):
    """The embedded server cannot be started or used.

    The message says what happened, to what, and what to do next.
    """


def server_user() -> pwd.struct_passwd:
    """The user that the server's processes run as: this process's own, or :data:`SYSTEM_USER` for root.

    Raises :class:`ServerError` when that user has no name or cannot be created.
    """
    if os.geteuid() != 0:
        try:
            return pwd.getpwuid(os.geteuid())
        except KeyError:
            raise ServerError(
                f"User id {os.geteuid()} has no name in /etc/passwd, and PostgreSQL insists on one. "
                "Run as a named user, or set database.url to a server of yours."
            ) from None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return _create_system_user()


def _create_system_user() -> pwd.struct_passwd:
    options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    reason = ""
    try:
        made = subprocess.run(["useradd", *options, SYSTEM_USER], capture_output=True, text=True, check=False)  # noqa: S607
        reason = made.stderr.strip()
    except OSError as error:
        reason = f"useradd: {error.strerror}"
    try:
        return pwd.getpwnam(SYSTEM_USER)  # whatever useradd said: another process may have been faster
    except KeyError:
        raise ServerError(
            f"PostgreSQL refuses to run as root, and the user {SYSTEM_USER} could not be created ({reason}). "
            "Create it, run Bibliflow as an ordinary user, or set database.url to a server of yours."
        ) from None


def run_as(user: pwd.struct_passwd) -> dict[str, Any]:
    """Arguments of :func:`subprocess.run` that make a program run as ``user``; empty if this process does."""
    if user.pw_uid == os.geteuid():
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def check_owner(path: Path, uid: int) -> None:
    """Raise :class:`ServerError` unless ``path`` is a real directory of user ``uid``."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ServerError(f"{path} is not a directory; remove it, or choose another BIBLIFLOW_HOME.")
    if status.st_uid != uid:
        raise ServerError(
            f"{path} belongs to the user {_name(status.st_uid)}, not to {_name(uid)}. "
            f"Run Bibliflow as the user who made it, or choose another BIBLIFLOW_HOME."
        )


def private_directory(path: Path, user: pwd.struct_passwd) -> None:
    """Make ``path`` a directory that only ``user`` can enter, and trust an existing one only if it is that.

    Whoever could write there could put a socket of his own in the place of the server's. Raises
    :class:`ServerError`.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if status.st_uid == os.geteuid() != user.pw_uid and stat.S_ISDIR(status.st_mode):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    check_owner(path, user.pw_uid)
    if status.st_mode & 0o077:
        raise ServerError(f"{path} is open to other users; check what is in it, and remove it.")


def open_owned(path: Path, user: pwd.struct_passwd, flags: int) -> int:
    """A descriptor of the file ``path``, made if need be, which belongs to ``user`` and to nobody else."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if run_as(user):
        os.fchown(descriptor, user.pw_uid, user.pw_gid)
    return descriptor


def let_pass(path: Path) -> None:
    """Let everybody pass through ``path`` and its parents: through, not look inside; only what is missing."""
    for directory in (path, *path.parents):
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def let_read(*trees: Path) -> None:
    """Let everybody read and run what is below ``trees``, in case they were installed with a strict umask."""
    for tree in trees:
        for path in (tree, *tree.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = mode | (0o005 if mode & stat.S_IXUSR else 0o004)
            if mode != wanted:
                path.chmod(wanted)


def open_lock(path: Path) -> int:
    """A descriptor of the lock file ``path`` for flock; programs started from here do not inherit it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
