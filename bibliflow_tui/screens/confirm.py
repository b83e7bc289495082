"""A question before something is destroyed."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bibliflow_tui.key_names import key_of, keys_of


class ConfirmScreen(ModalScreen[bool]):
    """Results in True for yes; everything else is no."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", tooltip="Do it", id="confirm.yes"),
        Binding("n,escape,enter", "answer(False)", "No", tooltip="Leave all as it is", id="confirm.no"),
    ]

    def __init__(self, question: Content) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and the keys that answer it."""
        yes, (no, *others) = key_of(self.app, "confirm.yes"), keys_of(self.app, "confirm.no")
        also = f" (also {', '.join(sorted(others))})" if others else ""
        keys = Content.assemble((yes, "bold"), " yes   ", (no, "bold"), f" no{also}")
        with Vertical(id="confirm-box"):
            yield Static(self._question, id="confirm-question")
            yield Static(keys, id="confirm-keys")

    def action_answer(self, answer: bool) -> None:
        """Go back with it."""
        self.dismiss(answer)
