"""Every key has a name, says what it does, can be looked up and can be changed."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from textual.app import App
from textual.binding import Binding
from textual.command import CommandPalette
from textual.widget import Widget

import bibliflow_tui
from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.inbox import InboxScreen
from tests.tui.running import dashboard
from tests.tui.waiting import wait_until

KEYS = Path(__file__).parents[2] / "docs" / "keys.md"


def bindings() -> dict[str, Binding]:
    """Those of all classes of the dashboard, by their names."""
    found: dict[str, Binding] = {}
    for module in pkgutil.walk_packages(bibliflow_tui.__path__, "bibliflow_tui."):
        if module.name.endswith("__main__"):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, (App, Widget))
                and thing.__module__ == module.name
            ):
                for binding in thing.__dict__.get("BINDINGS", ()):
                    assert isinstance(binding, Binding), thing
                    assert binding.id, (thing, binding)
                    assert binding.description, (thing, binding)
                    assert binding.tooltip, (thing, binding)
                    assert found.setdefault(binding.id, binding).key == binding.key, (thing, binding.id)
    return found


def documented() -> str:
    """What docs/keys.md is to hold."""
    lines = ["# Keys of the dashboard", "", "Each can be changed in `config.toml`:", ""]
    lines += [
        "```toml",
        "[dashboard.keys]",
        '"imports.add" = "n"',
        "```",
        "",
        "| name | key | what it does |",
    ]
    lines += ["| --- | --- | --- |"]
    lines += [
        f"| `{name}` | `{binding.key}` | {binding.description}: {binding.tooltip} |"
        for name, binding in sorted(bindings().items())
    ]
    return "\n".join(lines) + "\n"


def test_every_key_is_documented() -> None:
    assert documented() == KEYS.read_text(), "docs/keys.md: python -m tests.tui.test_keys writes it"


async def test_keys_can_be_changed(home: Path) -> None:
    (home / "config.toml").write_text('[dashboard]\ntheme = "textual-light"\nkeys = {"imports.add" = "n"}\n')
    async with dashboard() as (app, pilot):
        assert app.theme == "textual-light"
        await pilot.press("a")
        await pilot.press("n")
        await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))


async def test_a_theme_that_there_is_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIBLIFLOW_DASHBOARD__THEME", "[/]no")
    async with dashboard() as (app, _):
        assert app.theme == "textual-dark"


async def test_what_the_keys_do_is_in_the_palette(home: Path) -> None:
    async with dashboard() as (app, pilot):
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"watched folder")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, InboxScreen))


if __name__ == "__main__":
    KEYS.write_text(documented())
