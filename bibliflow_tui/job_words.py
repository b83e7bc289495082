"""What the kinds of jobs are called, in the dashboard and by commands, which do not load the dashboard."""

from __future__ import annotations

from daemon.catalog.job import Job, Kind
from daemon.visible import visible

LONGEST_NAME = 60
"""Characters of a file's name in a notice: what became of the file stands behind it, and is to be seen."""

AT_WORK: dict[Kind, str] = {"import": "importing", "repair": "repairing", "undo": "undoing"}
"""What a job is doing."""

TITLES: dict[Kind, str] = {"import": "", "repair": "repair of ", "undo": "undo of "}
"""What stands before the name of its file."""


def title_of(job: Job) -> str:
    """What a job is: the name of its file, or what it does to the import of that. May hold anything."""
    return f"{TITLES[job.kind]}{job.filename}"


def name_of(job: Job) -> str:
    """The name of its file for a notice."""
    return visible(job.filename, limit=LONGEST_NAME)
