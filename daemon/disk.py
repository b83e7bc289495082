"""Room on the disks that a home uses."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from daemon.settings import Paths, Settings

LOW = 500_000_000
"""Bytes: a file of the largest size that is taken by default, its copy, and its rows in the database with
their indexes and log."""


@dataclass(frozen=True, slots=True)
class Room:
    """What is free where something is kept."""

    path: Path
    free: int
    """Bytes that this user may still fill."""
    total: int

    @property
    def is_low(self) -> bool:
        """Whether the next import may find none."""
        return self.free < LOW


def rooms(settings: Settings, paths: Paths) -> dict[str, Room]:
    """By what is kept there: "spool", and "database" where that is the embedded one.

    Raises :class:`OSError`.
    """
    wanted = {"spool": paths.spool}
    if not settings.database.url.get_secret_value():
        wanted["database"] = paths.server
    return {name: _room(path) for name, path in wanted.items()}


def _room(path: Path) -> Room:
    there = next(place for place in (path, *path.parents) if place.exists())
    usage = shutil.disk_usage(there)
    return Room(path, usage.free, usage.total)
