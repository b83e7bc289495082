"""The dashboard without colours, as ``NO_COLOR`` asks for: what lies over the rest is reversed.

Textual would draw in shades of grey, which are colours for a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from bibliflow_tui.contrast import FOOTER, GROUNDS, luminance

BRIGHT = 0.5
"""Luminance of what is reversed."""

REVERSED = Style(reverse=True)

LIGHT, DARK = "#ffffff", "#000000"

COVERS = ("block-cursor-background", "input-cursor-background", "input-selection-background")
"""Cursors, and what is selected."""

BLURRED = {
    "block-cursor-blurred-background": DARK,
    "block-cursor-blurred-text-style": "bold underline",
}
"""A cursor where nobody types."""


def black_and_white(variables: Mapping[str, str]) -> dict[str, str]:
    """The ``variables`` of a theme, of which only light and dark is left."""
    dark, light = dict.fromkeys([*GROUNDS, FOOTER], DARK), dict.fromkeys(["foreground", *COVERS], LIGHT)
    return {**variables, **dark, **light, **BLURRED}


class Colourless(LineFilter):
    """Takes all colours away; what stands on a bright one is reversed."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same text."""
        return [
            Segment(text, _plain(style) if style else style, control) for text, style, control in segments
        ]


def _plain(style: Style) -> Style:
    ground = style.bgcolor
    if ground is None or ground.is_default:
        return style.without_color
    is_bright = luminance(Color(*ground.get_truecolor())) > BRIGHT
    return style.without_color + REVERSED if is_bright else style.without_color
