"""A line of text that is typed or pasted."""

from __future__ import annotations

from textual.widgets import Input

from bibliflow_tui.text import visible


class SafeInput(Input):
    """What is pasted, or was stored by a stranger, cannot reach the terminal raw."""

    def validate_value(self, value: str) -> str:
        """Input draws its value as it is, ESC included."""
        return visible(value)
