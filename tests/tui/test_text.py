from __future__ import annotations

import subprocess
import sys
import time

import pytest
from textual.app import App, ComposeResult
from textual.widgets import DataTable, OptionList, Static, Tree
from textual.widgets.option_list import Option

from bibliflow_tui.text import safe_label, safe_text, visible
from tests.hostile import CONTROL, HOSTILE, assert_screen_is_clean, screen_lines


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_dangerous_is_left(name: str) -> None:
    text = visible(HOSTILE[name])
    assert not CONTROL.search(text)
    text.encode()
    assert safe_text(HOSTILE[name]).plain == text
    assert safe_label(HOSTILE[name]).plain == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\nb\tc\r\x00\x7f", "a␊b␉c␍␀␡"),
        ("\x9b", "⟨009B⟩"),
        ("a\u202eb", "a⟨202E⟩b"),
        ("\ufeffa\u200bb", "⟨FEFF⟩a⟨200B⟩b"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", "⟨D800⟩"),
        ("Gödel, 日本語 e\u0301 📚 [b]", "Gödel, 日本語 e\u0301 📚 [b]"),
        (None, ""),
        (12, "12"),
        (ValueError("bad \x1b"), "bad ␛"),
    ],
)
def test_what_is_shown(value: object, shown: str) -> None:
    assert visible(value) == shown


def test_limit_cuts_with_an_ellipsis() -> None:
    assert visible("abcdef", 3) == "abc…"
    assert visible("abc", 3) == "abc"
    assert safe_text("abcdef", limit=3).plain == safe_label("abcdef", limit=3).plain == "abc…"


def test_long_texts_are_fast() -> None:
    start = time.perf_counter()
    for text in HOSTILE.values():
        visible(text)
    assert time.perf_counter() - start < 0.5


def test_the_command_line_does_not_pay_for_textual() -> None:
    code = "import sys, bibliflow_tui.text as t; t.visible('x'); sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class EveryWidget(App[None]):
    """Shows one text in every kind of widget."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        static = Static(safe_text(self.text, "bold $text-error", limit=100), id="static")
        static.border_title = safe_text(self.text, limit=1000)
        static.styles.border = ("solid", "red")
        static.tooltip = safe_text(self.text, limit=1000)
        yield static
        yield OptionList(Option(safe_text(self.text, limit=100)))
        table: DataTable[object] = DataTable()
        table.add_column(safe_label(self.text, limit=100))
        table.add_row(safe_label(self.text, limit=100))
        table.styles.height = 4
        yield table
        tree: Tree[None] = Tree(safe_label(self.text, limit=1000))
        tree.root.add_leaf(safe_label(self.text, limit=1000))
        tree.root.expand()
        tree.styles.height = 4
        yield tree

    def on_mount(self) -> None:
        self.notify(visible(self.text, 100), title=visible(self.text, 100), markup=False, timeout=60)


@pytest.mark.parametrize("name", HOSTILE)
async def test_every_widget_takes_every_text(name: str) -> None:
    app = EveryWidget(HOSTILE[name])
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        assert_screen_is_clean(app)
        await pilot.click("#static", offset=(1, 1))  # would run the action of a link
        await pilot.pause()
        assert app.is_running


async def test_markup_is_shown_as_it_is() -> None:
    app = EveryWidget("[@click=app.exit]x[/]")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        lines = "\n".join(screen_lines(app))
        assert lines.count("[@click=app.exit]x[/]") >= 6
