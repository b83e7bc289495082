"""Correct one book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bibliflow_tui.live import AWAY
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.book_form import FIELDS, BookForm
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.safe_input import SafeInput
from daemon import book_actions
from daemon.book_actions import EditError, GoneError
from daemon.catalog.books import Book
from daemon.catalog.roles import RoleError
from daemon.catalog.row_errors import Problem
from daemon.values import BookField

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

LONGEST_PROBLEM = 200


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
        yield BookForm({field: self._stored(field) for field in FIELDS})
        yield KeyLine(show_command_palette=False)

    def on_mount(self) -> None:
        """Say what cannot be seen."""
        self._show([])

    def _stored(self, field: BookField) -> str:
        value = getattr(self._book, field)
        return "" if value is None else str(value)

    @property
    def _form(self) -> BookForm:
        return self.query_one(BookForm)

    def _problems(self) -> Sequence[Problem]:
        checked = book_actions.check(
            self._book, self._form.typed(), self.dashboard.settings.importing.isbn_check
        )
        return checked if isinstance(checked, list) else []

    def _show(self, problems: Sequence[Problem]) -> None:
        messages = {
            problem.field: safe_text(f"✗ {problem.message}", "$text-error", limit=LONGEST_PROBLEM)
            for problem in problems
            if problem.field
        }
        self._form.show(messages)

    @on(Input.Changed)
    def _check(self) -> None:
        self._show(self._problems())

    @on(Input.Submitted)
    def _go_on(self) -> None:
        self.focus_next(SafeInput)

    def action_save(self) -> None:
        """Save, unless something is wrong."""
        typed = self._form.typed()
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
                Saved(edited, reason="" if edited else f"{AWAY}; see when it is back whether it is saved")
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
