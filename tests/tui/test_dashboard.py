"""The dashboard on a real catalogue with a real daemon."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from uuid import UUID

import pytest
from psycopg_pool.base import AttemptWithBackoff
from textual.pilot import Pilot

from bibliflow_tui.app import Dashboard
from bibliflow_tui.commands.demo import examples
from bibliflow_tui.live import JobsChanged
from bibliflow_tui.screens.add_files import AddFiles
from bibliflow_tui.screens.errors import ErrorsScreen
from bibliflow_tui.screens.imports import ImportsScreen
from bibliflow_tui.widgets.error_detail import ErrorDetail
from bibliflow_tui.widgets.job_detail import JobDetail
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon.catalog import jobs
from daemon.catalog.database import Connection, DatabaseError
from daemon.catalog.job import Job
from daemon.catalog.job_list import JobPages
from daemon.request import Request
from tests.faults.proxy import Proxy
from tests.imports import held_up, new_job
from tests.tui.running import cells, dashboard, screen_text
from tests.tui.waiting import wait_until


async def add(app: Dashboard, pilot: Pilot[None], path: Path) -> None:
    await pilot.press("a")
    await wait_until(pilot, lambda: isinstance(app.screen, AddFiles))
    await pilot.press("slash", "ctrl+u")
    for character in str(path):
        await pilot.press(character)
    await pilot.press("enter")
    await wait_until(pilot, lambda: isinstance(app.screen, ImportsScreen))


async def test_a_file_is_picked_imported_and_its_errors_are_read(home: Path) -> None:
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: "● database" in screen_text(app) and "● daemon" in screen_text(app))
        await wait_until(pilot, lambda: "Press a" in app.screen.query_one(VirtualTable).empty_text)
        await add(app, pilot, examples() / "messy.csv")
        await wait_until(pilot, lambda: cells(app, 0)[:2] == ["✓ done", "messy.csv"])
        assert cells(app, 0)[3:5] == ["24", "17 ✗"]
        await wait_until(pilot, lambda: "7 imported" in str(app.screen.query_one(JobDetail).render()))
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen) and cells(app, 3) != [])
        assert cells(app, 3)[:2] == ["8", "Invalid ISBN: 12345"]
        await pilot.press("j", "j", "j")
        await wait_until(pilot, lambda: "✗ ISBN" in str(app.screen.query_one(ErrorDetail).render()))
        await pilot.press("escape")
        assert isinstance(app.screen, ImportsScreen)


async def test_a_refused_file_is_explained(home: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    async with dashboard() as (app, pilot):
        app.submit([(empty, Request())])
        await wait_until(pilot, lambda: any("is empty" in n.message for n in app._notifications))


async def test_enter_opens_a_job_whose_detail_is_on_its_way(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = new_job(connection)
    arrives = threading.Event()
    get = jobs.get

    def late(connection: Connection, job_id: UUID) -> Job:
        arrives.wait(20)
        return get(connection, job_id)

    monkeypatch.setattr(jobs, "get", late)
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: cells(app, 0) != [])
        await pilot.press("enter")
        await pilot.pause()
        assert not isinstance(app.screen, ErrorsScreen)
        arrives.set()
        await wait_until(pilot, lambda: isinstance(app.screen, ErrorsScreen))
        await wait_until(pilot, lambda: job.filename in screen_text(app))


async def test_help_lists_the_keys_of_the_place(home: Path) -> None:
    async with dashboard() as (app, pilot):
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: bool(app.screen.query("HelpPanel")))
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: not app.screen.query("HelpPanel"))


async def test_everything_killed_and_the_dashboard_recovers(
    home: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIBLIFLOW_DATABASE__URL")  # so that the home has a server of its own
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: "● database" in screen_text(app))
        postmaster = int((home / "postgresql" / "data" / "postmaster.pid").read_text().split()[0])
        assert app.live.daemon_started
        os.kill(app.live.daemon_started.pid, signal.SIGKILL)
        os.kill(postmaster, signal.SIGKILL)
        await wait_until(pilot, lambda: "no daemon" in screen_text(app), seconds=20)
        await wait_until(pilot, lambda: "● database" in screen_text(app), seconds=20)
        await pilot.press("d")
        await wait_until(pilot, lambda: "● daemon" in screen_text(app), seconds=20)


async def test_after_an_outage_everything_is_shown_again(
    home: Path, database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(database_url)
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", proxy.address())
    # What a pool waits after an outage of a minute, after this short one.
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 60.0)
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: "● database" in screen_text(app))
        await wait_until(pilot, lambda: "Press a" in app.screen.query_one(VirtualTable).empty_text)
        proxy.drop_all()
        for seconds in (1, 2):
            await wait_until(pilot, lambda: f"next try in {seconds} s" in screen_text(app), seconds=20)  # noqa: B023
            app.screen.post_message(JobsChanged(frozenset()))
        job = new_job(connection)
        jobs.cancel(connection, job.id)
        proxy.open()
        await wait_until(pilot, lambda: cells(app, 0)[:1] == ["⊘ cancelled"], seconds=10)
    proxy.close()


async def test_a_page_that_was_lost_with_the_database_is_asked_for_again(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer that never comes must not be waited for."""
    job = new_job(connection)
    jobs.cancel(connection, job.id)
    lost = [DatabaseError("lost")]

    def page(self: JobPages, connection: Connection, offset: int, limit: int, total: int) -> list[Job]:
        if lost:
            raise lost.pop()
        return original(self, connection, offset, limit, total)

    original = JobPages.page
    monkeypatch.setattr(JobPages, "page", page)
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: not lost)
        app.screen.post_message(JobsChanged(frozenset()))
        await wait_until(pilot, lambda: cells(app, 0)[:1] == ["⊘ cancelled"], seconds=5)


async def test_an_import_is_cancelled_and_goes_on(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    lines = (f"Book {n},Author,{n:013},2000\n" for n in range(50_000))
    path.write_text("title,author,isbn,publication_year\n" + "".join(lines))
    async with dashboard() as (app, pilot):
        with held_up(f"{49_999:013}"):
            await add(app, pilot, path)
            await wait_until(pilot, lambda: cells(app, 0)[:1] == ["▶ importing"] and "Cancel" in footer(app))
            await pilot.press("c")
            await wait_until(pilot, lambda: cells(app, 0)[:1] == ["⊘ cancelled"])
        await wait_until(pilot, lambda: "Retry" in footer(app) and "Cancel" not in footer(app))
        await pilot.press("r")
        await wait_until(pilot, lambda: cells(app, 0)[:1] == ["✓ done"], seconds=30)
        await wait_until(pilot, lambda: "50,000 imported" in str(app.screen.query_one(JobDetail).render()))


def footer(app: Dashboard) -> str:
    return " ".join(
        binding.binding.description for binding in app.screen.active_bindings.values() if binding.enabled
    )
