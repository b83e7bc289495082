"""What workers do about single rejected rows, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from bibliflow_tui.key_names import key_of
from bibliflow_tui.live import AWAY
from daemon import followups
from daemon.catalog import error_pages, jobs
from daemon.catalog.database import Connection
from daemon.catalog.error_filter import ErrorFilter
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError
from daemon.catalog.roles import RoleError
from daemon.catalog.row_errors import Problem, RowError
from daemon.catalog.row_repairs import RowRepair
from daemon.followups import FollowUpError, RepairedAlreadyError, RowRejectedError, TakenBackAlreadyError
from daemon.values import BookField

if TYPE_CHECKING:
    from bibliflow_tui.app import Dashboard

Result = TypeVar("Result")


class Repaired(NamedTuple):
    """What came of a row. With nothing in it, somebody was faster."""

    repair: RowRepair | None = None
    problems: Sequence[Problem] = ()
    """Why it does not pass."""
    reason: str = ""
    """Why nothing was done."""


class TakenBack(NamedTuple):
    """What came of taking a repair back. With nothing in it, its row is in error again."""

    is_kept: bool = False
    """The row stays, for its book was edited or deleted since."""
    reason: str = ""
    """Why nothing was done."""


class Following(NamedTuple):
    """The next row."""

    error: RowError | None = None
    """None if there is none."""
    open_count: int = 0
    """Rows of the job that are in error."""
    reason: str = ""
    """Why it is not known."""


def repair(dashboard: Dashboard, job: Job, error: RowError, typed: Mapping[BookField, str]) -> Repaired:
    """Import a row with what was typed for some of its fields."""
    try:
        done, reason = _ask(
            dashboard,
            lambda connection: followups.repair_row(connection, job, error, typed),
            f"row {error.row_number:,} is not saved, and nothing is lost: try again",
        )
    except RowRejectedError as rejected:
        return Repaired(problems=rejected.problems)
    except RepairedAlreadyError:
        return Repaired()
    return Repaired(done, reason=reason)


def take_back(dashboard: Dashboard, job: Job, repair: RowRepair) -> TakenBack:
    """Put the row of a repair in error again."""
    try:
        done, reason = _ask(
            dashboard,
            lambda connection: followups.undo_row(connection, job, repair),
            "the row is not taken back: try again",
        )
    except TakenBackAlreadyError:
        return TakenBack()
    return TakenBack(done is False, reason)


def following(dashboard: Dashboard, job: Job, wanted: ErrorFilter, behind: RowError) -> Following:
    """The first of the rows that are ``wanted`` behind one of them."""

    def ask(connection: Connection) -> Following:
        at = (behind.row_number, behind.id)
        found = error_pages.following(connection, job.id, wanted, at, 1)
        return Following(found[0] if found else None, jobs.get(connection, job.id).open_error_count)

    found, reason = _ask(dashboard, ask, f"{key_of(dashboard, 'repair.next')} goes on when it is back")
    return found or Following(reason=reason)


def _ask(
    dashboard: Dashboard, question: Callable[[Connection], Result], otherwise: str
) -> tuple[Result | None, str]:
    """The answer, or why there is none; ``otherwise`` is how things are without the database."""
    try:
        found = dashboard.ask(question)
    except (RepairedAlreadyError, TakenBackAlreadyError):
        raise
    except (FollowUpError, NoSuchJobError, RoleError) as error:
        return None, str(error)
    return found, "" if found is not None else f"{AWAY}; {otherwise}"
