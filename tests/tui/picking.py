"""The screen on which files are picked, without a dashboard around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.widgets.file_picker import FileTree, PathInput
from bibliflow_tui.widgets.file_preview import FilePreview, Known
from daemon.request import Request
from daemon.settings import Settings
from tests.hostile import screen_lines
from tests.tui.waiting import wait_until


class PickerApp(App[None]):
    """Opens the screen and keeps what it results in."""

    def __init__(
        self,
        start: Path,
        *,
        known: Known | None = None,
        places: Sequence[Path] = (),
        offered: Sequence[Path] = (),
    ) -> None:
        super().__init__()
        self.picker = AddFiles(start, Settings(), known=known, places=places, offered=offered)
        self.results: list[list[Path] | None] = []
        self.requests: list[Request] = []

    def on_mount(self) -> None:
        self.push_screen(self.picker, self.keep)

    def keep(self, files: list[tuple[Path, Request]] | None) -> None:
        self.results.append(None if files is None else [path for path, _ in files])
        self.requests += [request for _, request in files or ()]

    @property
    def text(self) -> str:
        return "\n".join(screen_lines(self))

    @property
    def files(self) -> FileTree:
        return self.picker.query_one(FileTree)

    @property
    def line(self) -> PathInput:
        return self.picker.query_one(PathInput)

    @property
    def hint(self) -> str:
        return str(self.picker.query_one("#add-files-hint", Static).content)

    @property
    def names(self) -> list[str]:
        return [node.data.path.name for node in self.files.root.children if node.data]

    @property
    def preview(self) -> str:
        """All that the preview says, also what is scrolled out of sight."""
        statics = self.picker.query_one(FilePreview).query(Static)
        return "\n".join(str(static.content) for static in statics)


async def loaded(pilot: Pilot[None], app: PickerApp, text: str) -> None:
    await wait_until(pilot, lambda: isinstance(app.screen, AddFiles) and text in app.text)
