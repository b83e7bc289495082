"""A home in which nothing moves, always the same, and ways through the dashboard to what makes a picture."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from bibliflow_tui import formats
from bibliflow_tui.app import Dashboard
from bibliflow_tui.commands.demo import examples
from bibliflow_tui.formats import Clock
from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.books import BooksScreen
from bibliflow_tui.screens.confirm import ConfirmScreen
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.inbox import InboxScreen
from bibliflow_tui.screens.log import LogScreen
from bibliflow_tui.widgets.file_picker import PathInput
from bibliflow_tui.widgets.file_preview import FilePreview
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog import jobs
from daemon.catalog.database import Connection
from daemon.inbox.folder import Version
from daemon.inbox.ledger import FileState, FolderState, Ledger
from daemon.settings import Paths
from tests.imports import resume
from tests.tui.running import cells, screen_text
from tests.tui.waiting import wait_until

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
FOLDER = "/home/ann/exports"
"""Where files are picked from in the pictures."""

Way = Callable[[Dashboard, Pilot[None]], Awaitable[None]]


@contextmanager
def still_clock() -> Iterator[None]:
    """It is always :data:`NOW`."""
    formats.use_clock(Clock(lambda: NOW, UTC))
    try:
        yield
    finally:
        formats.use_clock(formats.RUNNING)


def fill(connection: Connection, folder: Path) -> None:
    """Import the example files, and have had some trouble before; ``folder`` gets copies of them."""
    for path in examples().glob("*.csv"):
        shutil.copy(path, folder)
    _job(connection, "BX-Books.csv", days=3, failed="No column for: isbn. Columns found: Titel, Autor, Jahr")
    _job(connection, "goodreads_library_export.csv", days=1)
    _job(connection, "spring order.csv", minutes=4, folder=folder, data=folder / "clean.csv")
    _job(connection, "messy.csv", minutes=2, folder=folder, data=folder / "messy.csv")
    connection.execute("UPDATE books SET created_at = %s, updated_at = %s", [NOW, NOW])
    connection.execute("UPDATE import_jobs SET submitted_by = 'ann'")


def _job(
    connection: Connection,
    name: str,
    *,
    folder: Path | None = None,
    data: Path | None = None,
    failed: str = "",
    **ago: float,
) -> None:
    """A job that has imported ``data``, failed or, if neither is given, was cancelled so long ago."""
    job = jobs.create(connection, filename=name, source="cli", options={})
    if data is not None:
        resume(connection, job, data)
    elif failed:
        jobs.fail(connection, job.id, failed)
    else:
        jobs.cancel(connection, job.id)
    began = NOW - timedelta(**ago)
    connection.execute(
        "UPDATE import_jobs SET created_at = %s, started_at = %s, finished_at = %s WHERE id = %s",
        [began, began, began + timedelta(seconds=2), job.id],
    )


def fill_inbox(paths: Paths) -> None:
    """Some files came."""
    files = [
        ("old.xls", FileState.REFUSED, "is not a CSV file but an Excel workbook"),
        ("spring.csv.part", FileState.IGNORED, "a temporary name"),
        ("shop/monday.csv", FileState.IMPORTED, "3 rows rejected"),
        ("shop/tuesday.csv", FileState.SETTLED, ""),
    ]
    moment = NOW.isoformat()
    with Ledger(paths.state_db) as ledger:
        ledger.say(FolderState("/srv/booklists", False, "", moment, moment))
        for number, (name, state, reason) in enumerate(files):
            entry = ledger.note(None, name.encode(), Version(1, number, 10_000 * number, 0), state, reason)
            moment = (NOW - timedelta(minutes=30 - 7 * number)).isoformat()
            ledger.database.table("inbox_files").update(entry, {"changed_at": moment, "seen_at": moment})


LOG = "".join(
    json.dumps({"event": event, "level": level, "timestamp": f"2026-03-14T{time}Z", **details}) + "\n"
    for time, level, event, details in (
        ("14:58:00", "info", "daemon ready", {"workers": 2}),
        ("15:07:26", "info", "import finished", {"file": "messy.csv", "rows": 24}),
        ("15:08:26", "warning", "a damaged file was set aside", {"file": "queue.db"}),
    )
)


# The ways. Each ends when all that is to be seen is there.


async def to_imports(app: Dashboard, pilot: Pilot[None]) -> None:
    """The imports."""
    await wait_until(pilot, lambda: "inbox" in screen_text(app).partition("\n")[0])
    await wait_until(pilot, lambda: "imported" in _detail(app, "#job-detail") or "Press a" in _empty(app))
    await pilot.pause()


async def to_errors(app: Dashboard, pilot: Pilot[None]) -> None:
    """The rejected rows of the newest one."""
    await to_imports(app, pilot)
    await pilot.press("enter")
    await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen) and cells(app, 3) != [])
    await pilot.press("j", "j", "j")
    await wait_until(pilot, lambda: "row 8" in _detail(app, "ErrorDetail"))


async def to_books(app: Dashboard, pilot: Pilot[None]) -> None:
    """The books by their titles."""
    await to_imports(app, pilot)
    await pilot.press("2")
    await wait_until(pilot, lambda: isinstance(app.screen, BooksScreen) and cells(app, 0) != [])
    await pilot.press("s")
    await wait_until(pilot, lambda: "books   by title" in screen_text(app) and cells(app, 0)[1:2] == ["1776"])
    await pilot.press("j")
    await wait_until(pilot, lambda: "spring order.csv" in _detail(app, "BookDetail"))


async def to_confirmation(app: Dashboard, pilot: Pilot[None]) -> None:
    """The question before a book is deleted."""
    await to_books(app, pilot)
    await pilot.press("d")
    await wait_until(pilot, lambda: isinstance(app.screen, ConfirmScreen))


async def to_add_files(app: Dashboard, pilot: Pilot[None]) -> None:
    """The preview of a file, in the current folder."""
    await to_imports(app, pilot)
    await pilot.press("a")
    await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))
    await pilot.press("j")
    preview = app.screen.query_one(FilePreview)
    await wait_until(pilot, lambda: preview.shown is not None and preview.shown.is_complete)
    await wait_until(pilot, lambda: preview.shown is not None and preview.shown.path.name == "messy.csv")
    app.screen.query_one(PathInput).value = FOLDER
    await pilot.pause()


async def to_inbox(app: Dashboard, pilot: Pilot[None]) -> None:
    """The watched folder."""
    await to_imports(app, pilot)
    await pilot.press("3")
    await wait_until(pilot, lambda: isinstance(app.screen, InboxScreen) and cells(app, 0) != [])
    await wait_until(pilot, lambda: "tuesday" in _detail(app, "#inbox-detail"))


async def to_log(app: Dashboard, pilot: Pilot[None]) -> None:
    """What the daemon did."""
    await to_imports(app, pilot)
    await pilot.press("4")
    await wait_until(pilot, lambda: isinstance(app.screen, LogScreen) and cells(app, 0) != [])
    await wait_until(pilot, lambda: "queue.db" in _detail(app, "#log-detail"))


async def to_help(app: Dashboard, pilot: Pilot[None]) -> None:
    """The keys of the imports."""
    await to_imports(app, pilot)
    await pilot.press("question_mark")
    await wait_until(pilot, lambda: bool(app.screen.query("HelpPanel")))
    await pilot.pause()


def _detail(app: Dashboard, selector: str) -> str:
    return "".join(str(found.render()) for found in app.screen.query(selector).results(Static))


def _empty(app: Dashboard) -> str:
    table = app.screen.query_one(VirtualTable)
    return table.empty_text if table.total == 0 else ""
