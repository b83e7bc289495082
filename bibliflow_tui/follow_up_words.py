"""The words of repairs and undos, for their commands and for the dashboard. They may hold anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bibliflow_tui.job_words import TITLES, name_of
from daemon.catalog.job import Job, JobStatus

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from bibliflow_tui.key_names import Named


def rows(count: int) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} row{'s' * (count != 1)}"


def can_be_undone(job: Job, target: Job | None) -> bool:
    """Whether there is something to take back; ``target`` is the import that the job is about."""
    if job.kind == "undo" or job.undone_at or not job.status.is_final:
        return False
    is_gone = target.undone_at is not None if target else job.is_about_rows
    return job.brought > 0 and not is_gone


def undo_question(job: Job) -> str:
    """What is asked before ``job`` is undone."""
    if job.kind == "repair":
        return f"Take the repair of {rows(job.success_count)} of {name_of(job)} back?"
    return f"Take back the {rows(job.brought)} that {name_of(job)} brought into the catalogue?"


def undo_effect(job: Job) -> str:
    """What happens then, and what does not."""
    then = "The rows are in error again" if job.kind == "repair" else "The file can be imported again"
    return (
        "Its books are removed, and what it changed in others is restored. Books that somebody edited since"
        f" are kept as they are. {then}."
    )


def undone(done: Job) -> str:
    """What a finished undo came to."""
    kept = f", {done.skipped_count:,} kept, for they were edited since" if done.skipped_count else ""
    return f"{done.success_count:,} taken back{kept}"


def repaired(fixed: Mapping[str, int]) -> str:
    """What a finished repair or file of corrections came to, as :meth:`Job.repair_object` has it."""
    if not any(fixed.values()):
        return "no rejected row has a suggestion for every problem"
    words = f"{rows(fixed['imported'])} imported"
    if fixed["skipped"]:
        words += f", {fixed['skipped']:,} skipped"
    if fixed["rejected"]:
        words += f", {fixed['rejected']:,} rejected again"
    return words


def ended(job: Job, target: Job | None, key_of: Named) -> tuple[str, SeverityLevel]:
    """What is told of a job that is over; ``target`` is the one that it is about."""
    name = name_of(job)
    title = f"{TITLES[job.kind]}{name}"
    if job.status is JobStatus.FAILURE:
        return f"{title}: {job.failure_reason}", "error"
    if job.status is JobStatus.CANCELLED:
        key = key_of("imports.retry")
        return f"{title}: cancelled. What was done stays; {key} on its line in the imports goes on", "warning"
    if job.kind == "undo":
        if job.skipped_count:
            key = key_of("imports.books")
            return f"{name}: {undone(job)}. {key} on its line in the imports shows them", "warning"
        return f"{name}: {undone(job)}", "information"
    words = f"{name}: {repaired(job.repair_object())}"
    if target is not None:
        words += f"; {target.open_error_count:,} rejected rows are left"
    if job.success_count:
        words += f". {key_of('imports.undo')} on its line in the imports takes it back"
    return words, "information"


def changes(options: Mapping[str, Any]) -> str:
    """What a repair changes, from the ``options`` of its job."""
    return ", ".join(_changes(options))


def _changes(options: Mapping[str, Any]) -> Iterator[str]:
    if options.get("suggestions"):
        yield "suggestions"
    for field, value in options.get("put", {}).items():
        yield f"{field} set to {value}" if value else f"no {field}"
    for field, value in options.get("prefixes", {}).items():
        yield f"{value} off the beginning of {field}"
    for field, value in options.get("suffixes", {}).items():
        yield f"{value} off the end of {field}"
