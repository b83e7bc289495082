"""A table over any number of rows, which it asks for page by page and draws line by line.

Textual's DataTable holds every cell: 100,000 rows take 8 s and 181 MB. This one holds a few pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive, var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.timer import Timer

from bibliflow_tui.text import safe_text, visible
from bibliflow_tui.widgets.columns import GAP, Column, shared

PAGE = 100
"""Rows in a page: two tall screens, and a keyset query of a few milliseconds."""
PAGES_KEPT = 16
"""Pages held in memory, whatever the total."""
DEBOUNCE = 0.03
"""Seconds between a scroll and the request: dragging the scroll bar over a million rows asks a few times."""
PLACEHOLDER = "·"
"""Stands in each cell of a row that has not arrived."""


@dataclass(frozen=True)
class Row:
    """One row. A `str` cell is data and is made safe; `Content` is the program's own text, on one line."""

    key: str
    cells: Sequence[str | Content]
    style: str = ""
    """A Textual style for the whole row, such as `$foreground-muted` (`$text-muted` is not muted inline)."""


@dataclass
class _TableMessage(Message):
    table: VirtualTable

    @property
    def control(self) -> VirtualTable:
        """The table, for `@on` selectors."""
        return self.table


class VirtualTable(ScrollView, inherit_bindings=False, can_focus=True):
    """Draws the rows on screen, posts `PageWanted` for those it lacks and shows what `provide()` brings.

    Until the first `reset()` or `set_total()` it is blank, so that "no rows" never flashes while counting.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--header",
        "virtual-table--cursor",
        "virtual-table--placeholder",
        "virtual-table--empty",
    }
    DEFAULT_CSS = """
    VirtualTable {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        color: $foreground;
        & > .virtual-table--header { color: $text-muted; text-style: bold; }
        & > .virtual-table--placeholder { color: $text-disabled; }
        & > .virtual-table--empty { color: $text-muted; }
        & > .virtual-table--cursor {
            color: $block-cursor-blurred-foreground;
            background: $block-cursor-blurred-background;
            text-style: $block-cursor-blurred-text-style;
        }
        &:focus > .virtual-table--cursor {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
            text-style: $block-cursor-text-style;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open", tooltip="Open the highlighted row", id="table.select", show=False),
        Binding("up,k", "move(-1)", "Up", tooltip="One row up", id="table.up", show=False),
        Binding("down,j", "move(1)", "Down", tooltip="One row down", id="table.down", show=False),
        Binding("pageup", "page(-1)", "Page up", tooltip="One page up", id="table.page_up", show=False),
        Binding(
            "pagedown", "page(1)", "Page down", tooltip="One page down", id="table.page_down", show=False
        ),
        Binding("home,g", "first", "First row", tooltip="To the first row", id="table.first", show=False),
        Binding("end,G", "last", "Last row", tooltip="To the last row", id="table.last", show=False),
    ]

    cursor_row = var(0)
    """Number of the highlighted row, from 0; 0 when there are no rows."""
    empty_text = reactive("")
    """Shown in the middle when there are no rows: what the user can do about it."""

    @dataclass
    class PageWanted(_TableMessage):
        """Answer with `table.provide(request, offset, rows)`, or `table.lose(request, offset)` if you cannot;
        late answers are dropped by their number.
        """

        request: int
        offset: int
        limit: int

    @dataclass
    class RowHighlighted(_TableMessage):
        """The cursor stands on another row, or the row under it has arrived or changed."""

        row: int
        key: str | None
        """None while the row has not arrived, or when there are no rows."""

        def can_replace(self, message: Message) -> bool:
            """Only the last of a burst matters."""
            return isinstance(message, VirtualTable.RowHighlighted) and message.table is self.table

    @dataclass
    class RowSelected(_TableMessage):
        """Enter, or a click on the highlighted row."""

        row: int
        key: str

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty_text: str = "",
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.set_reactive(VirtualTable.empty_text, empty_text)
        self._total: int | None = None
        self._pages: LRUCache[int, list[Row]] = LRUCache(PAGES_KEPT)
        self._pending: dict[int, tuple[int, int]] = {}  # page -> request that may fill it, and its limit
        self._last_request = 0
        self._stale: set[int] = set()  # pages shown but to be fetched again
        self._followed: str | None = None  # key of the row that the cursor goes after
        self._timer: Timer | None = None
        self._click_moved = False

    @property
    def total(self) -> int:
        """Number of rows; 0 before the first `reset()`."""
        return self._total or 0

    @property
    def selected_key(self) -> str | None:
        """Key of the highlighted row; None while it has not arrived."""
        row = self.row_at(self.cursor_row)
        return row.key if row else None

    def row_at(self, index: int) -> Row | None:
        """The row, if it is in memory."""
        page = self._pages.get(index // PAGE, [])
        return page[index % PAGE] if index < self.total and index % PAGE < len(page) else None

    def reset(self, total: int) -> None:
        """Other rows now (a new filter, a new order): forget all pages and go to the top."""
        self._keep_total(total)
        self._pages.clear()
        self._pending.clear()
        self._stale.clear()
        self._followed = None
        self.virtual_size = Size(0, total + 1)
        if self.is_mounted:
            self.scroll_to(y=0, animate=False)
        self.set_reactive(VirtualTable.cursor_row, 0)
        self.refresh()
        self._want_soon()
        self._post_highlighted()

    def set_total(self, total: int) -> None:
        """The same rows, more or fewer at the end: keeps the position and what is on screen."""
        if total != self._total:
            self._keep_total(total)
            self.virtual_size = Size(0, total + 1)
            self.refresh()
        self.set_reactive(VirtualTable.cursor_row, self.validate_cursor_row(self.cursor_row))
        self._want_soon()
        self._post_highlighted()

    def _keep_total(self, total: int) -> None:
        was_empty, self._total = self.total == 0, total
        if was_empty != (total == 0) and self.is_mounted:
            self.screen.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers to open a row if there is one."""
        return action != "select" or self.total > 0

    def refetch(self, total: int) -> None:
        """Rows may have changed or moved: fetch those on screen again, and show the old ones until then.

        The cursor stays on its row wherever that is now, unless it is on the first: there it stays.
        """
        self._stale.update(self._pages.keys())
        self._followed = self.selected_key if self.cursor_row else None
        self.set_total(total)

    def provide(self, request: int, offset: int, rows: Sequence[Row]) -> bool:
        """The answer to `PageWanted`. False when nobody waits for it any more."""
        number = offset // PAGE
        asked, limit = self._pending.get(number, (0, 0))
        if asked != request:
            return False
        del self._pending[number]
        before = self._pages.get(number)
        self._pages.discard(number)  # this cache never overwrites
        self._pages.set(number, list(rows[:PAGE]))
        self._stale.discard(number)
        self._follow(number)
        if self._pages[number] != before:  # most that is fetched again is as it was
            self.refresh()
        if limit != self._expected(number):  # the total has changed while the answer was on its way
            self._want_soon()
        if self.cursor_row // PAGE == number:
            self._post_highlighted()
        return True

    def waits_for(self, request: int, offset: int) -> bool:
        """Whether an answer to this `PageWanted` would be taken. For workers too: why fetch what is not?"""
        return self._pending.get(offset // PAGE, (0, 0))[0] == request

    def lose(self, request: int, offset: int) -> None:
        """No answer to `PageWanted` will come: the next `refetch()` asks again."""
        number = offset // PAGE
        if self._pending.get(number, (0, 0))[0] == request:
            del self._pending[number]

    def update_row(self, key: str, row: Row) -> bool:
        """Exchange the row with this key. False when it is not in memory: then it is fetched fresh anyway."""
        for number in list(self._pages.keys()):
            for place, old in enumerate(self._pages[number]):
                if old.key == key:
                    self._pages[number][place] = row
                    self.refresh()
                    if self.cursor_row == number * PAGE + place:
                        self._post_highlighted()
                    return True
        return False

    def _post_highlighted(self) -> None:
        self.post_message(self.RowHighlighted(self, self.cursor_row, self.selected_key))

    def _want_soon(self) -> None:
        if self._timer is None and self.is_mounted:
            self._timer = self.set_timer(DEBOUNCE, self._want)

    def _follow(self, number: int) -> None:
        """Put the cursor back on the row it was on before a :meth:`refetch`, if that is in this page."""
        for place, row in enumerate(self._pages[number]):
            if row.key == self._followed:
                self._followed = None
                self.cursor_row = number * PAGE + place
                return

    def _expected(self, number: int) -> int:
        """Rows that a page should have."""
        return max(0, min(PAGE, self.total - number * PAGE))

    def _want(self) -> None:
        """Ask for the pages on screen, then the next and the previous one, unless held or asked for."""
        self._timer = None
        top = round(self.scroll_y)
        first, last = top // PAGE, (top + self._height) // PAGE
        wanted = [
            number
            for number in (*range(first, last + 1), last + 1, first - 1)
            if number >= 0
            and (number in self._stale or self._expected(number) != len(self._pages.get(number, [])))
        ]
        # What has been scrolled past is not waited for: a late answer is dropped, a later need asks again.
        self._pending = {number: self._pending[number] for number in wanted if number in self._pending}
        for number in wanted:
            if number not in self._pending:
                self._last_request += 1
                self._pending[number] = self._last_request, self._expected(number)
                self.post_message(
                    self.PageWanted(self, self._last_request, number * PAGE, self._expected(number))
                )

    @property
    def _height(self) -> int:
        """Lines for rows: all but the header."""
        return max(1, self.scrollable_content_region.height - 1)

    def on_mount(self) -> None:
        """Ask for what a `reset()` before mounting announced."""
        self._want_soon()

    def on_resize(self) -> None:
        """A taller table shows rows it may not have; a shorter one must not lose the cursor."""
        self._show_cursor()
        self._want_soon()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled by wheel, bar or cursor."""
        super().watch_scroll_y(old_value, new_value)
        self._want_soon()

    def validate_cursor_row(self, row: int) -> int:
        """Stay on a row."""
        return max(0, min(row, self.total - 1))

    def watch_cursor_row(self, before: int, now: int) -> None:
        """Show the cursor and say where it is."""
        self._followed = None  # who moves it while rows are fetched again wants it there
        top = round(self.scroll_y)
        self._show_cursor()
        # Two lines, over a slow connection, instead of all; where it scrolls, all are drawn anyway.
        self.refresh(*(Region(0, 1 + row - top, self.size.width, 1) for row in (before, now)))
        self._post_highlighted()

    def _show_cursor(self) -> None:
        top = round(self.scroll_y)
        if self.cursor_row < top:
            self.scroll_to(y=self.cursor_row, animate=False)
        elif self.cursor_row >= top + self._height:
            self.scroll_to(y=self.cursor_row - self._height + 1, animate=False)

    def action_move(self, rows: int) -> None:
        """Move the cursor by so many rows."""
        self.cursor_row += rows

    def action_page(self, pages: int) -> None:
        """Move the cursor by so many screens."""
        self.cursor_row += pages * self._height

    def action_first(self) -> None:
        """To the first row."""
        self.cursor_row = 0

    def action_last(self) -> None:
        """To the last row."""
        self.cursor_row = self.total - 1

    def action_select(self) -> None:
        """Open the highlighted row, once it is there."""
        if (key := self.selected_key) is not None:
            self.post_message(self.RowSelected(self, self.cursor_row, key))

    def on_click(self, event: events.Click) -> None:
        """A click highlights; one on the highlighted row, or the second of a double click, opens."""
        offset = event.get_content_offset(self)
        row = round(self.scroll_y) + offset.y - 1 if offset else -1
        if offset is None or offset.y == 0 or row >= self.total:
            return
        if row != self.cursor_row:
            self.cursor_row = row
            self._click_moved = True
        elif event.chain == 1 or self._click_moved:  # a double click whose first half opened opens once
            self._click_moved = False
            self.action_select()

    def render_line(self, y: int) -> Strip:
        """Line 0 is the header and stays; the others are rows from `scroll_y` on."""
        width = self.scrollable_content_region.width
        index = round(self.scroll_y) + y - 1
        if y == 0:
            style = self.get_visual_style("virtual-table--header")
            line = self._line([visible(column.title, 200) for column in self.columns], width)
        elif index >= self.total:
            style = self.get_visual_style("virtual-table--empty")
            line = self._empty_line(y, width)
        elif row := self.row_at(index):
            style = self.visual_style + Style.parse(row.style)
            line = self._line(row.cells, width)
        else:
            style = self.get_visual_style("virtual-table--placeholder")
            line = self._line([PLACEHOLDER] * len(self.columns), width)
        if y and index == self.cursor_row and index < self.total:
            # Over the cells' own colours, which would be unreadable on the cursor's.
            line = line.stylize(self.get_visual_style("virtual-table--cursor"))
        return Strip(line.render_segments(style)).adjust_cell_length(width, style.rich_style)

    def _line(self, cells: Sequence[str | Content], width: int) -> Content:
        widths = shared(self.columns, width)
        shown = [
            self._cell(cell, widths[column.key], column.align)
            for column, cell in zip(self.columns, cells, strict=False)
            if column.key in widths
        ]
        return Content(" " * GAP).join(shown).truncate(width, ellipsis=True, pad=True)

    @staticmethod
    def _cell(cell: str | Content, width: int, align: str) -> Content:
        if isinstance(cell, str):
            # Four code points a cell leave room for combining marks and keep a 100 kB field cheap.
            cell = safe_text(cell, limit=4 * width)
        if align == "right":
            cell = cell.pad_left(max(0, width - cell.cell_length))
        return cell.truncate(width, ellipsis=True, pad=True)

    def _empty_line(self, y: int, width: int) -> Content:
        lines = self.empty_text.split("\n") if self._total == 0 else []
        place = y - 1 - max(0, (self._height - len(lines)) // 2)
        text = safe_text(lines[place]) if 0 <= place < len(lines) else Content("")
        return text.truncate(width, ellipsis=True).center(width)
