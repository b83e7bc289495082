"""What is done to many rows at once."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Checkbox, Label

from bibliflow_tui.widgets.book_form import FIELDS
from bibliflow_tui.widgets.safe_input import SafeInput
from daemon.values import BookField

WAYS = {"put": "set to", "prefixes": "take off in front", "suffixes": "take off behind"}
"""The columns, by their names in :class:`~daemon.importing.bulk.BulkRepair`."""

ON, OFF = "✓", " "

YEAR: BookField = "publication_year"


class Choice(Checkbox):
    """A box that has a tick or has none; Textual tells the two apart by colour only."""

    def render(self) -> Content:
        """Box and label."""
        self.BUTTON_INNER = ON if self.value else OFF
        return super().render()


class BulkForm(Vertical):
    """Two choices, and for each field what it is to be or what comes off it. Empty lines change nothing."""

    DEFAULT_CSS = """
    BulkForm {
        height: auto;
        & > Horizontal { height: 1; }
        & Checkbox { width: auto; margin-right: 3; }
        & .bulk-form-name { width: 8; color: $text-muted; }
        & .bulk-form-way { width: 1fr; color: $text-muted; }
        & SafeInput { width: 1fr; margin-right: 1; }
    }
    """

    def __init__(self, *, suggestions: bool) -> None:
        super().__init__()
        self._suggestions = suggestions

    def compose(self) -> ComposeResult:
        """Choices; names of the columns; a line for each field."""
        with Horizontal():
            yield Choice("use suggestions", self._suggestions, compact=True, id="bulk-suggestions")
            yield Choice("leave the year empty", compact=True, id="bulk-no-year")
        with Horizontal():
            yield Label(classes="bulk-form-name")
            for words in WAYS.values():
                yield Label(words, classes="bulk-form-way")
        for field, name in FIELDS.items():
            with Horizontal():
                yield Label(name, classes="bulk-form-name")
                for way in WAYS:
                    yield SafeInput(compact=True, select_on_focus=False, id=f"bulk-{way}-{field}")

    def asked(self) -> dict[str, Any]:
        """What is to be done, by the names of :class:`~daemon.importing.bulk.BulkRepair`."""
        asked: dict[str, Any] = {
            way: {
                field: text
                for field in FIELDS
                if (text := self.query_one(f"#bulk-{way}-{field}", SafeInput).value)
            }
            for way in WAYS
        }
        if self.query_one("#bulk-no-year", Checkbox).value:
            asked["put"][YEAR] = ""
        return asked | {"suggestions": self.query_one("#bulk-suggestions", Checkbox).value}
