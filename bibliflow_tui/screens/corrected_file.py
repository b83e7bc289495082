"""Choose a file of rejected rows that was corrected."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bibliflow_tui.key_names import key_of
from bibliflow_tui.text import safe_text, visible
from bibliflow_tui.widgets.file_picker import PathInput, PathSuggester, expand, readable
from bibliflow_tui.widgets.key_line import KeyLine
from daemon.catalog.job import Job
from daemon.inbox import names


def _found(folder: Path, job: Job) -> Path:
    """Where the rows of ``job`` were written to, if that is in ``folder``. Asks the disk."""
    last = folder
    for name in names.numbered(names.of_errors(os.fsencode(Path(job.filename).name or "list.csv"))):
        path = folder / os.fsdecode(name)
        if not path.exists():
            return last
        last = path
    return last


class CorrectedFile(ModalScreen[Path | None]):
    """A path. Results in it when there is such a file; None is back."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "corrected_file.tcss"
    AUTO_FOCUS = "PathInput"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Back without importing", id="corrected.back"),
    ]

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._folder = Path.cwd()
        self._written = ("", self._folder)
        """What the line was given, and the path it stands for: visible names cannot be turned back."""

    def compose(self) -> ComposeResult:
        """Question, path, keys."""
        with Vertical(id="corrected-box"):
            yield Static(
                safe_text(f"Corrected rows of {self._job.filename}", limit=200), id="corrected-title"
            )
            yield PathInput(
                compact=True,
                select_on_focus=False,
                placeholder="/path/to/list.errors.csv",
                suggester=PathSuggester(lambda: self._folder),
                id="corrected-path",
            )
            complete, take = key_of(self.app, "path.complete"), key_of(self.app, "path.open")
            hint = f"{complete} completes, {take} imports its rows. Rows that do not pass stay in error."
            yield Static(safe_text(hint), id="corrected-hint")
        yield KeyLine(show_command_palette=False)

    @work(group="corrected-find", exit_on_error=False)
    async def on_mount(self) -> None:
        """Offer the file that was exported here."""
        path = await asyncio.to_thread(_found, self._folder, self._job)
        line = self.query_one(PathInput)
        if line.value:
            return  # the user was faster
        text = visible(path) if path != self._folder else visible(path) + os.sep
        self._written = (text, path)
        line.value = text
        line.cursor_position = len(text)

    @on(Input.Submitted)
    def _use(self, event: Input.Submitted) -> None:
        text, path = self._written
        self._take(path if event.value == text else expand(event.value, self._folder))

    @work(group="corrected-take", exclusive=True, exit_on_error=False)
    async def _take(self, path: Path) -> None:
        """Leave with a file that can be read."""
        if await asyncio.to_thread(_is_file, path):
            self.dismiss(path)
        else:
            self.query_one("#corrected-hint", Static).update(
                safe_text(f"✗ {path} is not a file that can be read", "$text-error")
            )

    def action_back(self) -> None:
        """Leave without a result."""
        self.dismiss(None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file() and readable(path)
    except (OSError, ValueError):
        return False
