"""What ``import_jobs`` says of a job: how it stands, its counts, its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

Source = Literal["cli", "dashboard", "watch"]

Kind = Literal["import", "repair", "undo"]
"""An import takes a file in; a repair brings in many of its rejected rows after all; an undo takes back what
an import, a file of corrections or a repair brought."""


class JobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "PENDING"
    """Waits for a worker, for the first time or after an interruption."""
    PROCESSING = "PROCESSING"
    """A worker has it, or had it and died."""
    SUCCESS = "SUCCESS"
    """Every row is a book, a row error or skipped."""
    FAILURE = "FAILURE"
    """Stopped for the reason in ``failure_reason``."""
    CANCELLED = "CANCELLED"
    """Stopped by its user."""

    @property
    def is_final(self) -> bool:
        """Whether nothing will happen any more by itself."""
        return self not in (JobStatus.PENDING, JobStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by outcome, of a chunk or of a whole job."""

    success: int = 0
    error: int = 0
    skipped: int = 0

    @property
    def processed(self) -> int:
        """All of them."""
        return self.success + self.error + self.skipped

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.success + other.success, self.error + other.error, self.skipped + other.skipped)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of ``import_jobs``. Counts are rows, sizes are bytes."""

    id: UUID
    filename: str
    status: JobStatus
    source: Source
    kind: Kind = "import"
    target_job_id: UUID | None = None
    """The job that a repair, a file of corrections or an undo is about; None also if that is deleted."""
    position: dict[str, Any] | None = None
    """Where a repair or an undo goes on."""
    file_sha256: str | None = None
    file_size: int | None = None
    spool_path: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    read_as: dict[str, Any] | None = None
    """How the importer understood the file: its dialect, and its header."""
    total_rows: int | None = None
    """Data rows of the file, known when it was read to its end; of other jobs, what there is to do."""
    processed_rows: int = 0
    success_count: int = 0
    error_count: int = 0
    """Rows that were rejected when the file was read."""
    skipped_count: int = 0
    open_error_count: int = 0
    """Those of them that have not been brought in since."""
    bytes_read: int = 0
    task_id: str | None = None
    failure_reason: str | None = None
    submitted_by: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    undone_at: datetime | None = None
    error_codes: dict[str, int] = field(default_factory=dict)
    """How many open errors have each code; a row may have several."""
    inbox: dict[str, Any] | None = None
    """Where in the inbox its file came from, if it did: ``path``, percent-encoded and relative to the inbox,
    ``kept``, whether the file is still there, and where machines share a queue the inbox's ``mark``."""
    worker: str | None = None
    """Who has it, or had it last: a machine and one of its workers."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", JobStatus(self.status))

    @property
    def rows(self) -> int:
        """The rows of the file, as far as they are known."""
        return self.processed_rows if self.total_rows is None else self.total_rows

    @property
    def share(self) -> float:
        """How much is done, 0.0 to 1.0: of the file's bytes, or of the rows of a repair or an undo."""
        if self.kind != "import":
            return min(self.processed_rows / self.total_rows, 1.0) if self.total_rows else 0.0
        return min(self.bytes_read / self.file_size, 1.0) if self.file_size else 0.0

    @property
    def progress_percent(self) -> float:
        """0.0 to 100.0; 100.0 only for a job that has done every row."""
        return 100.0 if self.status is JobStatus.SUCCESS else min(round(100 * self.share, 1), 99.9)

    @property
    def rows_to_go(self) -> int | None:
        """About how many rows are left, as far as that can be told; None when it cannot."""
        if self.status is not JobStatus.PROCESSING or not self.share:
            return None
        return round(self.processed_rows * (1 / self.share - 1))

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        if self.started_at is None:
            return 0.0
        # In UTC: of two moments in one zone Python subtracts what the clocks say, and those are changed.
        end = (self.finished_at or datetime.now(UTC)).astimezone(UTC)
        return max((end - self.started_at.astimezone(UTC)).total_seconds(), 0.0)

    @property
    def rows_per_second(self) -> float | None:
        """Average speed since the start; None before the first checkpoint."""
        if not self.processed_rows or not self.seconds:
            return None
        return round(self.processed_rows / self.seconds, 1)

    @property
    def eta_seconds(self) -> float | None:
        """Time that the remaining rows take at that speed; None when it cannot be told."""
        if self.rows_to_go is None or not self.rows_per_second:
            return None
        return round(self.rows_to_go / self.rows_per_second, 1)

    @property
    def repaired(self) -> int:
        """Rows that were rejected, and have been brought in since."""
        return self.error_count - self.open_error_count

    @property
    def brought(self) -> int:
        """The rows that it has in the catalogue: of an import, also those that were brought in by repairs."""
        return self.success_count + (self.repaired if self.kind == "import" else 0)

    @property
    def is_about_rows(self) -> bool:
        """Whether it brings in rows that another job rejected, which may have been deleted since.

        A repair, or a file of corrections.
        """
        return self.kind == "repair" or "rejected" in (self.position or {})

    @property
    def rejected_again(self) -> int:
        """Rows of a repair or a file of corrections that still do not pass; they count among the skipped."""
        return int((self.position or {}).get("rejected", 0))

    def repair_object(self) -> dict[str, int]:
        """What a repair or a file of corrections came to."""
        return {
            "imported": self.success_count,
            "skipped": self.skipped_count - self.rejected_again,
            "rejected": self.error_count + self.rejected_again,
        }

    def status_object(self, errors_preview: list[dict[str, Any]]) -> dict[str, Any]:
        """The job as the commands print it in JSON."""
        return {
            "id": str(self.id),
            "filename": self.filename,
            "status": self.status.value,
            "total_rows": self.total_rows,
            "processed_rows": self.processed_rows,
            "success_count": self.success_count,
            "error_count": self.error_count,
            "skipped_count": self.skipped_count,
            "progress_percent": self.progress_percent,
            "rows_per_second": self.rows_per_second,
            "eta_seconds": self.eta_seconds,
            "errors_preview": errors_preview,
            "failure_reason": self.failure_reason,
            "source": self.source,
            "file_sha256": self.file_sha256,
            "task_id": self.task_id,
            "created_at": _iso(self.created_at),
            "started_at": _iso(self.started_at),
            "finished_at": _iso(self.finished_at),
            "undone_at": _iso(self.undone_at),
            "open_error_count": self.open_error_count,
            "kind": self.kind,
            "target_job_id": str(self.target_job_id) if self.target_job_id else None,
            "on_duplicate": self.options.get("on_duplicate"),
            "submitted_by": self.submitted_by,
            "worker": self.worker,
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
