"""The one way data reaches a screen.

File names, fields, headers, exception texts and server messages come from strangers. Textual parses a plain
`str` as markup in Static, DataTable, OptionList, Tree, titles and toasts (`[/]` crashes, `[@click=...]` runs
actions), and no widget stops an ESC on its way to the terminal. What goes through this module can do neither.

- `visible()`: a plain `str` for terminals, logs, and `notify(visible(x), title=visible(y), markup=False)`.
- `safe_text()`: Textual `Content`, for Static, OptionList, border titles, tooltips and `VirtualTable`.
- `safe_label()`: rich `Text`, because Tree labels and DataTable cells and headers take no `Content`.

Textual and rich are imported on use: the command line needs `visible()` and should not pay for a dashboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.visible import visible

if TYPE_CHECKING:
    from rich.text import Text
    from textual.content import Content

__all__ = ["safe_label", "safe_text", "visible"]


def safe_text(value: object, style: str = "", limit: int | None = None) -> Content:
    """`visible()` as Textual Content, which no widget parses as markup.

    Args:
        value: Anything with a `str()`; None is the empty text.
        style: A Textual style such as `bold $text-error` or `$foreground-muted` (`$text-muted` is not muted
            inline: its percentage is lost). The program's own words, never data.
        limit: As in `visible()`.
    """
    from textual.content import Content

    return Content.styled(visible(value, limit), style)


def safe_label(value: object, style: str = "", limit: int | None = None) -> Text:
    """`visible()` as rich Text, for Tree labels and DataTable. Arguments as in `safe_text()`."""
    from rich.text import Text

    return Text(visible(value, limit), style, no_wrap=True, end="")
