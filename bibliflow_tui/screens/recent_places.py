"""Folders to go to: those that files were last taken from, the inbox, the home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.key_line import KeyLine


class RecentPlaces(ModalScreen[Path | None]):
    """A list of folders. Results in the chosen one; None is back."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "recent_places.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Back to the folder as it was", id="places.back"),
    ]

    def __init__(self, places: Sequence[Path]) -> None:
        super().__init__()
        self._places = places

    def compose(self) -> ComposeResult:
        """Title, folders, keys."""
        with Vertical(id="places-box"):
            yield Static(safe_text("Places"), id="places-title")
            yield OptionList(*map(safe_text, self._places), id="places")
        yield KeyLine(show_command_palette=False)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._places[event.option_index])

    def action_back(self) -> None:
        """Leave without a choice."""
        self.dismiss(None)
