"""Is a folder the same one that others see? Machines that share a queue must share the spool, and its path
does not tell: a file in it has a content that no other folder's has.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from daemon.whole_file import unfinished

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
    # Whoever comes first makes it, also among machines.
    with suppress(FileExistsError), unfinished(folder / NAME, overwrite=False) as made:
        made.write_text(f"{uuid4()}\n", encoding="ascii")
    return mark_of(folder)


def not_shared(folder: Path, hosts: Sequence[str]) -> str:
    """What to say where daemons on ``hosts`` have another spool than ``folder``."""
    return (
        f"The spool of this machine, {folder}, is not the folder that the daemons on {', '.join(hosts)} use, "
        "and they could not see the files in it. Name the folder that all of them share in daemon.spool, and "
        "see that it is mounted"
    )
