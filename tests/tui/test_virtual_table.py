from __future__ import annotations

import time
import tracemalloc

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip

from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.columns import Column
from bibliflow_tui.widgets.virtual_table import PAGE, PAGES_KEPT, PLACEHOLDER, Row, VirtualTable
from tests.hostile import HOSTILE, assert_screen_is_clean, screen_lines, screen_strips
from tests.tui.waiting import wait_until

COLUMNS = [
    Column("row", "Row", 9, "right"),
    Column("title", "Title", "2fr"),
    Column("author", "Author", "1fr"),
]


def numbered(index: int) -> Row:
    return Row(f"k{index}", [f"{index:,}", f"Title {index}", "Someone"])


class TableApp(App[None]):
    """Answers every page at once, unless told to keep the requests."""

    def __init__(self, total: int | None, *, answer: bool = True) -> None:
        super().__init__()
        self.rows = total
        self.answer = answer
        self.asked: list[VirtualTable.PageWanted] = []
        self.highlighted: list[VirtualTable.RowHighlighted] = []
        self.selected: list[VirtualTable.RowSelected] = []

    def compose(self) -> ComposeResult:
        yield VirtualTable(COLUMNS, empty_text="No books yet.\nPress a to add files.")

    def on_mount(self) -> None:
        if self.rows is not None:
            self.table.reset(self.rows)

    @property
    def table(self) -> VirtualTable:
        return self.query_one(VirtualTable)

    def on_virtual_table_page_wanted(self, event: VirtualTable.PageWanted) -> None:
        self.asked.append(event)
        if self.answer:
            self.give(event)

    def give(self, event: VirtualTable.PageWanted) -> bool:
        rows = [numbered(index) for index in range(event.offset, event.offset + event.limit)]
        return event.table.provide(event.request, event.offset, rows)

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        self.highlighted.append(event)

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        self.selected.append(event)

    @property
    def text(self) -> str:
        return "\n".join(screen_lines(self))


async def test_a_million_rows_are_as_cheap_as_a_hundred() -> None:
    app = TableApp(1_000_000)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "Title 0 " in app.text)
        tracemalloc.start()
        start = time.perf_counter()
        await pilot.press("end")
        await wait_until(pilot, lambda: "Title 999999 " in app.text)
        assert time.perf_counter() - start < 2
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()
        assert app.table.cursor_row == 999_999
        assert app.table.selected_key == "k999999"
        lines = screen_lines(app)
        assert lines[0].split() == ["Row", "Title", "Author"]
        assert "999,999" in lines[-1]
        assert len(app.asked) < 10


async def test_keys_move_the_cursor_and_the_view() -> None:
    app = TableApp(1000)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for key, row in [
            ("down", 1), ("j", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", 23), ("pageup", 0),
            ("G", 999), ("down", 999), ("g", 0), ("end", 999), ("home", 0),
        ]:  # fmt: skip
            await pilot.press(key)
            assert app.table.cursor_row == row, key
            await wait_until(pilot, lambda shown=f"Title {row} ": shown in app.text)  # type: ignore[misc]
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.selected)
        assert (app.selected[0].row, app.selected[0].key) == (0, "k0")
        assert app.highlighted[-1].key == "k0"


async def test_mouse_highlights_opens_and_scrolls() -> None:
    app = TableApp(1000)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "Title 0 " in app.text)
        await pilot.click(VirtualTable, offset=(12, 0))  # the header
        assert not app.selected
        await pilot.click(VirtualTable, offset=(12, 5))
        assert app.table.cursor_row == 4
        assert not app.selected
        await pilot.click(VirtualTable, offset=(12, 5))
        await wait_until(pilot, lambda: app.selected)
        assert app.selected[-1].key == "k4"
        await pilot.double_click(VirtualTable, offset=(12, 9))
        await wait_until(pilot, lambda: len(app.selected) == 2)
        assert app.selected[-1].key == "k8"
        app.table.scroll_relative(y=50, animate=False)
        await wait_until(pilot, lambda: "Title 60 " in app.text)
        assert app.table.cursor_row == 8
        assert screen_lines(app)[0].split()[0] == "Row"


async def test_late_answers_are_dropped() -> None:
    app = TableApp(1000, answer=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: app.asked)
        assert PLACEHOLDER in app.text
        await pilot.press("enter")  # nothing there to open
        old = app.asked[0]
        app.asked.clear()
        app.table.reset(500)
        await wait_until(pilot, lambda: app.asked)
        assert not app.give(old)
        await pilot.pause()
        assert "Title 0 " not in app.text
        assert app.give(app.asked[0])
        await wait_until(pilot, lambda: "Title 0 " in app.text)
        assert not app.give(app.asked[0])
        assert not app.selected
        await wait_until(pilot, lambda: app.highlighted[-1].key == "k0")


async def test_what_was_scrolled_past_is_forgotten() -> None:
    app = TableApp(100_000, answer=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: app.asked)
        first = app.asked[0]
        await pilot.press("end")
        await wait_until(pilot, lambda: app.asked[-1].offset > 90_000)
        assert not app.give(first)
        app.answer = True
        await pilot.press("home")
        await wait_until(pilot, lambda: "Title 0 " in app.text)


async def test_memory_is_bounded() -> None:
    app = TableApp(10_000)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for row in range(0, 10_000, PAGE):
            app.table.cursor_row = row
            await wait_until(pilot, lambda: app.table.selected_key)
        assert sum(app.table.row_at(row) is not None for row in range(10_000)) <= PAGES_KEPT * PAGE
        assert len(app.asked) <= 10_000 // PAGE


async def test_set_total_keeps_the_position() -> None:
    app = TableApp(150)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.table.cursor_row = 140
        await wait_until(pilot, lambda: "Title 140 " in app.text)
        app.table.set_total(400)
        assert "Title 140 " in app.text
        assert app.table.selected_key == "k140"
        app.table.cursor_row = 160
        await wait_until(pilot, lambda: "Title 160 " in app.text)
        app.table.set_total(50)
        await wait_until(pilot, lambda: "Title 49 " in app.text)
        assert app.table.cursor_row == 49
        app.table.set_total(0)
        await wait_until(pilot, lambda: "Press a to add files." in app.text)
        await wait_until(pilot, lambda: app.highlighted[-1].key is None)
        assert app.table.selected_key is None


async def test_a_growing_total_does_not_starve_the_answers() -> None:
    app = TableApp(30, answer=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: app.asked)
        app.table.set_total(60)
        assert app.give(app.asked[0])
        await wait_until(pilot, lambda: "Title 0 " in app.text)
        await wait_until(pilot, lambda: len(app.asked) == 2)
        assert app.asked[1].limit == 60


async def test_update_row() -> None:
    app = TableApp(500)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "Title 3 " in app.text)
        new = Row("k3", ["3", safe_text("now 64 %", "bold $text-success"), "x"], style="$foreground-muted")
        assert app.table.update_row("k3", new)
        await wait_until(pilot, lambda: "now 64 %" in app.text)
        assert not app.table.update_row("k499", new)


async def test_empty_table_says_what_to_do() -> None:
    app = TableApp(0)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "No books yet." in app.text)
        line = next(line for line in screen_lines(app) if "No books yet." in line)
        assert abs(line.index("No") - (80 - len("No books yet.")) // 2) <= 1
        await pilot.press("down", "up", "end", "pagedown", "enter")
        assert app.table.cursor_row == 0
        assert not app.selected


async def test_blank_until_the_rows_are_counted() -> None:
    app = TableApp(None)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        assert "No books" not in app.text
        assert "Title" in app.text


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (20, 5), (8, 3), (3, 1), (1, 1), (120, 2)])
async def test_any_size(size: tuple[int, int]) -> None:
    app = TableApp(1000)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.table.cursor_row = 500
        await wait_until(pilot, lambda: "Title 500 " in app.text)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert app.size == Size(*size)
        assert_screen_is_clean(app)
        await pilot.press("pagedown", "end", "home")
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: "Title 0 " in app.text)


async def test_a_key_counts_also_while_rows_are_fetched_again() -> None:
    app = TableApp(1000)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "Title 1 " in app.text)
        await pilot.press("j", "j")
        app.answer = False
        app.asked.clear()
        app.table.refetch(1000)
        await wait_until(pilot, lambda: app.asked)
        await pilot.press("j")
        for event in app.asked:
            app.give(event)
        await pilot.pause()
        assert app.table.cursor_row == 3


async def test_hostile_rows_headers_and_empty_text() -> None:
    texts = list(HOSTILE.values())

    class Hostile(TableApp):
        def compose(self) -> ComposeResult:
            yield VirtualTable([Column("n", texts[5], 12, "right"), Column("t", texts[1], "1fr")])

        def give(self, event: VirtualTable.PageWanted) -> bool:
            rows = [Row(text, [text, text]) for text in texts]
            return event.table.provide(event.request, event.offset, rows)

    app = Hostile(len(texts))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "[@click=app.exit]x[/]" in screen_lines(app)[2])
        assert_screen_is_clean(app)
        await pilot.click(VirtualTable, offset=(20, 2), times=2)
        assert app.is_running
        for text in texts:
            app.table.empty_text = text
            app.table.reset(0)
            await pilot.pause()
            assert_screen_is_clean(app)


async def test_wide_characters_keep_the_columns_straight() -> None:
    class Wide(TableApp):
        def give(self, event: VirtualTable.PageWanted) -> bool:
            rows = [
                Row("a", ["1", "日本語の本" * 20, "END"]),
                Row("b", ["2", "x" + "日本語の本" * 20, "END"]),
                Row("c", ["3", Content("plain"), "END"]),
                Row("d", ["4"]),
            ]
            return event.table.provide(event.request, event.offset, rows)

    app = Wide(4)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "END" in app.text)
        lines = screen_lines(app)[1:4]
        assert len({cell_len(line[: line.index("END")]) for line in lines}) == 1
        assert all("…" in line for line in lines[:2])
        assert [line[:9] for line in lines] == ["        1", "        2", "        3"]


def test_bindings_can_be_rebound_and_explained() -> None:
    for _, binding in VirtualTable([])._bindings:
        assert binding.id
        assert binding.description
        assert binding.tooltip


async def test_the_cursor_row_stands_out_over_the_cells_colours() -> None:
    app = TableApp(10)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "Title 1 " in app.text)
        app.table.update_row("k0", Row("k0", ["0", safe_text("loud", "red on green"), "x"]))
        await wait_until(pilot, lambda: "loud" in app.text)
        cursor, other = screen_strips(app)[1:3]
        styles = {segment.style.bgcolor for segment in cursor if segment.style}
        assert len(styles) == 1
        assert styles.isdisjoint(segment.style.bgcolor for segment in other if segment.style)


class SparingApp(TableApp):
    """Some columns can be done without."""

    def compose(self) -> ComposeResult:
        yield VirtualTable(
            [
                Column("row", "Row", 5, "right", spare=2),
                Column("title", "Title", "2fr", least=12),
                Column("year", "Year", 4, spare=1),
                Column("author", "Author", "1fr", least=6),
            ]
        )

    def give(self, event: VirtualTable.PageWanted) -> bool:
        rows = [Row(f"k{n}", [f"{n}", "T" * 90, "1984", "A" * 90]) for n in range(event.limit)]
        return event.table.provide(event.request, event.offset, rows)


async def test_columns_go_before_others_are_too_narrow() -> None:
    app = SparingApp(2)
    async with app.run_test(size=(80, 5), notifications=True) as pilot:
        await wait_until(pilot, lambda: "1984" in screen_lines(app)[1])
        for width, titles in {
            80: ["Row", "Title", "Year", "Author"],
            33: ["Row", "Title", "Year", "Author"],
            32: ["Row", "Title", "Author"],
            27: ["Row", "Title", "Author"],
            26: ["Title", "Author"],
            8: ["Tit…", "A…"],
        }.items():
            await pilot.resize_terminal(width, 5)
            await wait_until(pilot, lambda: cell_len(screen_lines(app)[1]) == width)  # noqa: B023
            await wait_until(pilot, lambda: screen_lines(app)[0].split() == titles)  # noqa: B023
            line = screen_lines(app)[1]
            assert ("1984" in line) == ("Year" in titles)
            assert (line.split()[0] == "0") == ("Row" in titles)
            if width > 19:
                assert line.count("T") >= 11
                assert line.count("A") >= 5


async def test_a_step_draws_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TableApp(1000)
    drawn: list[int] = []
    render = VirtualTable.render_line

    def counting(table: VirtualTable, y: int) -> Strip:
        drawn.append(y)
        return render(table, y)

    monkeypatch.setattr(VirtualTable, "render_line", counting)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: "Title 20" in app.text)
        await pilot.press("down", "down")
        await pilot.pause()
        drawn.clear()
        await pilot.press("down")
        await wait_until(pilot, lambda: drawn)
        await pilot.pause()
        assert sorted(set(drawn)) == [3, 4]  # below the header
        await pilot.press("G")
        await wait_until(pilot, lambda: "Title 999" in app.text)
        drawn.clear()
        await pilot.press("up")
        await wait_until(pilot, lambda: drawn)
        await pilot.pause()
        assert sorted(set(drawn)) == [22, 23]
