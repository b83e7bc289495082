"""Everything that is written can be read, in every theme that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.color import Color as RichColor
from rich.segment import Segment
from textual.color import Color
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.scrollbar import ScrollBar
from textual.theme import BUILTIN_THEMES
from textual.widget import Widget
from textual.widgets import Input, OptionList, Select
from textual.widgets._footer import FooterKey

from bibliflow_tui import contrast
from bibliflow_tui.app import Dashboard
from bibliflow_tui.contrast import FAINT, TEXT, readable
from bibliflow_tui.screens.bulk_repair import BulkRepairScreen
from bibliflow_tui.screens.corrected_file import CorrectedFile
from bibliflow_tui.screens.edit_book import EditBook
from bibliflow_tui.screens.reading_options import ReadingOptions
from bibliflow_tui.screens.recent_places import RecentPlaces
from bibliflow_tui.screens.repair_row import RepairRow
from bibliflow_tui.widgets.filter_line import FilterLine
from bibliflow_tui.widgets.virtual_table import PLACEHOLDER, VirtualTable
from daemon import settings
from daemon.catalog.database import Connection
from tests.hostile import screen_lines, screen_strips
from tests.tui import still_life
from tests.tui.running import still_dashboard
from tests.tui.still_life import Way
from tests.tui.waiting import wait_until

LINES = re.compile(r"[\s\u2500-\u259f·•🔎]*")
"""What separates, measures or adorns: no text."""

TO_MEASURE = re.compile(r"█")
"""Of that, what says something."""


def of_terminal(colour: RichColor, app: Dashboard, *, is_ink: bool) -> Color:
    """What a terminal makes of it: its own colours are those of Textual's picture of one."""
    theme = app.ansi_theme_dark if app.current_theme.dark else app.ansi_theme_light
    return Color(*colour.get_truecolor(theme, foreground=is_ink))


def contrast_of(segment: Segment, app: Dashboard) -> float:
    assert segment.style is not None
    style = segment.style
    ink = of_terminal(style.color or RichColor.default(), app, is_ink=True)
    ground = of_terminal(style.bgcolor or RichColor.default(), app, is_ink=False)
    return contrast.contrast(ink, ground)


def is_faint(widget: Widget, text: str) -> bool:
    """Examples in empty lines, what cannot be used now, and rows that are on their way."""
    return (
        text.strip() == PLACEHOLDER
        or (isinstance(widget, Input) and (not widget.value or widget._suggestion != ""))
        or (isinstance(widget, FooterKey) and widget.has_class("-disabled"))
        or (isinstance(widget.parent, FooterKey) and widget.parent.has_class("-disabled"))
        or widget.is_disabled
    )


def unreadable(app: Dashboard) -> Iterator[str]:
    """What has too little contrast on the screen: theme, text, contrast, colours."""
    for y, strip in enumerate(screen_strips(app)):
        x = 0
        for segment in strip:
            here, x = x, x + segment.cell_length
            is_text = not LINES.fullmatch(segment.text)
            if segment.style is None or not (is_text or TO_MEASURE.search(segment.text)):
                continue
            widget, _ = app.screen.get_widget_at(here, y)
            # The place below, behind a question: nobody is to read it now.
            if isinstance(widget, Screen | ScrollBar):
                continue
            least = TEXT if is_text and not is_faint(widget, segment.text) else FAINT
            found = contrast_of(segment, app)
            # Colours have 256 steps, so that a blend is rounded after it was chosen.
            if found < least - 0.05:
                words = segment.text.strip()
                yield f"{app.theme}: {words!r} {found:.1f} of {least} ({segment.style}, {widget})"


async def to_filter(app: Dashboard, pilot: Pilot[None]) -> None:
    """The line in which a filter is typed, empty, and the cursor that is not there."""
    await still_life.to_imports(app, pilot)
    await pilot.press("slash")
    await wait_until(pilot, lambda: app.screen.query_one(FilterLine).has_focus)


async def to_typed_filter(app: Dashboard, pilot: Pilot[None]) -> None:
    await to_filter(app, pilot)
    await pilot.press(*"messy", "shift+left", "shift+left")


async def to_toasts(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_imports(app, pilot)
    for severity in ("information", "warning", "error"):
        app.toast(f"This is an {severity}", severity)
    await wait_until(pilot, lambda: "This is an error" in "\n".join(screen_lines(app)))


async def to_repair(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_errors(app, pilot)
    await pilot.press("enter")
    await wait_until(pilot, lambda: isinstance(app.screen, RepairRow))


async def to_bulk(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_errors(app, pilot)
    await pilot.press("space", "a")
    await wait_until(pilot, lambda: isinstance(app.screen, BulkRepairScreen))
    await wait_until(pilot, lambda: app.screen.query_one(VirtualTable).total > 0)


async def to_corrected(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_errors(app, pilot)
    await pilot.press("i")
    await wait_until(pilot, lambda: isinstance(app.screen, CorrectedFile))


async def to_edit(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_books(app, pilot)
    await pilot.press("e")
    await wait_until(pilot, lambda: isinstance(app.screen, EditBook))


async def to_reading(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_add_files(app, pilot)
    await pilot.press("e")
    await wait_until(pilot, lambda: isinstance(app.screen, ReadingOptions))
    await pilot.press("enter")
    await wait_until(pilot, lambda: app.screen.query(Select).first().expanded)


async def to_places(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_add_files(app, pilot)
    await pilot.press("p")
    await wait_until(pilot, lambda: isinstance(app.screen, RecentPlaces))


async def to_palette(app: Dashboard, pilot: Pilot[None]) -> None:
    await still_life.to_imports(app, pilot)
    await pilot.press("ctrl+p")
    await wait_until(pilot, lambda: isinstance(app.screen, CommandPalette))
    await wait_until(pilot, lambda: app.screen.query_one(OptionList).option_count > 3)
    await pilot.press("down")


WAYS: list[Way] = [
    still_life.to_imports, to_filter, to_typed_filter, to_toasts, still_life.to_help, to_palette,
    still_life.to_errors, to_repair, to_bulk, to_corrected,
    still_life.to_books, to_edit, still_life.to_confirmation,
    still_life.to_add_files, to_reading, to_places,
    still_life.to_inbox, still_life.to_log,
]  # fmt: skip


USUAL = {"textual-dark", "textual-light"}
TURNS = 9
"""A theme is made of the same few colours on all screens: each of the others is shown on two."""


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_all_that_is_written(
    home: Path, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.chdir(tmp_path)
    still_life.fill(connection, tmp_path)
    paths = settings.paths()
    paths.make_private()
    still_life.fill_inbox(paths)
    paths.daemon_log.write_text(still_life.LOG)
    with still_life.still_clock():
        async with still_dashboard((110, 30)) as (app, pilot):
            await way(app, pilot)
            found = []
            assert app.available_themes.keys() > USUAL
            turn = sorted(app.available_themes)[WAYS.index(way) % TURNS :: TURNS]
            for theme in USUAL | {*turn}:
                app.theme = theme
                await pilot.pause()
                await pilot.pause()
                found += list(unreadable(app))
            assert found == [], "\n" + "\n".join(found)


@pytest.mark.parametrize("name", [name for name, theme in BUILTIN_THEMES.items() if not theme.ansi])
def test_what_can_be_read_stays_as_it_is(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    before = theme.to_color_system().generate() | theme.variables
    after = readable(before)
    for ink in ("text-accent", "text-error", "text-success"):
        if min(contrast.contrast(Color.parse(before[ink]), ground) for ground in grounds(before)) >= TEXT:
            assert after[ink] == before[ink]
        else:
            assert after[ink] != before[ink]


def grounds(variables: dict[str, str]) -> list[Color]:
    foreground = Color.parse(variables["foreground"])
    plain = [Color.parse(variables[name]) for name in contrast.GROUNDS]
    return [*plain, *(ground.blend(foreground, contrast.FOCUS_TINT) for ground in plain)]


def test_contrast_is_that_of_wcag() -> None:
    white, black = Color.parse("#ffffff"), Color.parse("#000000")
    assert contrast.contrast(white, black) == pytest.approx(21)
    assert contrast.contrast(white, Color.parse("#767676")) == pytest.approx(4.54, abs=0.01)
    assert contrast.contrast(white, white) == 1
