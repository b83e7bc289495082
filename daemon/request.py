"""What users want of one import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from daemon.values import BookField, Delimiter, DuplicatePolicy


@dataclass(frozen=True, slots=True)
class Request:
    """What one import wants to differ from the settings; None leaves a setting as it is."""

    on_duplicate: DuplicatePolicy | None = None
    max_errors: str | None = None
    """Rejected rows past which the import is stopped: a number, or a percentage such as ``5%``."""
    take_back: bool = False
    """What it brought until then is taken back."""
    corrects: UUID | None = None
    """The file is to hold corrected rows of this job, and nothing else."""
    encoding: str | None = None
    delimiter: Delimiter | None = None
    columns: Sequence[str] | None = None
    mapping: Mapping[BookField, str] | None = None
