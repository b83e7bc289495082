"""Repair rejected rows by hand, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.book_form import FIELDS, BookForm
from bibliflow_tui.widgets.error_detail import OUTCOMES, RecordDetail, hint
from bibliflow_tui.widgets.key_line import KeyLine
from bibliflow_tui.widgets.safe_input import SafeInput
from daemon import followups
from daemon.catalog import error_pages, jobs
from daemon.catalog.database import Connection
from daemon.catalog.error_pages import ErrorFilter
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError
from daemon.catalog.roles import RoleError
from daemon.catalog.row_errors import Problem, RowError
from daemon.catalog.row_repairs import RowRepair
from daemon.followups import FollowUpError, RepairedAlreadyError, RowRejectedError, TakenBackAlreadyError
from daemon.importing.fix import RowChecker
from daemon.importing.rules import DUPLICATE
from daemon.settings import BookField

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

Result = TypeVar("Result")

LONGEST_PROBLEM = 200

AWAY = "The database is out of reach"


class Done(NamedTuple):
    """A row that was repaired here, and how."""

    error: RowError
    repair: RowRepair
    typed: dict[BookField, str]


@dataclass
class Answer(Message):
    """Of the catalogue. ``reason`` says why it did nothing; "" if it did."""

    number: int
    reason: str = ""


@dataclass
class Saved(Answer):
    """The row is repaired; or it is not, for its ``problems``; or with neither, somebody was faster."""

    done: Done | None = None
    problems: Sequence[Problem] = ()


@dataclass
class TakenBack(Answer):
    """The row of the last repair is in error again; or not, if ``is_kept``, as its book was edited."""

    is_kept: bool = False


@dataclass
class Arrived(Answer):
    """The next row, None if that was the last one; and how many are open."""

    error: RowError | None = None
    open_count: int = 0


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
        self._error: RowError | None = error
        self._last = error
        """Behind which the next row is looked for."""
        self._open_count = job.open_error_count
        self._refused: tuple[dict[BookField, str], Sequence[Problem]] = ({}, ())
        """What was typed when the catalogue refused it, and why."""
        self._said = ""
        self._done: list[Done] = []
        self._skipped = 0
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
        self._show(self._error, {})

    # The row that is shown.

    def _show(self, error: RowError | None, typed: dict[BookField, str]) -> None:
        """Show this row; None: there are no more."""
        self._error = error
        self._refused = ({}, ())
        self._form.disabled = error is None
        self._form.load(self._checker.written(error) if error else {}, typed)
        self.query_one(RecordDetail).show(self._job, error)
        self.query_one("#repair-record").scroll_home(animate=False)
        self._show_title()
        self._check()
        if error is None:
            skipped = f"; {self._skipped:,} left as they are" if self._skipped else ""
            self._say(f"{self._said}   That was the last of these rows{skipped}; Escape goes back.".strip())
        else:
            self._last = error
            self._focus_first()
        self.refresh_bindings()

    def _show_title(self) -> None:
        row = f"Repair row {self._error.row_number:,} of " if self._error else "Repair "
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

    def _problems(self) -> list[Problem]:
        """What is wrong with what is in the fields."""
        if self._error is None:
            return []
        typed = self._form.typed()
        problems = self._checker.problems(self._error, typed)
        refused, why = self._refused
        if typed == refused:
            problems += [problem for problem in why if problem not in problems]
        return problems

    def _shown_problems(self) -> list[Problem]:
        """Those, and what else the row was rejected for as long as its field was not touched."""
        if self._error is None:
            return []
        typed, found = self._form.typed(), self._problems()
        for problem in self._error.as_problems():
            is_open = problem.field is None or (problem.code == DUPLICATE and problem.field not in typed)
            if is_open and problem.field not in {other.field for other in found}:
                found.append(problem)
        return found

    def _hints(self) -> dict[BookField | None, str]:
        """What may have been meant in fields that were not touched yet."""
        typed = self._form.typed()
        problems = self._error.as_problems() if self._error else []
        return {problem.field: hint(problem) for problem in problems if problem.field not in typed}

    @on(Input.Changed)
    def _check(self) -> None:
        hints = self._hints()
        lines: dict[BookField, Content] = {}
        whole = ""
        for problem in self._shown_problems():
            if problem.field is None:
                whole = f"✗ {problem.message}: look whether the fields have the right values"
                continue
            text = safe_text(f"✗ {problem.message}", "$text-error", limit=LONGEST_PROBLEM)
            if words := hints.get(problem.field):
                text = Content.assemble(
                    text, "\n", safe_text(f"→ {words}", "$text-success", limit=LONGEST_PROBLEM)
                )
            lines[problem.field] = text
        self._form.show(lines)
        self.query_one("#repair-whole", Static).update(safe_text(whole, "$text-error", limit=LONGEST_PROBLEM))

    def _focus_first(self) -> None:
        """Type into the first field that something is wrong with."""
        wrong = {problem.field for problem in self._shown_problems()}
        self._form.focus_on(next((field for field in FIELDS if field in wrong), "title"))

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers what makes sense for the row."""
        match action:
            case "save" | "skip":
                return self._error is not None
            case "suggest":
                return self._error is not None and any(
                    problem.suggestion for problem in self._error.as_problems()
                )
            case "take_back":
                return bool(self._done)
        return True

    @on(Input.Submitted)
    def _go_on(self) -> None:
        self.focus_next(SafeInput)

    def action_suggest(self) -> None:
        """Put what was probably meant into the fields."""
        for problem in self._error.as_problems() if self._error else ():
            if problem.field and problem.suggestion:
                self._form.put(problem.field, problem.suggestion)

    def action_scroll(self, pages: int) -> None:
        """More of the record, or back."""
        frame = self.query_one("#repair-record", VerticalScroll)
        frame.scroll_relative(y=pages * max(frame.size.height - 1, 1), animate=False)

    def action_back(self) -> None:
        """To the list."""
        self.dismiss(None)

    # What the catalogue is asked.

    def _begin(self) -> int:
        self._is_waiting = True
        self._number += 1
        return self._number

    def _is_late(self, answer: Answer) -> bool:
        """Whether nobody waits for it any more; else the next question may be asked."""
        if answer.number != self._number:
            return True
        self._is_waiting = False
        if answer.reason:
            self._say(f"✗ {answer.reason}", "$text-error")
        return False

    def _ask(self, question: Callable[[Connection], Result], reason: str) -> tuple[Result | None, str]:
        """In a worker: the answer, or why there is none."""
        try:
            found = self.dashboard.ask(question)
        except (RepairedAlreadyError, TakenBackAlreadyError):
            raise
        except (FollowUpError, NoSuchJobError, RoleError) as error:
            return None, str(error)
        return found, "" if found is not None else f"{AWAY}; {reason}"

    def action_save(self) -> None:
        """Import the row, unless something is wrong with it."""
        if self._is_waiting or self._error is None:
            return
        if self._checker.problems(self._error, self._form.typed()):
            self._check()
            self._focus_first()
        else:
            self._save(self._begin(), self._error, self._form.typed())

    @work(thread=True, group="repair-save", exit_on_error=False)
    def _save(self, number: int, error: RowError, typed: dict[BookField, str]) -> None:
        try:
            repair, reason = self._ask(
                lambda connection: followups.repair_row(connection, self._job, error, typed),
                f"row {error.row_number:,} is not saved. Nothing that you typed is lost: try again",
            )
        except RowRejectedError as rejected:
            self.post_message(Saved(number, problems=rejected.problems))
        except RepairedAlreadyError:
            self.post_message(Saved(number))
        else:
            done = Done(error, repair, typed) if repair else None
            self.post_message(Saved(number, reason, done))

    @on(Saved)
    def _show_saved(self, event: Saved) -> None:
        if self._is_late(event) or event.reason or self._error is None:
            return
        row = f"Row {self._error.row_number:,}"
        if event.problems:
            self._refused = (self._form.typed(), event.problems)
            self._check()
            self._focus_first()
            return
        if event.done is None:
            self._say(f"{row} was repaired already", "$text-warning")
        else:
            self._done.append(event.done)
            words = OUTCOMES[event.done.repair.outcome]
            self._say(f"✓ {row} {words} · ctrl+z takes it back", "$text-success")
        self._fetch_next(self._begin(), self._error)

    def action_skip(self) -> None:
        """The next row."""
        if not self._is_waiting and self._error is not None:
            self._skipped += 1
            self._say("")
            self._fetch_next(self._begin(), self._error)

    @work(thread=True, group="repair-next", exit_on_error=False)
    def _fetch_next(self, number: int, behind: RowError) -> None:
        def following(connection: Connection) -> tuple[RowError | None, int]:
            at = (behind.row_number, behind.id)
            found = error_pages.following(connection, self._job.id, self._wanted, at, 1)
            return (found[0] if found else None), jobs.get(connection, self._job.id).open_error_count

        found, reason = self._ask(following, "ctrl+n goes on when it is back")
        self.post_message(Arrived(number, reason, *(found or (None, 0))))

    @on(Arrived)
    def _show_next(self, event: Arrived) -> None:
        if not self._is_late(event) and not event.reason:
            self._open_count = event.open_count
            self._show(event.error, {})

    def action_take_back(self) -> None:
        """Put the last row that was repaired in error again, and show it."""
        if self._done and not self._is_waiting:
            self._take_back(self._begin(), self._done[-1])

    @work(thread=True, group="repair-take-back", exit_on_error=False)
    def _take_back(self, number: int, done: Done) -> None:
        reason = f"row {done.error.row_number:,} is not taken back: try again"
        try:
            undone, reason = self._ask(
                lambda connection: followups.undo_row(connection, self._job, done.repair), reason
            )
        except TakenBackAlreadyError:
            self.post_message(TakenBack(number))
        else:
            self.post_message(TakenBack(number, reason, is_kept=undone is False))

    @on(TakenBack)
    def _show_taken_back(self, event: TakenBack) -> None:
        if self._is_late(event) or event.reason:
            return
        done = self._done.pop()
        row = f"Row {done.error.row_number:,}"
        if event.is_kept:
            self._say(f"{row} stays: its book was edited or deleted since", "$text-warning")
            self.refresh_bindings()
        else:
            self._open_count += 1
            self._show(done.error, done.typed)
            self._say(f"{row} is in error again; it has what you had typed")
