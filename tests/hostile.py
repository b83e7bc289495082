"""Texts that strangers may put into names, fields and messages; and what is to come of them: nothing."""

from __future__ import annotations

import re
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.strip import Strip

HOSTILE: dict[str, str] = {
    "closing tag": "[/]",
    "action link": "[@click=app.exit]x[/]",
    "another action": "[@click='app.quit']Errors[/] [@click=screen.back()]x",
    "open tag": "[bold",
    "escaped": r"\[b]x[/b]",
    "styled": "[red on blue]red[/red on blue]",
    "clear screen": "a\x1b[2J\x1b[Hb",
    "first screen": "a\x1b[?47l\x1bcb",
    "clipboard": "\x1b]52;c;aGVsbG8=\x07",
    "hyperlink": "\x1b]8;;https://example.org\x1b\\click\x1b]8;;\x1b\\",
    "title": "\x1b]0;owned\x07\x1bPdevice\x1b\\\x1b_program\x1b\\",
    "c1": "a\x9b31mb\x85c\x90d\x9dx\x9c",
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

SEQUENCES = sorted(set(re.findall("\x1b[^\x1b]{1,9}", "".join(text[:999] for text in HOSTILE.values()))))
"""What drives a terminal in them, with enough behind it to tell it from what the dashboard writes itself."""


def screen_strips(app: App[Any]) -> list[Strip]:
    """What the terminal is sent, line by line."""
    return app.screen._compositor.render_strips()


def screen_lines(app: App[Any]) -> list[str]:
    """The text on the screen."""
    return [strip.text for strip in screen_strips(app)]


def assert_screen_is_clean(app: App[Any]) -> None:
    """No control character reaches the terminal, no line is wider than it, and no text is an action."""
    for strip in screen_strips(app):
        assert not CONTROL.search(strip.text), ascii(strip.text)
        assert cell_len(strip.text) <= app.size.width, ascii(strip.text)
        assert not [segment for segment in strip if segment.style and "@click" in segment.style.meta]
