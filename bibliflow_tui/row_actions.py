"""Repairs of one row from a list of rows: done in a worker, and told in a toast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from daemon import followups
from daemon.catalog.database import Connection
from daemon.catalog.job import Job
from daemon.catalog.jobs import NoSuchJobError
from daemon.catalog.roles import RoleError
from daemon.catalog.row_errors import RowError
from daemon.catalog.row_repairs import RowRepair
from daemon.followups import FollowUpError, RowRejectedError
from daemon.settings import BookField

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from bibliflow_tui.app import Dashboard

Result = TypeVar("Result")


class Told(NamedTuple):
    """What came of it, in words that may hold anything."""

    text: str
    severity: SeverityLevel = "information"
    repair: RowRepair | None = None
    """The repair that there is now."""
    is_over: bool = True
    """Whether there is nothing to be gained by trying again."""


def suggested(error: RowError) -> dict[BookField, str]:
    """What was probably meant in the fields of a row."""
    return {
        problem.field: problem.suggestion
        for problem in error.as_problems()
        if problem.field and problem.suggestion
    }


def repair(dashboard: Dashboard, job: Job, error: RowError, typed: Mapping[BookField, str]) -> Told:
    """Import a row with these values."""
    row = f"row {error.row_number:,}"

    def ask(connection: Connection) -> RowRepair:
        return followups.repair_row(connection, job, error, typed)

    try:
        done = _ask(dashboard, ask, f"{row} is not repaired")
    except RowRejectedError as rejected:
        return Told(f"Not as suggested, {row}: {rejected}; Enter repairs it by hand", "warning")
    if isinstance(done, Told):
        return done
    return Told(f"{row.capitalize()} repaired · z takes it back", repair=done)


def take_back(dashboard: Dashboard, job: Job, repair: RowRepair) -> Told:
    """Put the row of a repair in error again."""
    done = _ask(
        dashboard,
        lambda connection: followups.undo_row(connection, job, repair),
        "the repair is not taken back",
    )
    if isinstance(done, Told):
        return done
    if done:
        return Told("The row is in error again")
    return Told("The row stays: its book was edited or deleted since", "warning")


def _ask(dashboard: Dashboard, action: Callable[[Connection], Result], otherwise: str) -> Result | Told:
    """What ``action`` comes to, or why it did nothing; ``otherwise`` is how things are then."""
    try:
        done = dashboard.ask(action)
    except (FollowUpError, NoSuchJobError, RoleError) as error:
        return Told(str(error), "error")
    if done is None:
        words = f"The database is out of reach; {otherwise}. Try again when it is back"
        return Told(words, "error", is_over=False)
    return done
