"""What strangers wrote is shown, in every place, and obeyed in none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from textual import events
from textual.command import CommandInput
from textual.pilot import Pilot
from textual.widgets import OptionList, Select, Static

from bibliflow_tui.app import Dashboard
from bibliflow_tui.live import DaemonChanged, DatabaseChanged
from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.screens.confirm import ConfirmScreen
from bibliflow_tui.screens.edit_book import EditBook
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.inbox import InboxScreen
from bibliflow_tui.screens.log import LogScreen
from bibliflow_tui.screens.reading_options import ReadingOptions
from bibliflow_tui.screens.recent_places import RecentPlaces
from bibliflow_tui.widgets.book_table import BookTable
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.safe_input import SafeInput
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon import settings
from daemon.catalog import books
from daemon.catalog.database import Connection
from tests.hostile import CONTROL, HOSTILE, SEQUENCES, assert_screen_is_clean, screen_lines
from tests.hostile_home import PAIRS, TEXTS, fill_catalogue, fill_folder, fill_inbox, fill_log
from tests.terminal import SEQUENCE, Terminal
from tests.tui.picking import PickerApp
from tests.tui.running import still_dashboard
from tests.tui.waiting import wait_until


async def walk(app: Dashboard, pilot: Pilot[None], rows: int, detail: str, step: int = 1) -> None:
    """Put the cursor on the rows, and wait until each is shown below."""
    table = app.screen.query_one(VirtualTable)
    await wait_until(pilot, lambda: table.total == rows)
    below, before = app.screen.query_one(detail, Static), ""
    for row in range(0, rows, step):
        table.cursor_row = row
        await wait_until(pilot, lambda: str(below.render()) != before)  # noqa: B023
        assert_screen_is_clean(app)
        before = str(below.render())


async def test_the_catalogue(home: Path, connection: Connection) -> None:
    job = fill_catalogue(connection, home)
    async with still_dashboard() as (app, pilot):
        await walk(app, pilot, len(PAIRS) + 1, "#job-detail")
        await pilot.press("home", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
        await walk(app, pilot, job.error_count, "ErrorDetail")
        await pilot.press("slash")
        app.screen.query_one(FilterLine).value = HOSTILE["clipboard"]
        await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).total == 0)
        assert_screen_is_clean(app)
        await pilot.press("escape", "escape", "2")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen) and app.screen.query(BookTable))
        await walk(app, pilot, job.success_count, "BookDetail")
        await pilot.press("i")
        title = app.screen.query_one("#books-title", Static)
        await wait_until(pilot, lambda: "only from" in str(title.render()))
        assert_screen_is_clean(app)
        await pilot.press("d")
        await wait_until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.pause()
        assert_screen_is_clean(app)
        await pilot.press("n", "e")
        await wait_until(pilot, lambda: isinstance(app.screen, EditBook))
        await pilot.pause()
        lines = list(app.screen.query(SafeInput))
        for first in range(0, len(TEXTS), len(lines)):
            for line, text in zip(lines, TEXTS[first:], strict=False):
                line.value = text
            await pilot.pause()
            # The line is scrolled by halves of wide characters, so that it may seem to be wider.
            assert not CONTROL.search("".join(screen_lines(app)))
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
    assert len(list(books.search(connection))) == job.success_count


async def test_inbox_log_toasts_and_palette(home: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    fill_inbox(paths)
    fill_log(paths)
    async with still_dashboard() as (app, pilot):
        await pilot.press("3")
        await wait_until(pilot, lambda: isinstance(app.screen, InboxScreen))
        await walk(app, pilot, len(PAIRS), "#inbox-detail")
        await pilot.press("4")
        await wait_until(pilot, lambda: isinstance(app.screen, LogScreen))
        await walk(app, pilot, 2 * len(PAIRS), "#log-detail", step=2)
        await pilot.press("y")
        await wait_until(pilot, lambda: app.clipboard)
        await pilot.resize_terminal(80, 150)
        for text in TEXTS:
            app.copy_to_clipboard(text)
            app.toast(text)
            app.post_message(DatabaseChanged(text, 5))
            app.post_message(DaemonChanged(None, text))
        app.toast("the last of them")
        await wait_until(pilot, lambda: any("the last of them" in line for line in screen_lines(app)))
        assert_screen_is_clean(app)
        await pilot.resize_terminal(80, 24)
        app.clear_notifications()
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: app.screen.query(CommandInput))
        line = app.screen.query_one(CommandInput)
        for text in (HOSTILE[name] for name in ("clipboard", "c0", "lone surrogates")):
            line.value = ""
            app.post_message(events.Paste(text))
            await wait_until(pilot, lambda: line.value or not text.splitlines()[0])  # noqa: B023
            assert_screen_is_clean(app)
        assert app.is_running


async def test_adding_files(tmp_path: Path) -> None:
    fill_folder(tmp_path)
    inner = tmp_path / os.fsdecode(b"z[@click=app.exit]\x1b[2J\xe9")
    inner.mkdir()
    (inner / "inner.csv").touch()
    app = PickerApp(tmp_path, places=[tmp_path / text[:100] for text in TEXTS])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await wait_until(pilot, lambda: isinstance(app.screen, AddFiles) and len(app.names) == len(TEXTS) + 3)
        for name, said in (("a.csv", "rejected"), ("b.csv", "No column for")):
            await pilot.press("j")
            await wait_until(pilot, lambda: name in app.preview and said in app.preview)  # noqa: B023
            await pilot.pause()
            assert_screen_is_clean(app)
        await read_otherwise(app, pilot)
        await pilot.press("p")
        await wait_until(pilot, lambda: isinstance(app.screen, RecentPlaces) and app.screen.query(OptionList))
        await pilot.pause()
        assert_screen_is_clean(app)
        await pilot.press("escape", *"jj", "space", "space")
        await wait_until(pilot, lambda: len(app.files.marked) == 2)
        assert_screen_is_clean(app)
        # Into a folder whose name cannot be typed; Enter on the path line as it stands stays there.
        app.files.show_folder(inner)
        await wait_until(pilot, lambda: app.names == ["inner.csv"] and "␛[2J" in app.line.value)
        await pilot.press("slash", "enter")
        await wait_until(pilot, lambda: app.names == ["inner.csv"] and app.focused is app.files)
        app.line.value = HOSTILE["clipboard"] + HOSTILE["lone surrogates"]
        await pilot.press("slash", "enter")
        await wait_until(pilot, lambda: "cannot be opened" in app.hint)
        assert_screen_is_clean(app)


async def read_otherwise(app: PickerApp, pilot: Pilot[None]) -> None:
    """Open the lists of columns of the file under the cursor, and choose some."""
    await pilot.press("e")
    await wait_until(pilot, lambda: isinstance(app.screen, ReadingOptions) and app.screen.query(Select))
    choice = app.screen.query_one("#reading-title", Select)
    choice.focus()
    await pilot.press("enter")
    await wait_until(pilot, lambda: choice.expanded)
    await pilot.pause()
    assert_screen_is_clean(app)  # all columns are in the list
    await pilot.press("down", "enter", "a")
    await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))
    await pilot.pause()
    assert_screen_is_clean(app)


def test_on_a_real_terminal(home: Path, connection: Connection, tmp_path: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    job = fill_catalogue(connection, home)
    fill_inbox(paths)
    fill_log(paths)
    fill_folder(tmp_path)
    with Terminal([sys.executable, "-m", "bibliflow_tui"], folder=tmp_path) as terminal:
        terminal.until(lambda: terminal.sees("● daemon", f"failed {len(PAIRS)}"))
        terminal.do("j" * len(PAIRS), "[@click=app.exit]x[/] and [/]")
        for line in range(5, 18):
            terminal.press(f"\x1b[<0;20;{line}M\x1b[<0;20;{line}m")
        terminal.do("gj", "31m")
        terminal.do("y", "copied")  # behind a long name
        terminal.do("g\r", "Export", f"row {job.success_count + 2}")
        terminal.do("jj", f"row {job.success_count + 4}")
        terminal.do("\x1b", "Add files")
        terminal.do("2", f"{job.success_count} books")
        terminal.do("G", "[@click=app.exit]")
        terminal.do("d", "Delete [/]")
        terminal.do("n", "Books")
        terminal.do("e", "Edit a book")
        terminal.do("\x1b", "Books")
        terminal.do("3", "Watching")
        terminal.do("jjj", "bytes")
        terminal.do("4", "daemon ready")
        terminal.do("jjjjjj", "2026-01-02 ")
        terminal.do("1", "Add files")
        terminal.do("a", "b.csv", "rejected")
        terminal.do("j", "No column for")
        terminal.do("e", "How to read")
        terminal.do("\x1b", "Mark")
        terminal.do("p", str(home))
        terminal.do("\x1b", "Mark")
        terminal.do("\x1b", "State")
        terminal.press("q")
        assert terminal.wait() == 0
        assert terminal.is_sane
        written = bytes(terminal.output)
    assert [sequence for sequence in SEQUENCES if sequence in written.decode()] == []
    rest = SEQUENCE.sub(b"", written).decode().replace("\r\n", "")
    assert not CONTROL.search(rest), ascii(rest)
