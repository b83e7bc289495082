"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 80
"""Characters of the name that the unfinished file has in its own: a name can be as long as is allowed."""


@contextmanager
def unfinished(path: Path, mode: int = 0o600, *, overwrite: bool = True) -> Iterator[Path]:
    """An empty file beside ``path`` that takes its name at the end, and vanishes on an error.

    ``mode`` is what it can be used for then, whatever the umask says; until then it is its user's only. The
    name begins with a dot and ends in ``.part``, at which no collector and no inbox looks. Raises
    :class:`OSError`: FileExistsError unless it may ``overwrite``.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:LONGEST]}.", suffix=".part", dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        if overwrite:
            temporary.replace(path)
        else:
            _name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_names(folder: Path) -> None:
    """Let the names in ``folder`` be on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(temporary: Path, path: Path) -> None:
    """Give a file its name, unless another one has it."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, as on many a USB stick
        if path.exists():
            raise FileExistsError(f"{path} exists") from None
        temporary.rename(path)
