"""Names of files in the inbox: which are left alone, and what the files that come back are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

IMPORTED = b"imported"
FAILED = b"failed"
"""Folders below the inbox in which files end."""

PRIVATE = b".bibliflow"
"""Folder below the inbox for files on their way, where it is on another file system than the spool."""

TEMPORARY_ENDINGS = (
    ".part",
    ".tmp",
    ".temp",
    ".crdownload",
    ".filepart",
    ".partial",
    ".download",
    ".swp",
    "~",
)
NOT_FOR_US = ("thumbs.db", "desktop.ini")

LONGEST_NAME = 255
"""Bytes of a name on usual file systems."""

_ENDING = re.compile(rb"(?:\.[A-Za-z0-9]{1,8}){1,2}$")


def why_ignored(name: bytes, patterns: Iterable[str]) -> str | None:
    """Why a file or folder of this name is left alone; None if it is not."""
    text = name.decode("utf-8", "replace").casefold()
    if text.startswith("."):
        return "its name begins with a dot"
    if text.startswith("~$") or text.endswith(TEMPORARY_ENDINGS):
        return "its name is that of a temporary file"
    if text in NOT_FOR_US:
        return "the system's own file"
    for pattern in patterns:
        if fnmatchcase(text, pattern.casefold()):
            return f"watch.ignore has {pattern}"
    return None


def numbered(name: bytes) -> Iterator[bytes]:
    """``name``, then ``name (2)``, ``name (3)`` and so on, the number before its ending; none too long."""
    stem, ending = split(name)
    yield _fitting(stem, ending)
    number = 2
    while True:
        yield _fitting(stem, b" (%d)" % number + ending)
        number += 1


def of_errors(path: bytes) -> bytes:
    """The path of the file with the rejected rows of the file at ``path``; for such a file, its own."""
    folder, slash, name = path.rpartition(b"/")
    stem, ending = split(name)
    stem = re.sub(rb"\.errors(?: \([0-9]+\))?$", b"", stem)
    # They are not packed, whatever the file was.
    ending = ending if ending in (b".csv", b".tsv", b".txt") else b".csv"
    return folder + slash + _fitting(stem, b".errors" + ending)


def of_reason(path: bytes) -> bytes:
    """The path of the file that says why the one at ``path`` was not imported."""
    folder, slash, name = path.rpartition(b"/")
    return folder + slash + _fitting(name, b".reason.txt")


def split(name: bytes) -> tuple[bytes, bytes]:
    """A name and its ending: ``shop``, ``.csv.gz``."""
    match = _ENDING.search(name)
    if match is None or match.start() == 0:
        return name, b""
    ending = match[0]
    if ending.count(b".") == 2 and not ending.endswith((b".gz", b".zst", b".zip")):
        ending = ending[ending.rindex(b".") :]
    return name[: -len(ending)], ending


def _fitting(stem: bytes, ending: bytes) -> bytes:
    """The two, the stem cut where they would be too long; not within a character of UTF-8."""
    if len(stem) + len(ending) > LONGEST_NAME:
        stem = stem[: LONGEST_NAME - len(ending)].decode("utf-8", "ignore").encode() or stem[:1]
    return stem + ending
