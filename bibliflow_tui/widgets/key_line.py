"""The bottom line: what the keys do here, as many as there is room for, and none of them in part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

WIDE, COMPACT = 3, 2
"""Cells that a key takes beside its own and its description's: blanks around and between, or between and
behind."""

PALETTE = 3
"""Cells that the palette's takes: a line before it, a blank between, one behind."""

FIRST_TO_GO = "app.quit"
LAST_TO_GO = (".back", ".all", ".clear", ".help")
"""How to get out, and where the other keys are told of: ends of the bindings' names."""


class Key(NamedTuple):
    """One key."""

    binding: Binding
    display: str
    is_enabled: bool
    tooltip: str

    @property
    def cells(self) -> int:
        """Of key and description."""
        return cell_len(self.display) + cell_len(self.binding.description)


class Keys(NamedTuple):
    """What is shown."""

    keys: tuple[Key, ...] = ()
    palette: Key | None = None
    is_compact: bool = False

    def fits(self, width: int) -> bool:
        """Whether there is room for all of them."""
        each = COMPACT if self.is_compact else WIDE
        needed = sum(key.cells + each for key in self.keys)
        return needed + (self.palette.cells + PALETTE if self.palette else 0) <= width


class KeyLine(Footer):
    """Textual's footer cuts what does not fit, and shows keys that a line of text takes for letters."""

    def __init__(self, *, show_command_palette: bool = True) -> None:
        super().__init__(show_command_palette=show_command_palette)
        self._shown = Keys()

    def compose(self) -> ComposeResult:
        """The keys that fit."""
        for key in self._shown.keys:
            yield _widget(key).data_bind(compact=Footer.compact)
        if self._shown.palette:
            yield _widget(self._shown.palette, "-command-palette")

    async def on_resize(self) -> None:
        """There may be room for more, or less."""
        await self._show(self.screen)

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Other keys may do something now, or the same."""
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self.call_after_refresh(self._show, screen)

    async def _show(self, screen: Screen[Any]) -> None:
        tries = _tries(*self._found(screen))
        wanted = next(keys for keys in tries if keys.fits(self.size.width) or not keys.keys)
        if wanted != self._shown:
            self._shown = wanted
            self.compact = wanted.is_compact
            await self.recompose()

    def _found(self, screen: Screen[Any]) -> tuple[list[Key], Key | None]:
        """The keys that do something, and among them that of the palette."""
        found: dict[str, Key] = {}
        palette = None
        for _, binding, is_enabled, tooltip in screen.active_bindings.values():
            key = Key(binding, self.app.get_key_display(binding), is_enabled, tooltip)
            if binding.key == self.app.COMMAND_PALETTE_BINDING:
                palette = key if self.show_command_palette else None
                continue
            # Of several keys for one action, Enter is the one that people know.
            is_better = binding.action not in found or binding.key == "enter"
            if binding.show and is_better and not self._is_letter(screen, key):
                found[binding.action] = key
        return list(found.values()), palette

    def _is_letter(self, screen: Screen[Any], key: Key) -> bool:
        """Whether it is typed where the cursor is. Textual does not know the characters of all keys."""
        character = key.display if len(key.display) == 1 and key.display.isascii() else None
        return screen.focused is not None and screen.focused.check_consume_key(key.binding.key, character)


def _widget(key: Key, classes: str = "") -> FooterKey:
    return FooterKey(
        key.binding.key,
        key.display,
        key.binding.description,
        key.binding.action,
        disabled=not key.is_enabled,
        tooltip=key.tooltip or key.binding.description,
        classes=classes,
    )


def _tries(keys: list[Key], palette: Key | None) -> Iterator[Keys]:
    """All of it; then closer together; then ever fewer, those first that can be done without."""
    while True:
        for is_compact in (False, True):
            yield Keys(tuple(keys), palette, is_compact)
        if palette and not any(key.binding.id == FIRST_TO_GO for key in keys):
            palette = None
        elif keys:
            keys = _without_one(keys)


def _without_one(keys: list[Key]) -> list[Key]:
    def worth(place: int) -> tuple[bool, bool, int]:
        name = keys[place].binding.id or ""
        return name != FIRST_TO_GO, name.endswith(LAST_TO_GO), -place

    gone = min(range(len(keys)), key=worth)
    return [key for place, key in enumerate(keys) if place != gone]
