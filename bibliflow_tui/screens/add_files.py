"""Pick files to import."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, Static

from bibliflow_tui.text import safe_text, visible
from bibliflow_tui.widgets.file_picker import FileTree, PathInput, PathSuggester, expand, readable


def _look(path: Path) -> str:
    """Asks the disk: "folder", "file", or what stands in the way of using the path, to be shown after it."""
    try:
        kind = "folder" if stat.S_ISDIR(path.stat().st_mode) else "file"
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    return kind if readable(path) else "is not readable"


class AddFiles(ModalScreen[list[Path] | None]):
    """A path line above a folder tree. Results in absolute paths in the order of marking; None is back."""

    # Absolute, so that a subclass in another folder finds it too.
    CSS_PATH = Path(__file__).parent.parent / "styles" / "add_files.tcss"
    AUTO_FOCUS = "FileTree"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "type_path", "Path", tooltip="Type a path", id="add_files.path"),
        Binding("escape", "back", "Back", tooltip="Back without importing", id="add_files.back"),
    ]

    def __init__(self, start: Path) -> None:
        super().__init__()
        self._folder = expand(str(start), Path.cwd())
        self._written = (visible(self._folder), self._folder)
        """What the path line was given, and the path it stands for: visible names cannot be turned back."""

    def compose(self) -> ComposeResult:
        """Title and path, tree, what is marked, keys."""
        with Horizontal(id="add-files-top"):
            yield Label("Add files", id="add-files-title")
            yield PathInput(
                self._written[0],
                compact=True,
                select_on_focus=False,
                placeholder="/path/to/books.csv",
                suggester=PathSuggester(lambda: self._folder),
                id="add-files-path",
            )
        yield FileTree(self._folder, id="add-files-tree")
        yield Static(id="add-files-hint")
        yield Footer(show_command_palette=False)

    def _hint(self, text: Content) -> None:
        self.query_one("#add-files-hint", Static).update(text)

    @work(group="add-files-open", exclusive=True, exit_on_error=False)
    async def _open(self, path: Path) -> None:
        """Go to a folder or take a file. The disk is asked in a thread; a later request cancels this one."""
        found = await asyncio.to_thread(_look, path)
        tree = self.query_one(FileTree)
        if found == "file":
            self.dismiss(list({**tree.marked, path: None}))
        elif found == "folder":
            tree.show_folder(path)
        else:
            self._hint(safe_text(f"✗ {path} {found}", "$text-error"))

    @work(group="add-files-empty", exclusive=True, exit_on_error=False)
    async def _explain_empty(self, folder: Path) -> None:
        """The tree shows the same nothing for an empty folder and for one that cannot be listed."""
        found = await asyncio.to_thread(_look, folder)
        if found == "folder":
            self._hint(safe_text("Nothing to see in this folder. h shows the one above, / types a path."))
        else:
            self._hint(safe_text(f"✗ {folder} {found}", "$text-error"))

    @on(FileTree.Loaded)
    def _show_folder(self, event: FileTree.Loaded) -> None:
        self._folder = event.folder
        self._written = (visible(event.folder), event.folder)
        line = self.query_one(PathInput)
        line.value = self._written[0]
        line.cursor_position = len(line.value)
        if event.entries:
            self._show_marks()
        else:
            self._explain_empty(event.folder)

    @on(FileTree.MarksChanged)
    def _show_marks(self) -> None:
        count = len(self.query_one(FileTree).marked)
        if count:
            self._hint(safe_text(f"• {count:,} file{'s' * (count > 1)} marked", "$text-accent"))
        else:
            self._hint(safe_text("Space marks several files, Enter imports them."))

    @on(FileTree.Chosen)
    def _take(self, event: FileTree.Chosen) -> None:
        self.dismiss(event.paths)

    @on(FileTree.ParentWanted)
    def _show_parent(self, event: FileTree.ParentWanted) -> None:
        self._open(event.folder)

    @on(Input.Submitted)
    def _use_path(self, event: Input.Submitted) -> None:
        text, path = self._written
        self._open(path if event.value == text else expand(event.value, self._folder))
        self.query_one(FileTree).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a path is typed, the slash is a slash, so the footer does not offer it."""
        return action != "type_path" or not isinstance(self.focused, PathInput)

    def action_type_path(self) -> None:
        """Focus the path line."""
        self.query_one(PathInput).focus()

    def action_back(self) -> None:
        """Leave without a result."""
        self.dismiss(None)
