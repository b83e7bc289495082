"""Repair rejected rows by hand, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast
from uuid import UUID

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bibliflow_tui import row_actions
from bibliflow_tui.key_names import key_of
from bibliflow_tui.row_actions import Following, Repaired, TakenBack
from bibliflow_tui.row_edit import LONGEST_PROBLEM, RowEdit, Typed
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.book_form import BookForm
from bibliflow_tui.widgets.error_detail import OUTCOMES, RecordDetail
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.safe_input import SafeInput
from daemon.catalog.error_filter import ErrorFilter
from daemon.catalog.job import Job
from daemon.catalog.row_errors import RowError
from daemon.catalog.row_repairs import RowRepair
from daemon.importing.fix import RowChecker

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard


class Done(NamedTuple):
    """A row that was repaired here, and how."""

    error: RowError
    repair: RowRepair
    typed: Typed


@dataclass
class Answer(Message):
    """Of the catalogue, to the question of this number."""

    number: int
    content: Repaired | TakenBack | Following


class RepairRow(ModalScreen[None]):
    """The four fields of a row, what is wrong with them, and its record. The next row follows by itself."""

    CSS_PATH = Path(__file__).parent.parent / "styles" / "repair_row.tcss"
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+s", "save", "Import", tooltip="Import the row like this; the next one", id="repair.save"
        ),
        Binding(
            "ctrl+t", "suggest", "Suggestion", tooltip="Take what was probably meant", id="repair.suggest"
        ),
        Binding("ctrl+n", "skip", "Next", tooltip="Leave this row as it is; the next one", id="repair.next"),
        Binding("ctrl+z", "take_back", "Take back", tooltip="Undo the last repair", id="repair.take_back"),
        Binding(
            "pagedown", "scroll(1)", "Record down", tooltip="More of the record", id="repair.down", show=False
        ),
        Binding(
            "pageup", "scroll(-1)", "Record up", tooltip="Back in the record", id="repair.up", show=False
        ),
        Binding("escape", "back", "Back", tooltip="Back to the list, this row unchanged", id="repair.back"),
    ]

    def __init__(self, job: Job, checker: RowChecker, error: RowError, wanted: ErrorFilter) -> None:
        """``error`` is the first row, those behind it that are ``wanted`` follow."""
        super().__init__()
        self._job = job
        self._checker = checker
        self._wanted = replace(wanted, with_resolved=False)
        self._first = error
        self._edit: RowEdit | None = None
        """The row that is shown; None if there are no more."""
        self._open_count = job.open_error_count
        self._said = ""
        self._typed: Typed = {}
        """What is being saved."""
        self._done: list[Done] = []
        self._skipped: set[UUID] = set()
        self._number = 0
        """Of the latest question to the catalogue: answers to others are stale."""
        self._is_waiting = False

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def _form(self) -> BookForm:
        return self.query_one(BookForm)

    def compose(self) -> ComposeResult:
        """Title, what was done last, fields, the record, keys."""
        yield Static(id="repair-title")
        yield Static(id="repair-said")
        yield Static(id="repair-whole")
        yield BookForm({})
        with VerticalScroll(id="repair-record", can_focus=False):
            yield RecordDetail()
        yield KeyLine(show_command_palette=False)

    def on_mount(self) -> None:
        """Show the first row."""
        self._show(self._first)

    # The row that is shown.

    def _show(self, error: RowError | None, typed: Typed = MappingProxyType({})) -> None:
        """Show this row, with what was typed already; None: there are no more."""
        self._edit = RowEdit(self._checker, error) if error else None
        self._form.disabled = error is None
        self._form.load(self._edit.written if self._edit else {}, typed)
        self.query_one(RecordDetail).show(self._job, error)
        self.query_one("#repair-record").scroll_home(animate=False)
        self._show_title()
        self._check()
        if error is None:
            left = self._skipped - {done.error.id for done in self._done}
            skipped = f"; {len(left):,} left as they are" if left else ""
            back = f"{key_of(self.app, 'repair.back')} goes back"
            self._say(f"{self._said}   That was the last of these rows{skipped}; {back}.".strip())
        else:
            self._focus_first()
        self.refresh_bindings()

    def _show_title(self) -> None:
        row = f"Repair row {self._edit.error.row_number:,} of " if self._edit else "Repair "
        self.query_one("#repair-title", Static).update(
            Content.assemble(
                (row, "$foreground-muted"),
                safe_text(self._job.filename, "bold"),
                (f"   {self._open_count:,} open", "$foreground-muted"),
            )
        )

    def _say(self, text: str, style: str = "") -> None:
        """Show ``text`` in the line below the title."""
        self.query_one("#repair-said", Static).update(safe_text(text, style, limit=LONGEST_PROBLEM))
        self._said = text

    @on(Input.Changed)
    def _check(self) -> None:
        typed = self._form.typed()
        self._form.show(self._edit.lines(typed) if self._edit else {})
        whole = self._edit.whole(typed) if self._edit else Content("")
        self.query_one("#repair-whole", Static).update(whole)

    def _focus_first(self) -> None:
        """Type into the first field that something is wrong with."""
        if self._edit is not None:
            self._form.focus_on(self._edit.first_wrong(self._form.typed()))

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers what makes sense for the row."""
        match action:
            case "save" | "skip":
                return self._edit is not None
            case "suggest":
                return self._edit is not None and bool(self._edit.suggested)
            case "take_back":
                return bool(self._done)
        return True

    @on(Input.Submitted)
    def _go_on(self) -> None:
        self.focus_next(SafeInput)

    def action_suggest(self) -> None:
        """Put what was probably meant into the fields."""
        for field, text in self._edit.suggested.items() if self._edit else ():
            self._form.put(field, text)

    def action_scroll(self, pages: int) -> None:
        """More of the record, or back."""
        frame = self.query_one("#repair-record", VerticalScroll)
        frame.scroll_relative(y=pages * max(frame.size.height - 1, 1), animate=False)

    def action_back(self) -> None:
        """To the list."""
        self.dismiss(None)

    # What the catalogue is asked, one question at a time.

    def _begin(self) -> int:
        self._is_waiting = True
        self._number += 1
        return self._number

    @on(Answer)
    def _take(self, event: Answer) -> None:
        if event.number != self._number:
            return  # nobody waits for it any more
        self._is_waiting = False
        match event.content:
            case Repaired() | TakenBack() | Following() as content if content.reason:
                self._say(f"✗ {content.reason}", "$text-error")
            case Repaired() as repaired:
                self._show_repaired(repaired)
            case Following() as following:
                self._open_count = following.open_count
                self._show(following.error)
            case TakenBack() as taken_back:
                self._show_taken_back(taken_back)

    def action_save(self) -> None:
        """Import the row, unless something is wrong with it."""
        if self._is_waiting or self._edit is None:
            return
        typed = self._form.typed()
        if self._edit.problems(typed):
            self._focus_first()
        else:
            self._typed = typed
            self._save(self._begin(), self._edit.error, typed)

    @work(thread=True, group="repair-save", exit_on_error=False)
    def _save(self, number: int, error: RowError, typed: Typed) -> None:
        self.post_message(Answer(number, row_actions.repair(self.dashboard, self._job, error, typed)))

    def _show_repaired(self, repaired: Repaired) -> None:
        if self._edit is None:
            return
        error, row = self._edit.error, f"Row {self._edit.error.row_number:,}"
        if repaired.problems:
            self._edit.refuse(self._typed, repaired.problems)
            self._check()
            self._focus_first()
            return
        if repaired.repair is None:
            self._say(f"{row} was repaired already", "$text-warning")
        else:
            self._done.append(Done(error, repaired.repair, self._typed))
            words = OUTCOMES[repaired.repair.outcome]
            key = key_of(self.app, "repair.take_back")
            self._say(f"✓ {row} {words} · {key} takes it back", "$text-success")
        self._fetch_next(self._begin(), error)

    def action_skip(self) -> None:
        """The next row."""
        if not self._is_waiting and self._edit is not None:
            self._skipped.add(self._edit.error.id)
            self._say("")
            self._fetch_next(self._begin(), self._edit.error)

    @work(thread=True, group="repair-next", exit_on_error=False)
    def _fetch_next(self, number: int, behind: RowError) -> None:
        found = row_actions.following(self.dashboard, self._job, self._wanted, behind)
        self.post_message(Answer(number, found))

    def action_take_back(self) -> None:
        """Put the last row that was repaired in error again, and show it."""
        if self._done and not self._is_waiting:
            self._take_back(self._begin(), self._done[-1].repair)

    @work(thread=True, group="repair-take-back", exit_on_error=False)
    def _take_back(self, number: int, repair: RowRepair) -> None:
        self.post_message(Answer(number, row_actions.take_back(self.dashboard, self._job, repair)))

    def _show_taken_back(self, taken_back: TakenBack) -> None:
        done = self._done.pop()
        row = f"Row {done.error.row_number:,}"
        if taken_back.is_kept:
            self._say(f"{row} stays: its book was edited or deleted since", "$text-warning")
            self.refresh_bindings()
        else:
            self._open_count += 1
            self._show(done.error, done.typed)
            self._say(f"{row} is in error again; it has what you had typed")
