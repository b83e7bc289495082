"""The four fields of a book, each with room for what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, Static

from bibliflow_tui.text import safe_text, visible
from bibliflow_tui.widgets.safe_input import SafeInput
from daemon.values import BookField

FIELDS: dict[BookField, str] = {
    "title": "title",
    "author": "author",
    "isbn": "ISBN",
    "publication_year": "year",
}
HIDDEN = "has invisible characters, shown as signs; they stay unless you change this field"


class BookForm(VerticalScroll, can_focus=False):
    """Knows which fields were changed: the others keep their values, whatever characters are in them."""

    DEFAULT_CSS = """
    BookForm {
        height: auto;
        & .book-form-line { height: 1; }
        & .book-form-name { width: 8; color: $text-muted; }
        & SafeInput { width: 1fr; }
        & .book-form-problem { height: auto; min-height: 1; padding-left: 8; }
    }
    """

    def __init__(self, values: Mapping[BookField, str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._values = values

    def compose(self) -> ComposeResult:
        """A line for each field, and one for its problem."""
        for field, name in FIELDS.items():
            with Horizontal(classes="book-form-line"):
                yield Label(name, classes="book-form-name")
                yield SafeInput(self._value(field), compact=True, select_on_focus=False, id=f"edit-{field}")
            yield Static(id=f"problem-{field}", classes="book-form-problem")

    def _value(self, field: BookField) -> str:
        return self._values.get(field, "")

    def load(self, values: Mapping[BookField, str], typed: Mapping[BookField, str]) -> None:
        """Have these values in the fields, and in some of them what was typed; nobody is told."""
        self._values = values
        with self.prevent(Input.Changed):
            for field in FIELDS:
                self._input(field).value = typed.get(field, self._value(field))

    def put(self, field: BookField, text: str) -> None:
        """As if that was typed."""
        self._input(field).value = text

    def typed(self) -> dict[BookField, str]:
        """The fields that were changed. The others may hold characters that the screen cannot."""
        typed = {field: self._input(field).value for field in FIELDS}
        return {field: text for field, text in typed.items() if text != visible(self._value(field))}

    def show(self, problems: Mapping[BookField, Content]) -> None:
        """Show what is wrong; and of a field with which nothing is, what cannot be seen."""
        typed = self.typed()
        for field in FIELDS:
            text, value = problems.get(field, Content("")), self._value(field)
            if field not in problems and field not in typed and visible(value) != value:
                text = safe_text(HIDDEN, "$text-warning")
            self.query_one(f"#problem-{field}", Static).update(text)

    def focus_on(self, field: BookField) -> None:
        """Type there, at the end of what is in it."""
        line = self._input(field)
        line.focus()
        line.cursor_position = len(line.value)

    def _input(self, field: BookField) -> SafeInput:
        return self.query_one(f"#edit-{field}", SafeInput)
