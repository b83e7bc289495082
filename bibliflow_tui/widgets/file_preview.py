"""What an import of the file under the cursor would bring, while its rows are being counted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.filesize import decimal
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from bibliflow_tui import previews
from bibliflow_tui.key_names import key_of
from bibliflow_tui.text import safe_text
from daemon import intake
from daemon.file_check import RefusedError, check_file, display_name
from daemon.importing import reading as readings
from daemon.importing.header import FIELDS
from daemon.importing.preview import Preview, PreviewRow, scan
from daemon.importing.reading import Reading
from daemon.importing.source import SourceError
from daemon.request import Request
from daemon.settings import Settings
from daemon.values import DuplicatePolicy

REST = 0.15
"""Seconds that the cursor stays on a file before it is read: whoever holds a key down reads none."""

CALM = 0.1
"""Seconds between two messages at least: ten redraws a second look like motion, more are work for nothing."""

SHOWN_CODES = 4
"""The commonest problems of a file, which two lines hold."""

LONGEST_TEXT = 300
"""Characters of a message or name that are shown."""

NUMBER, ISBN, YEAR = 4, 15, 6
"""Cells of these columns, with a mark in front of a value that is wrong. Title and author share the rest."""

MUTED = "$foreground-muted"
WRONG = "$text-error"

Known = Callable[[Sequence[str]], set[str] | None]
"""Which of some ISBNs the catalogue has; None if that is not known."""


@dataclass(frozen=True)
class Shown:
    """What is known of a file so far."""

    path: Path
    size: int | None = None
    """Bytes."""
    reading: Reading | None = None
    counted: Preview = field(default_factory=Preview)
    is_complete: bool = False
    error: str | None = None
    """Why it cannot be imported."""
    columns: tuple[str, ...] = ()
    """Its columns, as far as they are known, also of a file that cannot be imported."""


class FilePreview(Vertical):
    """How a file is read and what its columns are, its first rows, and below them the counts."""

    @dataclass
    class Progressed(Message):
        """More is known of the file that was asked for with this number."""

        number: int
        shown: Shown

        def can_replace(self, message: Message) -> bool:
            """The newest is all that is of interest; a late one of an older number is not the newest."""
            return isinstance(message, FilePreview.Progressed) and message.number >= self.number

    def __init__(self, settings: Settings, known: Known | None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._settings = settings
        self._known = known
        self._request = Request()
        self._number = 0
        self._resting: Timer | None = None
        self.shown: Shown | None = None
        """None where the cursor is on no file."""

    def compose(self) -> ComposeResult:
        """Reading, rows, counts."""
        yield Static(id="preview-reading")
        with VerticalScroll(id="preview-frame", can_focus=False):
            yield Static(id="preview-rows")
        yield Static(id="preview-counts")

    def show(self, path: Path | None, request: Request) -> None:
        """Show the file at ``path`` as ``request`` wants it read; None shows nothing."""
        self._number += 1  # which ends what is under way
        self._request = request
        if self._resting is not None:
            self._resting.stop()
        self.shown = None if path is None else Shown(path)
        self._draw()
        if path is not None:
            self._resting = self.set_timer(REST, self._begin)

    def show_policy(self, request: Request) -> None:
        """Tell what comes of duplicates now, for which nothing has to be read again."""
        self._request = request
        self._draw()

    def show_again(self) -> None:
        """Look once more, if what the catalogue has was not known."""
        if self.shown is not None and self.shown.counted.in_catalogue is None:
            self.show(self.shown.path, self._request)

    def scroll_rows(self, pages: int) -> None:
        """Move the rows, down or up."""
        frame = self.query_one("#preview-frame", VerticalScroll)
        frame.scroll_relative(y=pages * frame.size.height, animate=False)

    def on_unmount(self) -> None:
        """End what is under way."""
        self._number += 1

    def on_resize(self) -> None:
        """Rows are as wide as there is room, which is known when they have their places."""
        self.call_after_refresh(self._draw)

    def _begin(self) -> None:
        if self.shown is not None:
            self._read(self._number, self.shown.path, self._request)

    @work(thread=True, group="file-preview", exit_on_error=False)
    def _read(self, number: int, path: Path, request: Request) -> None:
        posted = -math.inf
        has_rows = False
        for shown in look(path, request, self._settings, self._known):
            if number != self._number:
                return
            now = time.monotonic()
            is_news = shown.is_complete or shown.error or (shown.counted.first and not has_rows)
            if is_news or now - posted > CALM:
                posted = now
                has_rows = bool(shown.counted.first)
                self.post_message(self.Progressed(number, shown))

    @on(Progressed)
    def _show_progress(self, event: Progressed) -> None:
        event.stop()
        if event.number == self._number:
            self.shown = event.shown
            self._draw()

    def _draw(self) -> None:
        shown = self.shown
        rows = self.query_one("#preview-rows", Static)
        rows.set_class(shown is not None and shown.error is not None, "-refused")
        policy = self._request.on_duplicate or self._settings.importing.on_duplicate
        reading, found, counts = (
            ([], [], [])
            if shown is None
            else _lines(shown, rows.size.width, policy, key_of(self.app, "add_files.reading"))
        )
        self.query_one("#preview-reading", Static).update(Content("\n").join(reading))
        rows.update(Content("\n").join(found))
        self.query_one("#preview-counts", Static).update(Content("\n").join(counts))


def look(path: Path, request: Request, settings: Settings, known: Known | None) -> Iterator[Shown]:
    """What is known of the file at ``path``, growing until it is complete or an error; stop asking to end."""
    options = intake.import_options(settings, request)
    shown = Shown(path)
    try:
        shown = replace(shown, size=path.stat().st_size)
        check_file(path, settings)
        reading = readings.understand(path, options)
        shown = replace(shown, reading=reading, columns=reading.header.names)
        for counted in scan(path, reading, options, known):
            # The scan goes on with its own, while this one is drawn.
            shown = replace(
                shown, counted=replace(counted, first=counted.first.copy(), codes=counted.codes.copy())
            )
            yield shown
        yield replace(shown, is_complete=True)
    except RefusedError as error:
        yield replace(shown, error=str(error).removeprefix(f"{display_name(path)}: "))
    except SourceError as error:
        yield replace(shown, error=str(error), columns=error.columns or shown.columns)
    except OSError as error:
        yield replace(shown, error=f"cannot be read: {error.strerror}")


def _lines(
    shown: Shown, width: int, policy: DuplicatePolicy, key: str
) -> tuple[list[Content], list[Content], list[Content]]:
    """What stands above the rows, the rows, and what stands below them; ``key`` changes how it is read."""
    size = "" if shown.size is None else decimal(shown.size)
    name = safe_text(shown.path.name, "bold", limit=LONGEST_TEXT)
    above = [Content.assemble(name, "  ", safe_text(size, MUTED))]
    if shown.error is not None:
        return above, _refusal(shown, key), []
    if shown.reading is None:
        return above, [], []
    above += _reading(shown.reading)
    rows = [line for row in shown.counted.first for line in _row(row, width)]
    return above, rows, list(_counts(shown, policy))


def _reading(reading: Reading) -> Iterator[Content]:
    yield safe_text(reading.describe(), MUTED)
    mapping = previews.mapping(reading)
    for name in FIELDS:
        label = safe_text(f"{name:<16} ← ", MUTED)
        columns = mapping.get(name)
        source = safe_text("no column", MUTED) if columns is None else safe_text(previews.sources(columns))
        yield Content.assemble(label, source)


def _refusal(shown: Shown, key: str) -> list[Content]:
    lines = [safe_text(f"✗ {shown.error}", WRONG, limit=10 * LONGEST_TEXT)]
    if shown.columns:
        lines.append(safe_text(f"{key} says which columns to use.", MUTED))
    return lines


def _row(row: PreviewRow, width: int) -> Iterator[Content]:
    """The values, those that are wrong marked, and below them what is wrong."""
    number = safe_text(f"{row.row_number:>{NUMBER - 1},} ", MUTED)
    wrong = {problem.field for problem in row.problems}
    if row.values:
        room = max(width - NUMBER - ISBN - YEAR, 0)
        widths = dict(zip(FIELDS, (room - room * 2 // 5, room * 2 // 5, ISBN, YEAR), strict=True))
        cells = [_cell(row.values.get(name), widths[name], name in wrong) for name in FIELDS]
        yield Content.assemble(number, *cells)
        number = Content(" " * NUMBER)
    for problem in row.problems:
        yield Content.assemble(number, safe_text(f"✗ {problem.message}", WRONG, limit=LONGEST_TEXT))
        number = Content(" " * NUMBER)


def _cell(value: object, width: int, is_wrong: bool) -> Content:
    text = safe_text(value, limit=width)
    if is_wrong:
        text = Content.assemble("✗", text).stylize(WRONG)
    # A cell less, so that the next column does not touch it.
    return Content.assemble(text.truncate(max(width - 1, 0), ellipsis=True, pad=True), " ")


def _counts(shown: Shown, policy: DuplicatePolicy) -> Iterator[Content]:
    counted = shown.counted
    yield Content.assemble(
        safe_text(previews.outcome(counted, policy), "bold"),
        safe_text("" if shown.is_complete else f" … {_percent(shown)} %", MUTED),
    )
    yield safe_text(previews.duplicates(counted), MUTED)
    if counted.codes:
        common = [f"{code} {count:,}" for code, count in counted.codes.most_common(SHOWN_CODES)]
        more = ", …" if len(counted.codes) > SHOWN_CODES else ""
        yield safe_text(f"✗ {', '.join(common)}{more}", WRONG)
    if counted.fixable:
        yield safe_text(f"→ suggestions for {counted.fixable:,} of the rejected rows", "$text-success")
    if counted.in_catalogue is None:
        yield safe_text("What the catalogue has already is not known.", MUTED)


def _percent(shown: Shown) -> int:
    return 100 * shown.counted.bytes_read // max(shown.size or 0, 1)
