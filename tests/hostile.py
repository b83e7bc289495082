"""Texts that strangers may put into file names, fields, headers and messages."""

from __future__ import annotations

import re
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.strip import Strip

HOSTILE: dict[str, str] = {
    "closing tag": "[/]",
    "action link": "[@click=app.exit]x[/]",
    "open tag": "[bold",
    "escaped": r"\[b]x[/b]",
    "styled": "[red on blue]red[/red on blue]",
    "clear screen": "a\x1b[2J\x1b[Hb",
    "clipboard": "\x1b]52;c;aGVsbG8=\x07",
    "hyperlink": "\x1b]8;;https://example.org\x1b\\click\x1b]8;;\x1b\\",
    "c1": "a\x9b31mb\x85c\x90d",
    "c0": "".join(map(chr, range(32))) + "\x7f",
    "bidi": "abc\u202egpj.exe\u202c\u2066x\u2069\u200e\u061c",
    "lone surrogates": "caf\udce9 \ud800 \udfff",
    "zero width": "a\u200bb\ufeffc\u2060d\u00ade",
    "lines": "a\nb\r\nc\td\u2028e\u2029f",
    "wide": "日本語の本 ハリー・ポッター 📚👩‍👩‍👧 한국어",
    "combining": "e\u0301" * 20 + "Z\u0335\u0321\u0322" * 30,
    "long": "x" * 100_000,
    "long hostile": "[/]\x1b[31m\u202e" * 12_500,
}

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def screen_strips(app: App[Any]) -> list[Strip]:
    """What the terminal is sent, line by line."""
    return app.screen._compositor.render_strips()


def screen_lines(app: App[Any]) -> list[str]:
    """The text on the screen."""
    return [strip.text for strip in screen_strips(app)]


def assert_screen_is_clean(app: App[Any]) -> None:
    """No control character reaches the terminal, and no line is wider than it."""
    for line in screen_lines(app):
        assert not CONTROL.search(line), ascii(line)
        assert cell_len(line) <= app.size.width, ascii(line)
    app.export_screenshot().encode()
