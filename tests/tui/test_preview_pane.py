"""What the preview beside the tree says, how it is changed, and what of it goes with the file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from textual.pilot import Pilot
from textual.widgets import OptionList, Select

from bibliflow_tui import app as app_module
from bibliflow_tui.app import Dashboard
from bibliflow_tui.cli import main
from bibliflow_tui.commands.demo import examples
from bibliflow_tui.live import DatabaseChanged
from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.imports import ImportsScreen
from bibliflow_tui.screens.reading_options import ReadingOptions
from bibliflow_tui.screens.recent_places import RecentPlaces
from bibliflow_tui.widgets import file_preview
from bibliflow_tui.widgets.file_preview import FilePreview, Shown
from daemon import settings
from daemon.catalog import job_list
from daemon.catalog.database import Connection
from daemon.importing import checking
from daemon.importing import reading as readings
from daemon.importing.options import ImportOptions
from daemon.importing.preview import Preview, scan
from daemon.importing.reading import Reading
from daemon.request import Request
from tests.files import book, table, table_of, written
from tests.tui.picking import PickerApp
from tests.tui.waiting import wait_until

UNKNOWN = "Qa;Qb;Qc;Qd\nFaust;Goethe;9780140440171;1808\n"
"""Column names that no alias knows."""


async def says(pilot: Pilot[None], app: PickerApp, *texts: str) -> None:
    await wait_until(pilot, lambda: all(text in app.preview for text in texts))


async def options_of(pilot: Pilot[None], app: PickerApp) -> ReadingOptions:
    await pilot.press("e")
    await wait_until(pilot, lambda: isinstance(app.screen, ReadingOptions) and app.screen.query(Select))
    await pilot.pause()
    assert isinstance(app.screen, ReadingOptions)
    return app.screen


async def choose(pilot: Pilot[None], app: PickerApp, **choices: str) -> None:
    """Choose these and apply them."""
    screen = await options_of(pilot, app)
    for name, value in choices.items():
        screen.query_one(f"#reading-{name}", Select).value = value
    await pilot.press("a")
    await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))


async def at_rest(pilot: Pilot[None], app: PickerApp) -> None:
    """No file is being read, and what was posted has arrived."""
    await wait_until(pilot, lambda: all(worker.group != "file-preview" for worker in app.workers))
    await pilot.pause()


def picker(path: Path, text: str | bytes) -> PickerApp:
    """The screen in a folder with one file."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return PickerApp(path.parent)


async def test_it_says_what_an_import_would_bring() -> None:
    app = PickerApp(examples(), known=lambda isbns: set())
    async with app.run_test(size=(100, 50), notifications=True) as pilot:
        await says(pilot, app, "clean.csv", "360 rows: 360 new, 0 rejected")
        await pilot.press("j")
        await says(pilot, app, "messy.csv", "24 rows: 7 new, 17 rejected")
        await says(pilot, app, "1 twice in the file, 0 in the catalogue", "missing_field 4")
        assert "read as UTF-8, comma, header in row 1" in app.preview
        assert "publication_year ← Publication Year" in app.preview
        await wait_until(pilot, lambda: "✗12345" in app.text and "16 ✗ Row has 5 fields" in app.text)
        line = next(line for line in app.text.splitlines() if "✗12345" in line)
        assert [part in line for part in ("8", "Jane Eyre", "2006")] == [True, True, True]
        assert "✗ Invalid ISBN: 12345" in app.text
        assert "16 ✗ Row has 5 fields, header has 4" in app.text


async def test_several_columns_of_one_field(tmp_path: Path) -> None:
    app = picker(tmp_path / "a.csv", "title,author,authors,isbn13,isbn\nA,B,C,9780141439518,\n")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "isbn             ← isbn13, else isbn", "publication_year ← no column")


async def test_a_semicolon_file_forced_to_comma_says_so(tmp_path: Path) -> None:
    app = picker(tmp_path / "a.csv", table(delimiter=";"))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "semicolon, header in row 1", "5 rows: 5 new")
        await options_of(pilot, app)
        await pilot.press("tab", "enter", "down", "enter", "a")
        await says(pilot, app, "No column for: title, author, isbn. Columns found: title;author;isbn")
        assert app.preview.count("e says which columns") == 1
        await options_of(pilot, app)
        await pilot.press("r", "a")
        await says(pilot, app, "semicolon, header in row 1", "5 rows: 5 new")


async def test_a_mapping_chosen_by_hand_goes_with_the_file(tmp_path: Path) -> None:
    app = picker(tmp_path / "a.csv", UNKNOWN)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "No column for: title, author, isbn. Columns found: Qa, Qb, Qc, Qd")
        await choose(pilot, app, title="0", author="1", isbn="2")
        await says(pilot, app, "author           ← Qb", "Faust", "1 rows: 1 new")
        await choose(pilot, app, delimiter=",")
        await says(pilot, app, "No column 'Qa' for title. Columns found: Qa;Qb;Qc;Qd")
        screen = await options_of(pilot, app)
        screen.query_one("#reading-delimiter", Select).clear()
        await pilot.press("a")
        # The columns of the file as commas part it are gone, and with them the choices.
        await says(pilot, app, "No column for: title, author, isbn. Columns found: Qa, Qb, Qc, Qd")
        await choose(pilot, app, title="0", author="1", isbn="2", duplicates="skip", encoding="cp1252")
        await says(pilot, app, "Windows-1252", "1 rows: 1 new, 0 rejected, 0 skipped")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.results)
        mapping = {"title": "Qa", "author": "Qb", "isbn": "Qc"}
        assert app.requests == [Request(on_duplicate="skip", encoding="cp1252", mapping=mapping)]  # type: ignore[arg-type]


async def test_the_columns_of_a_file_without_header(tmp_path: Path) -> None:
    rows = [[isbn, author, title] for title, author, isbn, _ in map(book, range(3))]
    app = picker(tmp_path / "a.csv", written(rows))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "The file has no header, and only its ISBNs are certain")
        await choose(pilot, app, header="none", isbn="0", author="1")
        await says(pilot, app, "No column for: title.")
        screen = await options_of(pilot, app)
        chosen = {choice.id: choice.selection for choice in screen.query(Select) if choice.selection}
        assert chosen == {"reading-header": "none", "reading-isbn": "0", "reading-author": "1"}
        screen.query_one("#reading-title", Select).value = "2"
        await pilot.press("a")
        await says(pilot, app, "no header", "Book 0", "3 rows: 3 new")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.results)
        assert app.requests == [Request(columns=["isbn", "author", "title"])]


async def test_back_changes_nothing(tmp_path: Path) -> None:
    app = picker(tmp_path / "a.csv", table())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "5 rows: 5 new")
        screen = await options_of(pilot, app)
        screen.query_one("#reading-delimiter", Select).value = ";"
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.results)
        assert app.requests == [Request()]


async def test_what_comes_of_duplicates_is_one_key_away(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    (tmp_path / "a.csv").write_text(table())
    app = picker(path, table_of([1, 2, 2]))
    app.picker = AddFiles(tmp_path, settings.Settings(), known=lambda isbns: set(isbns[:1]))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "a.csv", "5 rows: 4 new, 1 rejected")
        await pilot.press("j")
        await says(pilot, app, "b.csv", "3 rows: 1 new, 2 rejected", "1 in the catalogue")
        assert "Duplicates: error" in app.text
        await pilot.press("d")
        await says(pilot, app, "3 rows: 1 new, 0 rejected, 2 skipped")
        await pilot.press("d")
        await says(pilot, app, "3 rows: 1 new, 0 rejected, 2 updated")
        await wait_until(pilot, lambda: "Duplicates: update" in app.text)
        await pilot.press("k")  # the choice is this file's, not that of others
        await wait_until(pilot, lambda: "Duplicates: error" in app.text)
        await pilot.press("space", "space", "enter")
        await wait_until(pilot, lambda: app.results)
        assert app.requests == [Request(), Request(on_duplicate="update")]


async def test_choices_are_for_all_marked_files(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(UNKNOWN)
    app = PickerApp(tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "a.csv", "No column for: title, author, isbn")
        await pilot.press("d", "space", "space")
        await wait_until(pilot, lambda: "d Duplicates of 2 files: skip/error" in app.text)
        await pilot.press("d")  # on c.csv, which is not marked
        await wait_until(pilot, lambda: "d Duplicates of 2 files: update" in app.text)
        await pilot.press("e")
        await wait_until(pilot, lambda: "Put the cursor on a marked file" in app.hint)
        await pilot.press("k")
        await says(pilot, app, "b.csv", "No column for: title, author, isbn")
        screen = await options_of(pilot, app)
        await wait_until(pilot, lambda: "How to read b.csv and 1 more" in app.text)
        await wait_until(pilot, lambda: "a applies this to the 2 marked files." in app.text)
        for name, value in {"title": "0", "author": "1", "isbn": "2"}.items():
            screen.query_one(f"#reading-{name}", Select).value = value
        await pilot.press("a")
        await says(pilot, app, "author           ← Qb", "1 rows: 1 new")
        assert "Chosen for 2 files" in app.hint
        await pilot.press("k")
        await says(pilot, app, "a.csv", "author           ← Qb", "1 rows: 1 new")
        await pilot.press("j", "j")
        await says(pilot, app, "c.csv", "No column for: title, author, isbn")
        await pilot.press("space", "enter")
        await wait_until(pilot, lambda: app.results)
        wanted = Request(on_duplicate="update", mapping={"title": "Qa", "author": "Qb", "isbn": "Qc"})
        assert app.requests == [wanted, wanted, Request()]


async def test_nothing_is_read_while_the_cursor_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_preview, "REST", 3600)
    read: list[Path] = []
    monkeypatch.setattr(readings, "understand", lambda path, options: read.append(path))
    for number in range(20):
        (tmp_path / f"{number:02}.csv").write_text(table(number + 1))
    app = PickerApp(tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "00.csv")
        await pilot.press(*["j"] * 19)
        await says(pilot, app, "19.csv")
        assert "rows" not in app.preview
        assert read == []


async def test_moving_quickly_ends_with_the_last_file(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.csv").write_text(table(number + 1))
    app = PickerApp(tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "00.csv")
        await pilot.press(*["j"] * 19)
        await says(pilot, app, "19.csv", "20 rows: 20 new")
        await at_rest(pilot, app)
        assert "20 rows: 20 new" in app.preview


async def test_an_answer_that_comes_too_late_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.csv").write_text(table(3))
    (tmp_path / "a.csv").write_text(table(5))
    started, goes_on, done = threading.Event(), threading.Event(), threading.Event()
    understand = readings.understand

    def late(path: Path, options: ImportOptions) -> Reading:
        if path.name == "slow.csv":
            started.set()
            goes_on.wait(20)
            done.set()
        return understand(path, options)

    monkeypatch.setattr(readings, "understand", late)
    app = PickerApp(tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "a.csv", "5 rows")
        await pilot.press("j")
        await wait_until(pilot, started.is_set)
        await pilot.press("k")
        await says(pilot, app, "a.csv", "5 rows")
        goes_on.set()
        await wait_until(pilot, done.is_set)
        await at_rest(pilot, app)
        assert "a.csv" in app.preview
        assert "3 rows" not in app.preview


async def test_the_first_rows_come_at_once_and_the_cursor_ends_the_counting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "BATCH_ROWS", 10)
    (tmp_path / "large.csv").write_text(table(100))
    (tmp_path / "z.csv").write_text(table(5))
    goes_on, ended = threading.Event(), threading.Event()

    def slow(path: Path, reading: Reading, options: ImportOptions, known: object = None) -> Iterator[Preview]:
        try:
            for found in scan(path, reading, options):
                yield found
                if path.name == "large.csv" and found.total > 10:
                    goes_on.wait(20)
        finally:
            if path.name == "large.csv":
                ended.set()

    monkeypatch.setattr(file_preview, "scan", slow)
    monkeypatch.setattr(file_preview, "CALM", 0.0)
    app = PickerApp(tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "Book 9", "19 rows: 19 new", " … ", " %")
        await pilot.press("j")
        await says(pilot, app, "z.csv", "5 rows: 5 new")
        assert not ended.is_set()
        goes_on.set()
        await wait_until(pilot, ended.is_set)
        await pilot.pause()
        assert "5 rows: 5 new" in app.preview
        await pilot.press("k")
        await says(pilot, app, "large.csv", "100 rows: 100 new")
        await wait_until(pilot, lambda: " %" not in app.preview)


def test_a_late_message_takes_the_place_of_no_newer_one() -> None:
    older, newer = (FilePreview.Progressed(number, Shown(Path("a.csv"))) for number in (1, 2))
    assert older.can_replace(newer)
    assert not newer.can_replace(older)


async def test_messages_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "BATCH_ROWS", 1)
    monkeypatch.setattr(file_preview, "CALM", 3600)
    posted: list[int] = []
    post = FilePreview.post_message

    def counting(self: FilePreview, message: object) -> bool:
        if isinstance(message, FilePreview.Progressed):
            posted.append(message.shown.counted.total)
        return post(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(FilePreview, "post_message", counting)
    app = picker(tmp_path / "a.csv", table(500))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "500 rows: 500 new")
        assert posted == [0, 1, 500]  # how it is read, the first rows, the end


async def test_refused_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").write_bytes(b"%PDF-1.7")
    (tmp_path / "c.csv").write_text("\n\n")
    os.mkfifo(tmp_path / "d.csv")
    app = PickerApp(tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: len(app.names) == 5)
        await pilot.press("e", "d")
        assert app.preview.strip() == ""
        assert isinstance(app.screen, AddFiles)
        for name, why in (
            ("a.csv", "✗ is empty"),
            ("b.csv", "✗ is not a CSV file but a PDF document"),
            ("c.csv", "✗ The file holds nothing but blank lines"),
            ("d.csv", "✗ is a pipe, a socket or a device, not a file"),
        ):
            await pilot.press("j")
            await says(pilot, app, name, why)
        assert app.preview.count("d.csv") == 1
        (tmp_path / "a.csv").unlink()
        await pilot.press("home", "j")
        await says(pilot, app, "a.csv", "✗ cannot be read: No such file or directory")
        await pilot.press("home")
        await wait_until(pilot, lambda: app.preview.strip() == "")


async def test_what_the_catalogue_has_is_asked_again_when_it_is_back(tmp_path: Path) -> None:
    there: list[set[str] | None] = [None]

    def known(isbns: Sequence[str]) -> set[str] | None:
        return there[0]

    (tmp_path / "a.csv").write_text(table(3))
    app = PickerApp(tmp_path, known=known)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "3 rows: 3 new", "What the catalogue has already is not known")
        there[0] = {book(1)[2]}
        app.screen.post_message(DatabaseChanged(None))
        await says(pilot, app, "3 rows: 2 new", "1 in the catalogue")


@pytest.mark.parametrize(
    ("size", "below", "is_shown"), [((80, 24), False, True), ((60, 30), True, True), ((60, 15), True, False)]
)
async def test_where_it_is(tmp_path: Path, size: tuple[int, int], below: bool, is_shown: bool) -> None:
    app = picker(tmp_path / "a.csv", table(3))
    async with app.run_test(size=size, notifications=True) as pilot:
        await says(pilot, app, "3 rows: 3 new")
        pane = app.picker.query_one(FilePreview)
        assert (pane.region.width > 0) is is_shown
        assert ("3 rows: 3 new" in app.text) is is_shown
        tree = app.files.region
        assert tree.width >= (30 if not below else 60)
        assert not is_shown or (pane.region.y > tree.y) is below


async def test_rows_are_as_wide_as_there_is_room() -> None:
    app = PickerApp(examples())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "Life th")
        assert "Life the Universe" not in app.preview
        await pilot.resize_terminal(140, 24)
        await says(pilot, app, "Life the Universe and Everything", "Douglas Adams")
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: "Life the Universe" not in app.preview)


async def test_the_rows_can_be_scrolled() -> None:
    app = PickerApp(examples())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("j")
        await says(pilot, app, "messy.csv", "24 rows")
        assert "Jane Eyre" not in app.text
        await pilot.press("J")
        await wait_until(pilot, lambda: "Jane Eyre" in app.text)
        await pilot.press("K")
        await wait_until(pilot, lambda: "Pride and" in app.text)


async def test_places(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.csv").write_text(table())
    app = PickerApp(tmp_path, places=[tmp_path, other])
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: app.names == ["other"])
        for keys in (["escape"], ["down", "enter"]):
            await pilot.press("p")
            await wait_until(pilot, lambda: isinstance(app.screen, RecentPlaces))
            assert app.screen.query_one(OptionList).option_count == 2
            await pilot.press(*keys)
            await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))
        await wait_until(pilot, lambda: app.names == ["b.csv"])


async def test_files_that_were_offered_are_marked(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("c.csv", "a.csv", "b.csv")]
    for path in paths:
        path.write_text(table())
    app = PickerApp(tmp_path, offered=paths[:2])
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await says(pilot, app, "c.csv", "5 rows: 5 new")
        assert app.hint == "• 2 files marked"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.results)
        assert app.results == [paths[:2]]


async def test_the_request_arrives_in_the_job(
    home: Path, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(UNKNOWN)
    loaded, paths = settings.load()
    paths.make_private()
    app = Dashboard(loaded, paths, [path])
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(
            pilot, lambda: isinstance(app.screen, AddFiles) and app.screen.query_one(FilePreview).shown
        )
        await pilot.press("d")
        await pilot.press("e")
        await wait_until(pilot, lambda: isinstance(app.screen, ReadingOptions))
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))
        await wait_until(pilot, lambda: app.live.daemon_started is not None)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ImportsScreen))
        await wait_until(pilot, lambda: job_list.count(connection) == 1)
        assert app.last_folders == [tmp_path]
        assert app.places[0] == tmp_path
        (job,) = job_list.newest(connection)
        assert job.options["on_duplicate"] == "skip"


def test_folders_are_remembered_the_newest_first(home: Path) -> None:
    app = Dashboard(*settings.load())
    for number in (*range(10), 5):
        app.remember_folder(Path(f"/{number}"))
    assert app.last_folders == [Path(f"/{number}") for number in (5, 9, 8, 7, 6, 4, 3, 2)]


def test_files_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Path, ...]] = []
    monkeypatch.setattr(app_module, "run_dashboard", lambda files=(): opened.append(files))
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "jobs", "-c.csv"):
        (tmp_path / name).write_text(table())

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, arguments, prog_name="bibliflow")
        return result.exit_code, result.output

    assert run("a.csv", "b.csv") == (0, "")
    assert run() == (0, "")
    assert opened == [(Path("a.csv"), Path("b.csv")), ()]
    for arguments, complaint in (
        (["a.csv", "c.csv"], "'c.csv' does not exist"),
        (["a.csv", "--json"], "No such option"),
        (["nonsense"], "No such command 'nonsense'"),
        (["nowhere.csv", "a.csv"], "No such command 'nowhere.csv'"),
        (["-c.csv"], "No such option"),
        ([str(tmp_path)], "No such command"),
    ):
        code, output = run(*arguments)
        assert (code, complaint in output) == (2, True), output
    assert "Show this message" in run("jobs", "--help")[1]  # a command, though there is a file of that name
    assert len(opened) == 2
