"""What people type, as a pattern."""

from __future__ import annotations


def like(text: str) -> str:
    """A pattern for LIKE that finds ``text`` anywhere, as it is written."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
