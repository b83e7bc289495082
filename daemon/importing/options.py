"""How one import wants its file read and stored."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from daemon.values import BookField, Delimiter, DuplicatePolicy, Encoding, IsbnCheck, MaxErrors


class ImportOptions(BaseModel):
    """What a job was asked for; kept in ``import_jobs.options``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_duplicate: DuplicatePolicy = "error"
    max_errors: MaxErrors = ""
    take_back: bool = False
    """What it brought until then is taken back."""
    corrects: UUID | None = None
    """The file is to hold corrected rows of this job, and nothing else."""
    isbn_check: IsbnCheck = "format"
    encoding: Encoding | None = None
    """None finds out."""
    delimiter: Delimiter | None = None
    """None finds out."""
    columns: tuple[str, ...] | None = None
    """Names of the columns of a file without header."""
    chosen_columns: dict[BookField, str] = {}
    """Columns named for this import; they must be there."""
    preferred_columns: dict[BookField, str] = {}
    """Columns named in the configuration; taken where a file has them."""
