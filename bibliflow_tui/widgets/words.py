"""A few lines that are told again and again, and mostly the same."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Words(Static):
    """Drawn, and laid out, when they change: doing that every second keeps a machine awake."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._told = Content("")

    def tell(self, words: Content) -> None:
        """Show ``words``."""
        if not words.is_same(self._told):
            self._told = words
            self.update(words)
