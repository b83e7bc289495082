"""Text that can be read in every theme: what a theme's colours lack in contrast is added here, once for all.

Contrast is that of WCAG 2, from 1, the same colour, to 21, black and white. What the colours of a theme
become is as close to them as can be read on everything that text stands on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import BLACK, WHITE, Color, ColorParseError
from textual.filter import LineFilter

TEXT = 4.5
"""Contrast of text, at least."""

FAINT = 3.0
"""Of what matters less: examples in empty lines, what cannot be used now."""

HALVINGS = 6
"""Of the way from a colour to black or white, on which the first that can be read is looked for."""

GROUNDS = ("background", "surface", "panel")
"""What text stands on: screens, lines to type in, titles and boxes."""

FOCUS_TINT = 0.05
"""How much of the foreground there is in a line or a list that has the focus."""

INKS = (
    "foreground",
    "text-primary",
    "text-secondary",
    "text-accent",
    "text-success",
    "text-warning",
    "text-error",
)
"""What is written with on all of them."""

FOOTER = "footer-background"
FOOTER_INKS = ("footer-foreground", "footer-key-foreground", "footer-description-foreground")
"""The line of keys has a ground of its own."""

MUTED = {"muted": (0.6, TEXT), "disabled": (0.38, FAINT)}
"""Inks that are between the foreground and what is behind it: how much of the foreground they have, as in
Textual, and the contrast that they need."""

COVERS = {
    "block-cursor-foreground": "block-cursor-background",
    "block-cursor-blurred-foreground": "block-cursor-blurred-background",
    "input-selection-foreground": "input-selection-background",
    "input-cursor-foreground": "input-cursor-background",
    "screen-selection-foreground": "screen-selection-background",
}
"""What is written with on what lies over some ground."""

TERMINALS_OWN = {"block-cursor-blurred-text-style": "bold underline"}
"""For themes in the terminal's own colours, which are not known: there it has no colour."""

TERMINALS_OWN_LIGHT = TERMINALS_OWN | {
    "text-success": "ansi_default",
    "text-warning": "ansi_default",
    "input-selection-foreground": "ansi_black",
}
"""Green or bright red on white, and white on cyan, are too light in most terminals."""

DIM = 0.66
"""How much of a dim colour Textual leaves."""


def readable(variables: Mapping[str, str]) -> dict[str, str]:
    """The ``variables`` of a theme, changed where text could not be read."""
    needed = [*GROUNDS, *INKS, FOOTER, *FOOTER_INKS, *COVERS, *COVERS.values()]
    parsed = {name: _parse(variables.get(name, "")) for name in needed}
    colours = {name: colour for name, colour in parsed.items() if colour is not None}
    background, foreground = colours["background"], colours["foreground"]
    if background.ansi is not None:
        is_light = variables.get("ansi-background") == "ansi_white"
        return {**variables, **(TERMINALS_OWN_LIGHT if is_light else TERMINALS_OWN)}
    plain = [background + colours[name] for name in GROUNDS]
    grounds: list[Color] = []
    for _ in range(2):  # as what is tinted with it is another ground then
        grounds = [*plain, *(ground.blend(foreground, FOCUS_TINT) for ground in plain)]
        foreground = colours["foreground"] = raised(foreground, grounds)
    inks = {name: raised(background + colours.get(name, foreground), grounds) for name in INKS}
    for name in FOOTER_INKS:
        inks[name] = raised(background + colours.get(name, foreground), [background + colours[FOOTER]])
    for name, (share, least) in MUTED.items():
        muted = raised(background.blend(foreground, share), grounds, least, foreground)
        inks[f"foreground-{name}"] = inks[f"text-{name}"] = muted
    for name, lying in COVERS.items():
        covers = [ground + colours[lying] for ground in grounds]
        usual = [colours[name]] if name in colours and colours[name].a == 1 else []
        tries = [*usual, foreground, background, WHITE, BLACK]
        inks[name] = next((ink for ink in tries if _least(ink, covers) >= TEXT), raised(foreground, covers))
    return {**variables, **{name: ink.hex for name, ink in inks.items()}}


def contrast(one: Color, other: Color) -> float:
    """Of two opaque colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    """How bright it is, 0.0 to 1.0."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def raised(ink: Color, grounds: Sequence[Color], least: float = TEXT, towards: Color | None = None) -> Color:
    """``ink``, or if that has too little contrast on one of the ``grounds``, the first that has enough.

    It is looked for on the way ``towards`` another, and else on the one to black or white.
    """
    if _least(ink, grounds) >= least:
        return ink
    end = max((BLACK, WHITE), key=lambda colour: _least(colour, grounds))
    if towards is not None and _least(towards, grounds) >= least:
        end = towards
    near, far = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        near, far = (near, middle) if _least(ink.blend(end, middle), grounds) >= least else (middle, far)
    return ink.blend(end, far)


class Dimmed(LineFilter):
    """Makes dim what is to be dim, as far as it can be read then."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same text."""
        return [
            Segment(text, _dimmed(style, background) if style and style.dim else style, control)
            for text, style, control in segments
        ]


@lru_cache(1024)
def _dimmed(style: Style, background: Color) -> Style:
    ink, ground = style.color, style.bgcolor
    if ink is None or ink.triplet is None or (ground is not None and ground.triplet is None):
        return style  # in the terminal's own colours: it knows how
    behind = background if ground is None else Color.from_rich_color(ground)
    dim = raised(behind.blend(Color.from_rich_color(ink), DIM), [behind])
    return style + Style(color=dim.rich_color, dim=False)


def _least(ink: Color, grounds: Iterable[Color]) -> float:
    return min(contrast(ink, ground) for ground in grounds)


def _parse(value: str) -> Color | None:
    """A colour, perhaps with a percentage; None for what is none, or depends on what is behind it."""
    colour, _, percentage = value.partition(" ")
    try:
        parsed = Color.parse(colour)
        return parsed.multiply_alpha(float(percentage.rstrip("%")) / 100) if percentage else parsed
    except (ColorParseError, ValueError):
        return None
