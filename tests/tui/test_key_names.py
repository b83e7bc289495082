"""What says which key to press says the one that the user has bound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.app import App

import bibliflow_tui
from bibliflow_tui.key_names import key_of, keys_of, spoken
from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.screens.confirm import ConfirmScreen
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.repair_row import RepairRow
from bibliflow_tui.widgets.search_line import SearchLine
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog.database import Connection
from tests.hostile import screen_lines
from tests.imports import import_text
from tests.tui.running import screen_text, still_dashboard, toasts
from tests.tui.test_keys import bindings
from tests.tui.waiting import wait_until

SOURCES = sorted(Path(bibliflow_tui.__file__).parent.rglob("*.py"))

OTHERS = {
    "app.imports": "f6", "imports.add": "n", "imports.all": "ctrl+r", "imports.state": "v",
    "imports.daemon": "ctrl+d", "books.search": "f", "books.all": "ctrl+r",
    "add_files.duplicates": "m", "files.mark": "x", "files.import": "ctrl+o",
    "errors.repair": "r", "errors.undo_row": "t", "repair.back": "f4", "repair.take_back": "f5",
    "confirm.yes": "j", "confirm.no": "n,escape",
}  # fmt: skip


@pytest.fixture
def rebound(home: Path) -> None:
    """Other keys for some of what is done."""
    keys = ", ".join(f'"{name}" = "{key}"' for name, key in OTHERS.items())
    (home / "config.toml").write_text(f"[dashboard]\nkeys = {{{keys}}}\n")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a", "a"), ("S", "S"), ("1", "1"), ("slash", "/"), ("question_mark", "?"), ("comma", ","),
        ("enter", "Enter"), ("escape", "Escape"), ("space", "Space"), ("tab", "Tab"), ("f5", "F5"),
        ("pageup", "Page Up"), ("down", "↓"), ("shift+down", "shift+↓"), ("ctrl+z", "ctrl+z"),
        ("backspace", "Backspace"),
    ],
)  # fmt: skip
def test_keys_in_words(key: str, name: str) -> None:
    assert spoken(key) == name


async def test_the_keys_of_a_binding() -> None:
    app = App[None]()
    async with app.run_test():
        assert keys_of(app, "confirm.no") == ["n", "Escape", "Enter"]
        assert key_of(app, "books.search") == "/"
        app.set_keymap({"books.search": "ctrl+f,?", "confirm.no": "x"})
        assert keys_of(app, "books.search") == ["ctrl+f", "?"]
        assert keys_of(app, "confirm.no") == ["x"]
        with pytest.raises(KeyError):
            key_of(app, "books.no")


def test_every_key_that_is_told_of_is_there() -> None:
    known = bindings()
    calls = re.compile(r"keys?_of\((?:[\w.]+, )?[\"']([\w.]+)[\"']\)")
    told = {name for source in SOURCES for name in calls.findall(source.read_text())}
    assert len(told) > 20
    assert told - set(known) == set()


def test_no_sentence_has_a_key_in_it() -> None:
    """Keys that are told of in words, rather than by the names of their bindings."""
    key = r"(?:[a-zA-Z]|ctrl\+\w|Escape|Space|Tab)"
    does = r"(?:takes|shows|starts?|goes|repairs|types|marks|imports|says|completes|applies|in the filter)"
    sentence = re.compile(rf"(?<![\w{{}}'\"])(?:[Pp]ress {key}\b|{key} {does} )")
    for source in SOURCES:
        text = re.sub(r'"""(?:.|\n)*?"""|#.*|tooltip="[^"]*"', "", source.read_text())
        found = [match for match in sentence.findall(text) if not match.startswith("A ")]
        assert found == [], source


@pytest.mark.usefixtures("rebound")
async def test_a_newcomer_with_other_keys(connection: Connection) -> None:
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: "Press n to add" in "\n".join(screen_lines(app)))
        await pilot.press("slash", *"x", "enter")
        await wait_until(pilot, lambda: "ctrl+r shows all again, v the next state" in screen_table(app))
        await pilot.press("ctrl+r", "2")
        await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen))
        await wait_until(pilot, lambda: "Press F6, then n, to import" in screen_table(app))
        assert "F6 Imports  2 Books" in screen_lines(app)[0]
        assert app.screen.query_one(SearchLine).placeholder.startswith("f title")
        await pilot.press("f", *"zzz", "enter")
        await wait_until(pilot, lambda: "ctrl+r shows all books" in screen_table(app))
        await pilot.press("f6", "n")
        await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))
        await wait_until(pilot, lambda: "x marks several files, ctrl+o imports them" in screen_text(app))


@pytest.mark.usefixtures("rebound")
async def test_repairs_with_other_keys(connection: Connection, tmp_path: Path) -> None:
    import_text(connection, tmp_path / "x.csv", "title,author,isbn\nA,,9780439785969\nB,b,12345\n")
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).selected_key is not None)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
        await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).selected_key is not None)
        await pilot.press("s")
        await wait_until(pilot, lambda: "row 2; r repairs it by hand" in toasts(app))
        await pilot.press("r")
        await wait_until(pilot, lambda: isinstance(app.screen, RepairRow))
        await pilot.press(*"Somebody", "ctrl+s")
        await wait_until(pilot, lambda: "✓ Row 2 repaired · F5 takes it back" in screen_text(app))
        await pilot.press("ctrl+n")
        await wait_until(pilot, lambda: "1 left as they are; F4 goes back" in screen_text(app))


@pytest.mark.usefixtures("rebound")
async def test_a_question_with_other_keys(connection: Connection, tmp_path: Path) -> None:
    import_text(connection, tmp_path / "x.csv", "title,author,isbn\nA,a,9780439785969\n")
    async with still_dashboard() as (app, pilot):
        await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).selected_key is not None)
        await wait_until(pilot, lambda: "imported" in screen_text(app))
        await pilot.press("u")
        await wait_until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await wait_until(pilot, lambda: "j yes   n no (also Escape)" in screen_text(app))
        await pilot.press("n")
        await wait_until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))


def screen_table(app: App[None]) -> str:
    return app.screen.query_one(VirtualTable).empty_text
