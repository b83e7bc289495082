"""Pick files to import."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, get_args

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static, Tree

from bibliflow_tui.live import DatabaseChanged
from bibliflow_tui.screens.reading_options import ReadingOptions
from bibliflow_tui.screens.recent_places import RecentPlaces
from bibliflow_tui.text import safe_text, visible
from bibliflow_tui.widgets.file_picker import FileTree, PathInput, PathSuggester, expand, readable
from bibliflow_tui.widgets.file_preview import FilePreview, Known
from bibliflow_tui.widgets.key_line import KeyLine
from daemon.intake import Request
from daemon.settings import DuplicatePolicy, Settings

POLICIES: tuple[DuplicatePolicy, ...] = get_args(DuplicatePolicy)

OF_A_FILE = frozenset({"change_reading", "cycle_duplicates"})
"""Actions that need a file under the cursor."""


def _look(path: Path) -> str:
    """Asks the disk: "folder", "file", or what stands in the way of using the path, to be shown after it."""
    try:
        kind = "folder" if stat.S_ISDIR(path.stat().st_mode) else "file"
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    return kind if readable(path) else "is not readable"


class AddFiles(ModalScreen[list[tuple[Path, Request]] | None]):
    """A path line above a folder tree, and beside it what the file under the cursor would bring.

    Results in absolute paths in the order of marking, each with what its import is to want; None is back.
    """

    # Absolute, so that a subclass in another folder finds it too.
    CSS_PATH = Path(__file__).parent.parent / "styles" / "add_files.tcss"
    AUTO_FOCUS = "FileTree"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "type_path", "Path", tooltip="Type a path", id="add_files.path"),
        Binding(
            "e", "change_reading", "Reading", tooltip="Change how the file is read", id="add_files.reading"
        ),
        Binding(
            "d",
            "cycle_duplicates",
            "Duplicates",
            tooltip="What to do with rows whose ISBN is there already: report, skip, update",
            id="add_files.duplicates",
            show=False,  # the line of hints has it
        ),
        Binding("p", "show_places", "Places", tooltip="Folders used lately", id="add_files.places"),
        Binding(
            "shift+down,J",
            "scroll_preview(1)",
            "Preview down",
            tooltip="More of the first rows",
            id="add_files.preview_down",
            show=False,
        ),
        Binding(
            "shift+up,K",
            "scroll_preview(-1)",
            "Preview up",
            tooltip="Back to the rows above",
            id="add_files.preview_up",
            show=False,
        ),
        Binding("escape", "back", "Back", tooltip="Back without importing", id="add_files.back"),
    ]
    # Textual declares them as variables of instances, so ClassVar will not do.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012

    def __init__(
        self,
        start: Path,
        settings: Settings,
        *,
        known: Known | None = None,
        places: Sequence[Path] = (),
        offered: Sequence[Path] = (),
    ) -> None:
        """``places`` are folders to go to; ``offered`` are files that are marked from the beginning."""
        super().__init__()
        self._settings = settings
        self._known = known
        self._places = places
        self._offered = offered
        self._requests: dict[Path, Request] = {}
        self._previewed: Path | None = None
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
        with Horizontal(id="add-files-body"):
            yield FileTree(self._folder, marked=self._offered, id="add-files-tree")
            yield FilePreview(self._settings, self._known, id="add-files-preview")
        with Horizontal(id="add-files-bottom"):
            yield Static(id="add-files-hint")
            yield Static(id="add-files-duplicates")
        yield KeyLine(show_command_palette=False)

    def _hint(self, text: Content) -> None:
        self.query_one("#add-files-hint", Static).update(text)

    @work(group="add-files-open", exclusive=True, exit_on_error=False)
    async def _open(self, path: Path) -> None:
        """Go to a folder or take a file. The disk is asked in a thread; a later request cancels this one."""
        found = await asyncio.to_thread(_look, path)
        tree = self.query_one(FileTree)
        if found == "file":
            self._leave_with({**tree.marked, path: None})
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
        self._follow_cursor()

    @on(Tree.NodeHighlighted)
    def _follow_cursor(self) -> None:
        """Preview the file under the cursor."""
        path = self.query_one(FileTree).file
        if path != self._previewed:
            self._preview(path)

    def _preview(self, path: Path | None) -> None:
        self._previewed = path
        request = Request() if path is None else self._request(path)
        self.query_one(FilePreview).show(path, request)
        self._show_policy(request)
        self.refresh_bindings()

    def _show_policy(self, request: Request) -> None:
        words = "" if self._previewed is None else f"d Duplicates: {self._policy(request)}"
        self.query_one("#add-files-duplicates", Static).update(safe_text(words))

    def _policy(self, request: Request) -> DuplicatePolicy:
        return request.on_duplicate or self._settings.importing.on_duplicate

    @on(DatabaseChanged)
    def _ask_catalogue(self, event: DatabaseChanged) -> None:
        if event.error is None:
            self.query_one(FilePreview).show_again()

    @on(FileTree.MarksChanged)
    def _show_marks(self) -> None:
        count = len(self.query_one(FileTree).marked)
        if count:
            self._hint(safe_text(f"• {count:,} file{'s' * (count > 1)} marked", "$text-accent"))
        else:
            self._hint(safe_text("Space marks several files, Enter imports them."))

    @on(FileTree.Chosen)
    def _take(self, event: FileTree.Chosen) -> None:
        self._leave_with(event.paths)

    def _leave_with(self, paths: Iterable[Path]) -> None:
        self.dismiss([(path, self._request(path)) for path in paths])

    def _request(self, path: Path) -> Request:
        return self._requests.get(path, Request())

    @on(FileTree.ParentWanted)
    def _show_parent(self, event: FileTree.ParentWanted) -> None:
        self._open(event.folder)

    @on(Input.Submitted)
    def _use_path(self, event: Input.Submitted) -> None:
        text, path = self._written
        self._open(path if event.value == text else expand(event.value, self._folder))
        self.query_one(FileTree).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a path is typed its letters are letters, so the footer does not offer what they do else."""
        if action in OF_A_FILE and self._previewed is None:
            return None
        return action == "back" or not isinstance(self.focused, PathInput)

    def action_type_path(self) -> None:
        """Focus the path line."""
        self.query_one(PathInput).focus()

    @work(group="add-files-reading", exclusive=True, exit_on_error=False)
    async def action_change_reading(self) -> None:
        """Let the user say how the file is to be read, and preview it so."""
        shown = self.query_one(FilePreview).shown
        if shown is None:
            return
        options = ReadingOptions(shown, self._request(shown.path), self._settings.importing)
        request = await self.app.push_screen_wait(options)
        if request is not None:
            self._requests[shown.path] = request
            self._preview(shown.path)

    def action_cycle_duplicates(self) -> None:
        """Take the next policy for the file under the cursor."""
        if (path := self._previewed) is not None:
            request = self._request(path)
            following = (POLICIES.index(self._policy(request)) + 1) % len(POLICIES)
            self._requests[path] = replace(request, on_duplicate=POLICIES[following])
            self._show_policy(self._requests[path])
            self.query_one(FilePreview).show_policy(self._requests[path])

    @work(group="add-files-places", exclusive=True, exit_on_error=False)
    async def action_show_places(self) -> None:
        """Go to a folder that was used lately."""
        place = await self.app.push_screen_wait(RecentPlaces(self._places))
        if place is not None:
            self._open(place)

    def action_scroll_preview(self, pages: int) -> None:
        """More of the first rows."""
        self.query_one(FilePreview).scroll_rows(pages)

    def action_back(self) -> None:
        """Leave without a result."""
        self.dismiss(None)
