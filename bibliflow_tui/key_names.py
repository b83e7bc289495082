"""Keys as people call them, for sentences that say which one to press: users may have bound others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import format_key

NAMES = {"enter": "Enter", "escape": "Escape", "space": "Space", "tab": "Tab", "backspace": "Backspace"}
NAMES |= {"delete": "Delete", "pageup": "Page Up", "pagedown": "Page Down"}
"""What is written on keys that Textual has signs for."""

Named = Callable[[str], str]
"""From a binding's name, such as ``imports.add``, to its key."""

_defaults: dict[str, Binding] = {}


def keys_of(app: App[Any], name: str) -> list[str]:
    """All keys of the binding with this name, the first one first.

    Raises KeyError if no class that is loaded has such a binding.
    """
    keys = app._keymap.get(name) or _default(name).key
    return [spoken(key.strip()) for key in keys.split(",")]


def key_of(app: App[Any], name: str) -> str:
    """The first of them."""
    return keys_of(app, name)[0]


def spoken(key: str) -> str:
    """``slash`` as ``/``, ``escape`` as ``Escape``, ``ctrl+z`` as ``ctrl+z``."""
    *modifiers, last = key.split("+")
    sign = format_key(last)
    name = NAMES.get(last) or (sign if len(sign) == 1 else last.replace("_", " ").capitalize())
    return "+".join([*modifiers, name])


def _default(name: str) -> Binding:
    if name not in _defaults:
        for node in _classes(DOMNode):
            for binding in node.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.id:
                    _defaults.setdefault(binding.id, binding)
    return _defaults[name]


def _classes(base: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for one in base.__subclasses__():
        yield one
        yield from _classes(one)
