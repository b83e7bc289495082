"""Which of a job's row errors are meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from daemon.catalog.text_search import like


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Which of the errors."""

    code: str | None = None
    """Those with this code among their problems."""
    text: str = ""
    """Those with this in message or record, without regard to case."""
    ids: tuple[UUID, ...] = ()
    """Those with these ids; none means all."""
    is_suggested: bool = False
    """Those every problem of which has a suggestion."""
    with_resolved: bool = False
    """Also those whose rows were brought in since."""

    @property
    def conditions(self) -> str:
        """In SQL, for :meth:`parameters`."""
        found = "import_job_id = %(job)s"
        if not self.with_resolved:
            found += " AND resolved_at IS NULL"
        if self.code:
            found += " AND problems @> %(code)s"
        if self.text:
            found += " AND (error_message ILIKE %(text)s OR raw_data ILIKE %(text)s)"
        if self.ids:
            found += " AND id = ANY(%(ids)s)"
        if self.is_suggested:
            found += " AND NOT jsonb_path_exists(problems, '$[*] ? (@.suggestion == null)')"
        return found

    def parameters(self, job_id: UUID) -> dict[str, Any]:
        """Values for them."""
        return {
            "job": job_id,
            "code": Jsonb([{"code": self.code}]),
            "text": like(self.text),
            "ids": list(self.ids),
        }


OPEN = ErrorFilter()
"""All that are open."""
