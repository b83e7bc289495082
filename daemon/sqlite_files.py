"""SQLite files that may vanish or be damaged. What is in them can be made again from PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from daemon.logger import Logger

log = Logger(__name__)

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether ``error`` says that the file is not what SQLite left there."""
    # The low byte; the others tell kinds of damage apart.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def identity(path: Path) -> tuple[int, int] | None:
    """What tells the file from another one that takes its place; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def make_usable(path: Path) -> None:
    """Set the file at ``path`` aside if it is damaged, so that opening it makes a new one."""
    if not path.exists():
        return
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        set_aside(path)
    finally:
        connection.close()


def set_aside(path: Path) -> None:
    """Keep a damaged file under another name, for who wants to look at it."""
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except FileNotFoundError:
        return  # another process was faster
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    log.warning("a damaged file was set aside and is made again", file=str(path), aside=str(aside))
