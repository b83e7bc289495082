"""Pick files to import."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Collection, Iterable, Sequence
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

from bibliflow_tui.key_names import key_of
from bibliflow_tui.live import DatabaseChanged
from bibliflow_tui.screens.reading_options import ReadingOptions
from bibliflow_tui.screens.recent_places import RecentPlaces
from bibliflow_tui.text import safe_text, visible
from bibliflow_tui.widgets.file_picker import FileTree, PathInput, PathSuggester, expand, readable
from bibliflow_tui.widgets.file_preview import FilePreview, Known
from bibliflow_tui.widgets.key_line import KeyLine
from daemon.request import Request
from daemon.settings import Settings
from daemon.values import DuplicatePolicy

POLICIES: tuple[DuplicatePolicy, ...] = get_args(DuplicatePolicy)

OFF_THE_MARKS = "Put the cursor on a marked file: its columns are offered for all of them."


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
            "e",
            "change_reading",
            "Reading",
            tooltip="Change how the file, or all marked ones, are read",
            id="add_files.reading",
        ),
        Binding(
            "d",
            "cycle_duplicates",
            "Duplicates",
            tooltip="What to do with rows whose ISBN is there already, in this file or all marked ones",
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
            up, line = key_of(self.app, "files.parent"), key_of(self.app, "add_files.path")
            words = f"Nothing to see in this folder. {up} shows the one above, {line} types a path."
            self._hint(safe_text(words))
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
        self._show_policy()
        self.refresh_bindings()

    @property
    def _targets(self) -> list[Path]:
        """The files that a choice is for: the marked ones, or else the one under the cursor."""
        marked = [path for tree in self.query(FileTree) for path in tree.marked]
        return marked or ([self._previewed] if self._previewed is not None else [])

    def _show_policy(self) -> None:
        policies = dict.fromkeys(map(self._policy, self._targets))
        files = f" of {_files(self._targets)}" if self.query_one(FileTree).marked else ""
        key = key_of(self.app, "add_files.duplicates")
        words = f"{key} Duplicates{files}: {'/'.join(policies)}" if policies else ""
        self.query_one("#add-files-duplicates", Static).update(safe_text(words))

    def _policy(self, path: Path) -> DuplicatePolicy:
        return self._request(path).on_duplicate or self._settings.importing.on_duplicate

    @on(DatabaseChanged)
    def _ask_catalogue(self, event: DatabaseChanged) -> None:
        if event.error is None:
            self.query_one(FilePreview).show_again()

    @on(FileTree.MarksChanged)
    def _show_marks(self) -> None:
        marked = self.query_one(FileTree).marked
        if marked:
            self._hint(safe_text(f"• {_files(marked)} marked", "$text-accent"))
        else:
            mark, take = key_of(self.app, "files.mark"), key_of(self.app, "files.import")
            self._hint(safe_text(f"{mark} marks several files, {take} imports them."))
        self._show_policy()
        self.refresh_bindings()

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
        self.set_focus(self.query_one(FileTree))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a path is typed its letters are letters, so the footer does not offer what they do else."""
        is_ready = {"change_reading": self._previewed is not None, "cycle_duplicates": bool(self._targets)}
        if not is_ready.get(action, True):
            return None
        return action == "back" or not isinstance(self.focused, PathInput)

    def action_type_path(self) -> None:
        """Focus the path line."""
        self.set_focus(self.query_one(PathInput))

    @work(group="add-files-reading", exclusive=True, exit_on_error=False)
    async def action_change_reading(self) -> None:
        """Let the user say how the files are to be read, and preview the one under the cursor so."""
        shown, targets = self.query_one(FilePreview).shown, self._targets
        if shown is None:
            return
        if shown.path not in targets:
            self._hint(safe_text(OFF_THE_MARKS))
            return
        others = len(targets) - 1
        options = ReadingOptions(shown, self._request(shown.path), self._settings.importing, others)
        request = await self.app.push_screen_wait(options)
        if request is not None:
            self._requests |= dict.fromkeys(targets, request)
            self._preview(shown.path)
            if others:
                self._hint(safe_text(f"Chosen for {_files(targets)}; see each in the preview."))

    def action_cycle_duplicates(self) -> None:
        """Take the next policy for the marked files, or else for the one under the cursor."""
        targets = self._targets
        if not targets:
            return
        following = POLICIES[(POLICIES.index(self._policy(targets[0])) + 1) % len(POLICIES)]
        for path in targets:
            self._requests[path] = replace(self._request(path), on_duplicate=following)
        self._show_policy()
        if self._previewed in targets:
            self.query_one(FilePreview).show_policy(self._request(self._previewed))

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


def _files(paths: Collection[Path]) -> str:
    return f"{len(paths):,} file{'s' * (len(paths) > 1)}"
