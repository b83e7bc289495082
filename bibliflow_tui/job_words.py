"""What the kinds of jobs are called, in the dashboard and by commands, which do not load the dashboard."""

from __future__ import annotations

from daemon.catalog.job import Job, Kind

AT_WORK: dict[Kind, str] = {"import": "importing", "repair": "repairing", "undo": "undoing"}
"""What a job is doing."""

TITLES: dict[Kind, str] = {"import": "", "repair": "repair of ", "undo": "undo of "}
"""What stands before the name of its file."""


def title_of(job: Job) -> str:
    """What a job is: the name of its file, or what it does to the import of that. May hold anything."""
    return f"{TITLES[job.kind]}{job.filename}"
