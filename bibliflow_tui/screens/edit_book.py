"""Correct one book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from bibliflow_tui.text import safe_text, visible
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.safe_input import SafeInput
from daemon import book_actions
from daemon.book_actions import EditError, GoneError
from daemon.catalog.books import Book
from daemon.catalog.roles import RoleError
from daemon.catalog.row_errors import Problem
from daemon.settings import BookField

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

FIELDS: dict[BookField, str] = {
    "title": "title",
    "author": "author",
    "isbn": "ISBN",
    "publication_year": "year",
}
LONGEST_PROBLEM = 200
HIDDEN = "has invisible characters, shown as signs; they stay unless you change this field"


@dataclass
class Saved(Message):
    """The book as it is now; None if it was not changed, for these reasons."""

    book: Book | None
    problems: Sequence[Problem] = ()
    reason: str = ""


class EditBook(ModalScreen[Book | None]):
    """Four fields, each with what is wrong with it. Results in the changed book; None is back."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "edit_book.tcss"
    AUTO_FOCUS = "SafeInput"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", tooltip="Save the fields that you changed", id="edit_book.save"),
        Binding("escape", "back", "Back", tooltip="Back, changing nothing", id="edit_book.back"),
    ]

    def __init__(self, book: Book) -> None:
        super().__init__()
        self._book = book
        self._is_saving = False

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Title, fields and their problems, keys."""
        yield Static("Edit a book", id="edit-book-title")
        with VerticalScroll(can_focus=False):
            for field, name in FIELDS.items():
                with Horizontal(classes="edit-book-line"):
                    yield Label(name, classes="edit-book-name")
                    yield SafeInput(
                        self._stored(field), compact=True, select_on_focus=False, id=f"edit-{field}"
                    )
                yield Static(id=f"problem-{field}", classes="edit-book-problem")
        yield KeyLine(show_command_palette=False)

    def on_mount(self) -> None:
        """Say what cannot be seen."""
        self._show([])

    def _stored(self, field: BookField) -> str:
        value = getattr(self._book, field)
        return "" if value is None else str(value)

    def _typed(self) -> dict[BookField, str]:
        """The fields that were changed. The others may hold characters that the screen cannot."""
        typed = {field: self.query_one(f"#edit-{field}", Input).value for field in FIELDS}
        return {field: value for field, value in typed.items() if value != visible(self._stored(field))}

    def _problems(self) -> Sequence[Problem]:
        checked = book_actions.check(self._book, self._typed(), self.dashboard.settings.importing.isbn_check)
        return checked if isinstance(checked, list) else []

    def _show(self, problems: Sequence[Problem]) -> None:
        messages = {problem.field: problem.message for problem in problems}
        typed = self._typed()
        for field in FIELDS:
            stored, text = self._stored(field), Content("")
            if field in messages:
                text = safe_text(f"✗ {messages[field]}", "$text-error", limit=LONGEST_PROBLEM)
            elif field not in typed and visible(stored) != stored:
                text = safe_text(HIDDEN, "$text-warning")
            self.query_one(f"#problem-{field}", Static).update(text)

    @on(Input.Changed)
    def _check(self) -> None:
        self._show(self._problems())

    @on(Input.Submitted)
    def _go_on(self) -> None:
        self.focus_next(SafeInput)

    def action_save(self) -> None:
        """Save, unless something is wrong."""
        typed = self._typed()
        if problems := self._problems():
            self._show(problems)
        elif not typed:
            self.dismiss(None)
        elif not self._is_saving:
            self._is_saving = True
            self._save(typed)

    @work(thread=True, group="edit-book", exit_on_error=False)
    def _save(self, typed: dict[BookField, str]) -> None:
        isbn_check = self.dashboard.settings.importing.isbn_check
        try:
            edited = self.dashboard.ask(
                lambda connection: book_actions.edit(connection, self._book, typed, isbn_check)
            )
        except EditError as error:
            self.post_message(Saved(None, problems=error.problems))
        except (GoneError, RoleError) as error:
            self.post_message(Saved(None, reason=str(error)))
        else:
            self.post_message(
                Saved(edited, reason="" if edited else "The database is out of reach; not saved")
            )

    @on(Saved)
    def _end(self, event: Saved) -> None:
        self._is_saving = False
        if event.reason:
            self.dashboard.toast(event.reason, "error")
        if event.problems:
            self._show(event.problems)
        elif event.book is not None:
            self.dismiss(event.book)

    def action_back(self) -> None:
        """Leave without a result."""
        self.dismiss(None)
