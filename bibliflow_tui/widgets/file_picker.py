"""The folder tree and the path line from which files are picked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from rich.text import Text, TextType
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import DirectoryTree
from textual.widgets._directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from bibliflow_tui.text import safe_label, visible
from bibliflow_tui.widgets.safe_input import SafeInput

CSV_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
COMPRESSED_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})


def looks_like_csv(name: str) -> bool:
    """Whether a file name ends like a CSV file, compressed or not. Says nothing about what is in it."""
    path = Path(name.lower())
    return (Path(path.stem) if path.suffix in COMPRESSED_SUFFIXES else path).suffix in CSV_SUFFIXES


def readable(path: Path) -> bool:
    """Whether a file can be read, or a folder entered and listed. Asks the disk: not for the event loop."""
    try:
        return os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK)
    except OSError:  # its folder may be listed but not entered
        return False


class FileTree(DirectoryTree, inherit_bindings=False):
    """Folders first, no dotfiles, files that are not CSV dimmed; several files can be marked."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    ICON_FILE = "▪ "
    ICON_MARKED = "• "

    COMPONENT_CLASSES: ClassVar[set[str]] = {"file-tree--marked", "file-tree--other"}
    DEFAULT_CSS = """
    FileTree {
        background: $background;
        scrollbar-size-vertical: 1;
        & > .file-tree--marked { color: $text-accent; text-style: bold; }
        & > .file-tree--other { color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", tooltip="Mark the file, or take the mark off", id="files.mark"),
        Binding(
            "enter", "choose", "Import", tooltip="Import the marked files, or this one", id="files.import"
        ),
        Binding("h,backspace", "parent", "Parent", tooltip="Show the folder above", id="files.parent"),
        Binding("right,l", "open", "Open", tooltip="Open the folder", id="files.open", show=False),
        Binding("left", "close", "Close", tooltip="Close the folder", id="files.close", show=False),
        Binding("up,k", "cursor_up", "Up", tooltip="To the line above", id="files.up", show=False),
        Binding("down,j", "cursor_down", "Down", tooltip="To the line below", id="files.down", show=False),
        Binding("pageup", "page_up", "Page up", tooltip="One screen up", id="files.page_up", show=False),
        Binding(
            "pagedown", "page_down", "Page down", tooltip="One screen down", id="files.page_down", show=False
        ),
        Binding("home,g", "scroll_home", "First", tooltip="To the first line", id="files.first", show=False),
        Binding("end,G", "scroll_end", "Last", tooltip="To the last line", id="files.last", show=False),
    ]

    @dataclass
    class Loaded(Message):
        """A folder has become the root and is listed."""

        folder: Path
        entries: int

    @dataclass
    class MarksChanged(Message):
        """`tree.marked` has changed."""

        count: int

    @dataclass
    class Chosen(Message):
        """Enter: the marked files, else the one under the cursor."""

        paths: list[Path]

    @dataclass
    class ParentWanted(Message):
        """The folder above is asked for."""

        folder: Path

    def __init__(
        self,
        path: Path,
        *,
        marked: Sequence[Path] = (),
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        # Set first: the base class makes labels while it is constructed.
        self.marked: dict[Path, None] = dict.fromkeys(marked)
        """The marked files, in the order of marking (a dict, for the order)."""
        self._unreadable: set[Path] = set()
        self._came_from: Path | None = marked[0] if marked else None
        super().__init__(path, id=id)
        self.show_root = False
        self.guide_depth = 2

    @property
    def file(self) -> Path | None:
        """The file under the cursor, if it is on one."""
        node = self.cursor_node
        return None if node is None or node.data is None or node.allow_expand else node.data.path

    def show_folder(self, folder: Path) -> None:
        """Make a folder the root; coming up from one of its sub-folders, the cursor stands on that."""
        self._came_from = Path(self.path)
        self.path = folder

    async def watch_path(self) -> None:
        """List the new root, then put the cursor where the user came from."""
        await super().watch_path()
        lines = [node.data.path for node in self.root.children if node.data]
        self.cursor_line = lines.index(self._came_from) if self._came_from in lines else 0
        self.scroll_to_line(self.cursor_line, animate=False)
        self.post_message(self.Loaded(Path(self.path), len(lines)))

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Drop dotfiles and note what cannot be read. The tree runs this in a thread: it may ask the disk."""
        for path in paths:
            if path.name.startswith("."):
                continue
            if not readable(path):
                self._unreadable.add(path)
            else:
                self._unreadable.discard(path)
            yield path

    def process_label(self, label: TextType) -> Text:
        """Names are data. (The base class cuts them at a newline and lets ESC through.)"""
        return safe_label(label) if isinstance(label, str) else label

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """Icon, name, and in words what is wrong with it."""
        if node.data is None or not self.is_mounted:
            return super().render_label(node, base_style, style)
        path = node.data.path
        note = "   not readable" if path in self._unreadable else ""
        if node.allow_expand:
            icon = self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE
            kind, icon_style = "directory-tree--folder", base_style + Style.from_meta({"toggle": True})
        elif path in self.marked:
            icon, kind, icon_style = self.ICON_MARKED, "file-tree--marked", base_style
        else:
            icon, kind, icon_style = self.ICON_FILE, "directory-tree--file", base_style
            if not looks_like_csv(path.name):
                note, kind = note or "   not a CSV", "file-tree--other"
        name_style = self.get_component_rich_style(kind, partial=True) + style
        note_style = self.get_component_rich_style("file-tree--other", partial=True) + style
        name = node.label if isinstance(node.label, Text) else safe_label(node.label)
        return Text.assemble((icon, icon_style), (name.plain, name_style), (note, note_style))

    def _mark(self, node: TreeNode[DirEntry]) -> None:
        if node.data is None or node.allow_expand:
            return
        if node.data.path in self.marked:
            del self.marked[node.data.path]
        else:
            self.marked[node.data.path] = None
        node.refresh()
        self.post_message(self.MarksChanged(len(self.marked)))

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """A click on a file marks it: to import at once would be a surprise."""
        event.stop()
        self._mark(event.node)

    def action_mark(self) -> None:
        """Mark the file under the cursor and go on to the next line, as file managers do."""
        if (node := self.cursor_node) is not None and not node.allow_expand:
            self._mark(node)
            self.cursor_line = min(self.cursor_line + 1, self.last_line)
            self.scroll_to_line(self.cursor_line, animate=False)

    def action_choose(self) -> None:
        """Choose the marked files, else this one; a folder opens or closes."""
        node = self.cursor_node
        if self.marked:
            self.post_message(self.Chosen(list(self.marked)))
        elif node is not None and node.allow_expand:
            node.toggle()
        elif node is not None and node.data is not None:
            self.post_message(self.Chosen([node.data.path]))

    def action_parent(self) -> None:
        """Ask for the folder above."""
        self.post_message(self.ParentWanted(Path(self.path).parent))

    def action_open(self) -> None:
        """Open the folder under the cursor."""
        if self.cursor_node is not None and self.cursor_node.allow_expand:
            self.cursor_node.expand()

    def action_close(self) -> None:
        """Close the folder under the cursor, or go to the one that holds it."""
        node = self.cursor_node
        if node is not None and node.allow_expand and node.is_expanded:
            node.collapse()
        else:
            self.action_cursor_parent()


def expand(value: str, base: Path) -> Path:
    """What the user typed as an absolute path: `~` is a home, anything relative starts at `base`."""
    try:
        typed = Path(value).expanduser()
    except RuntimeError:  # no such user, or a user without a home: then it is a name like any other
        typed = Path(value)
    return Path(os.path.normpath(base / typed))


def complete(value: str, base: Path) -> str | None:
    """The first entry of the folder that goes on as typed, folders with a slash. Reads the disk."""
    head, slash, start = value.rpartition("/")
    folder = expand(head + slash, base) if head + slash else base
    try:
        with os.scandir(folder) as entries:
            fitting = [
                entry
                for entry in entries
                if entry.name.startswith(start)
                and (start.startswith(".") or not entry.name.startswith("."))
                # A name with invisible characters cannot be typed; the tree has it.
                and visible(entry.name) == entry.name
            ]
            first = min(fitting, key=lambda entry: entry.name, default=None)
            return None if first is None else head + slash + first.name + ("/" if first.is_dir() else "")
    except OSError:
        return None


class PathSuggester(Suggester):
    """Completes a path from the disk, relative to a folder that may change."""

    def __init__(self, base: Callable[[], Path]) -> None:
        # Without a cache, since the disk changes; with case, since paths have one.
        super().__init__(use_cache=False, case_sensitive=True)
        self._base = base

    async def get_suggestion(self, value: str) -> str | None:
        """The completed value, or None."""
        return await asyncio.to_thread(complete, value, self._base()) if value else None


class PathInput(SafeInput):
    """A path line: tab accepts the suggestion."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Open", tooltip="Go to the folder, or import the file", id="path.open"),
        Binding("tab", "complete", "Complete", tooltip="Accept the suggested path", id="path.complete"),
    ]

    def action_complete(self) -> None:
        """Accept the suggestion; without one, tab goes on to the next widget as everywhere."""
        before = self.value
        self.action_end()
        self.action_cursor_right()
        if self.value == before:
            self.screen.focus_next()
