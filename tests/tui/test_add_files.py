from __future__ import annotations

import os
from pathlib import Path

import pytest

from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.reading_options import ReadingOptions
from bibliflow_tui.screens.recent_places import RecentPlaces
from bibliflow_tui.widgets.file_picker import FileTree, PathInput, complete, expand, looks_like_csv
from tests.hostile import screen_lines
from tests.tui.picking import PickerApp, loaded
from tests.tui.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    exports = tmp_path / "exports"
    (exports / "2025" / "deep").mkdir(parents=True)
    for name in ("shop.csv", "books.tsv", "Old list.xls", "dump.csv.gz", ".hidden.csv", "2025/spring.csv"):
        (exports / name).write_text("title,author,isbn\n")
    return exports


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", True), ("A.CSV", True), ("a.tsv", True), ("a.txt", True), ("a.csv.gz", True),
        ("a.zip", False), ("a.xls", False), ("csv", False), ("a.csv.bak", False), ("", False),
    ],
)  # fmt: skip
def test_looks_like_csv(name: str, expected: bool) -> None:
    assert looks_like_csv(name) is expected


async def test_folders_first_no_dotfiles_and_others_are_noted(folder: Path) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        assert app.names == ["2025", "books.tsv", "dump.csv.gz", "Old list.xls", "shop.csv"]
        assert "▸ 2025" in app.text
        assert "▪ Old list.xls   not a CSV" in app.text
        assert app.text.count("not a CSV") == 1
        assert app.line.value == str(folder)


async def test_enter_takes_the_file_under_the_cursor(folder: Path) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        await pilot.press("end", "enter")
        await wait_until(pilot, lambda: app.results)
        assert app.results == [[folder / "shop.csv"]]


async def test_marking_several_files(folder: Path) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        await pilot.press("space")  # a folder takes no mark
        assert not app.files.marked
        await pilot.press("enter")
        await loaded(pilot, app, "spring.csv")
        await pilot.press("j", "j", "space")
        await wait_until(pilot, lambda: app.hint == "• 1 file marked")
        assert "• spring.csv" in app.text
        await pilot.press("space", "k", "space", "space")
        await pilot.press("end", "space")
        await wait_until(pilot, lambda: "shop.csv" in [path.name for path in app.files.marked])
        marked = list(app.files.marked)
        await wait_until(pilot, lambda: app.hint == f"• {len(marked)} files marked")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.results)
        assert app.results == [marked]
        assert marked[0] == folder / "2025" / "spring.csv"
        assert all(path.is_absolute() and path.is_file() for path in marked)


async def test_a_click_marks_and_takes_the_mark_off(folder: Path) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        row = next(y for y, line in enumerate(screen_lines(app)) if "books.tsv" in line)
        await pilot.click(offset=(5, row))
        await wait_until(pilot, lambda: app.files.marked)
        await pilot.click(offset=(5, row))
        await wait_until(pilot, lambda: not app.files.marked)
        assert not app.results


@pytest.mark.parametrize("key", ["h", "backspace"])
async def test_parent_puts_the_cursor_on_where_one_came_from(folder: Path, key: str) -> None:
    (folder.parent / "another").mkdir()
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        await pilot.press(key)
        await wait_until(pilot, lambda: app.names == ["another", "exports"])
        await wait_until(pilot, lambda: app.line.value == str(folder.parent))
        assert app.files.cursor_node is not None
        assert app.files.cursor_node.data is not None
        assert app.files.cursor_node.data.path == folder
        for _ in folder.parents:
            await pilot.press(key)
        await wait_until(pilot, lambda: app.line.value == "/")


async def test_opening_and_closing_folders(folder: Path) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        await pilot.press("left", "right")
        await loaded(pilot, app, "spring.csv")
        await pilot.press("down", "left", "left")
        await wait_until(pilot, lambda: "spring.csv" not in app.text)
        await pilot.press("left", "left", "end", "down", "home", "up")
        assert app.is_running


async def test_escape_goes_back(folder: Path) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        await pilot.press("slash", "escape")
        await wait_until(pilot, lambda: app.results)
        assert app.results == [None]


async def test_typing_a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    app = PickerApp(folder.parent)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "exports")
        await pilot.press("slash", "ctrl+u", *"~/20")
        await wait_until(pilot, lambda: "~/2025/" in app.text)  # suggested
        await pilot.press("tab")
        assert app.line.value == "~/2025/"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.names == ["deep", "spring.csv"])
        assert app.focused is app.files
        await wait_until(pilot, lambda: app.line.value == str(folder / "2025"))
        await pilot.press("slash", "ctrl+u", *"nowhere.csv", "enter")
        await wait_until(pilot, lambda: "nowhere.csv cannot be opened: No such file" in app.hint)
        await pilot.press("slash", "ctrl+u", *"../shop.csv", "enter")
        await wait_until(pilot, lambda: app.results)
        assert app.results == [[folder / "shop.csv"]]


async def test_tab_without_a_suggestion_goes_on(folder: Path) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        await pilot.press("slash", *"zzz", "tab")
        await wait_until(pilot, lambda: app.focused is app.files)


def test_complete(folder: Path) -> None:
    assert complete("sh", folder) == "shop.csv"
    assert complete("20", folder) == "2025/"
    assert complete(f"{folder}/2025/s", Path("/")) == f"{folder}/2025/spring.csv"
    assert complete(".h", folder) == ".hidden.csv"
    assert complete("h", folder) is None
    assert complete("no/such/folder", folder) is None
    (folder / "x\x1b[2J.csv").touch()
    assert complete("x", folder) is None


def test_expand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert expand("~/a.csv", Path("/b")) == Path("/home/ann/a.csv")
    assert expand("../a.csv", Path("/b/c")) == Path("/b/a.csv")
    assert expand("/x/./y", Path("/b")) == Path("/x/y")
    assert expand("~nosuchuser/x", Path("/b")) == Path("/b/~nosuchuser/x")


async def test_what_cannot_be_read_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access
    # Root may read everything, so the answer of the system is what is replaced.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "2025" and real(path, mode))
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "▸ 2025   not readable")
        await pilot.press("slash", "ctrl+u", *"2025", "enter")
        await wait_until(pilot, lambda: "is not readable" in app.hint)


@pytest.mark.parametrize("start", ["", "empty", "gone"])
async def test_nothing_to_list(folder: Path, start: str) -> None:
    (folder / "empty").mkdir()
    if start == "gone":
        app = PickerApp(folder / "gone")
        expected = "cannot be opened"
    else:
        app = PickerApp(folder / "empty")
        expected = "Nothing to see"
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: isinstance(app.screen, AddFiles) and expected in app.hint)
        await pilot.press("enter", "space", "down", "left", "right", "h")
        await loaded(pilot, app, "shop.csv")


@pytest.mark.parametrize("size", [(20, 5), (8, 3), (1, 1), (200, 60)])
async def test_any_size(folder: Path, size: tuple[int, int]) -> None:
    app = PickerApp(folder)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app, "shop.csv")
        await pilot.resize_terminal(*size)
        await pilot.press("end", "space", "home")
        await pilot.resize_terminal(80, 24)
        await loaded(pilot, app, "• shop.csv")


def test_bindings_can_be_rebound_and_explained() -> None:
    # The line editing keys that PathInput inherits are Textual's own, as are those of lists.
    bindings = [
        *FileTree.BINDINGS, *AddFiles.BINDINGS, *PathInput.BINDINGS, *ReadingOptions.BINDINGS,
        *RecentPlaces.BINDINGS,
    ]  # fmt: skip
    for binding in bindings:
        assert not isinstance(binding, tuple)
        assert binding.id
        assert binding.description
        assert binding.tooltip
