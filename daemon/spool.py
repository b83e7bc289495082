"""Is a folder the same one that others see? Machines that share a queue must share the spool, and its path
does not tell: a file in it has a content that no other folder's has.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

NAME = ".bibliflow-mark"


def mark_of(folder: Path) -> str:
    """The folder's mark; empty if it has none, or is not there."""
    with suppress(OSError, ValueError):
        return (folder / NAME).read_text(encoding="ascii").strip()
    return ""


def marked(folder: Path) -> str:
    """The folder's mark, which it gets if it has none. Raises :class:`OSError`."""
    if mark := mark_of(folder):
        return mark
    made = folder / f"{NAME}.{uuid4()}"
    made.write_text(f"{uuid4()}\n", encoding="ascii")
    made.chmod(0o600)
    try:
        with suppress(FileExistsError):
            os.link(made, folder / NAME)  # whoever comes first, also among machines
    finally:
        made.unlink()
    return mark_of(folder)


def not_shared(folder: Path, hosts: Sequence[str]) -> str:
    """What to say where daemons on ``hosts`` have another spool than ``folder``."""
    return (
        f"The spool of this machine, {folder}, is not the folder that the daemons on {', '.join(hosts)} use, "
        "and they could not see the files in it. Name the folder that all of them share in daemon.spool, and "
        "see that it is mounted"
    )
