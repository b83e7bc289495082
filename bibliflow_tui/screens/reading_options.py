"""Say how a file is to be read, where the program is wrong or cannot know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Select, Static

from bibliflow_tui.key_names import key_of
from bibliflow_tui.text import safe_label, safe_text
from bibliflow_tui.widgets.file_preview import Shown
from bibliflow_tui.widgets.key_line import KeyLine
from daemon.importing import encoding as encodings
from daemon.importing.dialect import DELIMITERS
from daemon.importing.header import FIELDS
from daemon.request import Request
from daemon.settings import ImportSettings
from daemon.values import Delimiter, DuplicatePolicy, column_name

ENCODINGS = ("utf-8", "utf-16", *encodings.LEGACY)
"""What is offered, the likelier first."""

POLICIES: dict[DuplicatePolicy, str] = {
    "error": "a row error",
    "skip": "skip the row",
    "update": "update the book",
    "fill": "fill what the book lacks",
}
"""What happens to a row whose ISBN is there already, in words."""

BY_ITSELF = "found by itself"

NONE = "none"
"""The file has no header."""

NOT_WANTED = "-"
"""Name of a column that fills no field."""

LONGEST_NAME = 60
"""Characters of a column's name that are shown."""


class ReadingOptions(ModalScreen[Request | None]):
    """A line for each choice. Results in what the file's import is to want; None changes nothing."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "reading_options.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply", "Apply", tooltip="Read the file like this", id="reading.apply"),
        Binding("r", "reset", "Reset", tooltip="Let all be found by itself", id="reading.reset"),
        Binding("j", "app.focus_next", "Next", tooltip="To the next line", id="reading.next"),
        Binding("k", "app.focus_previous", "Previous", tooltip="To the line above", id="reading.previous"),
        Binding("escape", "back", "Back", tooltip="Back without a change", id="reading.back"),
    ]

    def __init__(self, shown: Shown, request: Request, settings: ImportSettings, others: int = 0) -> None:
        """``others`` are to be read in the same way; the columns are those of the one that is ``shown``."""
        super().__init__()
        self._others = others
        self._shown = shown
        self._request = request
        self._settings = settings

    def compose(self) -> ComposeResult:
        """Title, choices, keys."""
        with VerticalScroll(id="reading-box", can_focus=False):
            more = f" and {self._others:,} more" if self._others else ""
            yield Static(safe_text(f"How to read {self._shown.path.name}{more}"), id="reading-heading")
            for label, choice in self._choices():
                with Horizontal(classes="reading-line"):
                    yield Static(safe_text(label), classes="reading-label")
                    yield choice
            applies = f"this to the {self._others + 1:,} marked files" if self._others else "what was chosen"
            hint = f"Enter opens a list, {key_of(self.app, 'reading.apply')} applies {applies}."
            yield Static(safe_text(hint), id="reading-hint")
        yield KeyLine(show_command_palette=False)

    def _choices(self) -> Iterator[tuple[str, Widget]]:
        asked, default = self._request, self._settings
        names = dict.fromkeys((*ENCODINGS, *filter(None, [asked.encoding])))
        configured = BY_ITSELF if default.encoding == "auto" else encodings.label(default.encoding)
        yield (
            "encoding",
            _choice("encoding", ((encodings.label(n), n) for n in names), asked.encoding, configured),
        )
        delimiters = ((name, delimiter) for delimiter, name in DELIMITERS.items())
        yield "delimiter", _choice("delimiter", delimiters, asked.delimiter)
        policies = ((words, policy) for policy, words in POLICIES.items())
        yield (
            "duplicates",
            _choice("duplicates", policies, asked.on_duplicate, POLICIES[default.on_duplicate]),
        )
        placed = self._placed()
        yield "header", _choice("header", [("none", NONE)], NONE if NONE in placed else None)
        columns = list(_columns(self._shown.columns))
        for field in FIELDS:
            yield field, _choice(field, columns, placed.get(field))

    def _placed(self) -> dict[str, str]:
        """The columns that were chosen for fields, and :data:`NONE` for a file without header."""
        reading = self._shown.reading
        names = self._request.columns
        if names is None and reading is not None and not reading.header.is_in_file:
            names = reading.header.names
        if names is not None:
            return {NONE: NONE} | {name: str(index) for index, name in enumerate(names)}
        found = self._shown.columns
        chosen = self._request.mapping or {}
        return {field: str(found.index(name)) for field, name in chosen.items() if name in found}

    def _chosen(self, name: str) -> str | None:
        return cast("Select[str]", self.query_one(f"#reading-{name}", Select)).selection

    def _asked(self) -> Request:
        places = {field: int(place) for field in FIELDS if (place := self._chosen(field)) is not None}
        columns = mapping = None
        if self._chosen("header") is None:
            mapping = {field: self._shown.columns[index] for field, index in places.items()}
        else:
            columns = [NOT_WANTED] * len(self._shown.columns)
            for field in places:
                columns[places[field]] = field
        return Request(
            on_duplicate=cast("DuplicatePolicy | None", self._chosen("duplicates")),
            encoding=self._chosen("encoding"),
            delimiter=cast("Delimiter | None", self._chosen("delimiter")),
            columns=columns,
            mapping=mapping or None,
        )

    def action_apply(self) -> None:
        """Leave with what was chosen."""
        self.dismiss(self._asked())

    def action_reset(self) -> None:
        """Choose nothing."""
        for choice in self.query(Select):
            choice.clear()

    def action_back(self) -> None:
        """Leave without a change."""
        self.dismiss(None)


def _columns(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Labels and indices of those that can be named."""
    for index, name in enumerate(names):
        with suppress(ValueError):
            yield f"{index + 1}  {column_name(name)}", str(index)


def _choice(
    name: str, options: Iterable[tuple[str, str]], chosen: str | None, blank: str = BY_ITSELF
) -> Select[str]:
    """A list of labels and values; without a choice it shows ``blank``, which is the program's own word."""
    known = [(safe_label(label, limit=LONGEST_NAME), value) for label, value in options]
    value = chosen if chosen in {value for _, value in known} else None
    return Select(
        known,
        prompt=blank,
        value=Select.NULL if value is None else value,
        compact=True,
        id=f"reading-{name}",
    )
