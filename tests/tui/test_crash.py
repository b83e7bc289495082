"""What becomes of faults: the terminal is as it was, the user knows what to do, and nothing is lost."""

from __future__ import annotations

import io
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from pydantic import SecretStr
from textual.command import CommandPalette
from textual.worker import WorkerFailed

from bibliflow_tui import crash
from bibliflow_tui.app import Dashboard
from bibliflow_tui.live import JobsChanged
from daemon import log, settings
from daemon.catalog import job_list, notices
from daemon.catalog.database import Connection, mask_secrets
from daemon.settings import DatabaseSettings, Settings
from tests.processes import run
from tests.terminal import Terminal
from tests.tui.faulty import FAULTS, MESSAGE, SAID
from tests.tui.running import dashboard, screen_text, still_dashboard
from tests.tui.waiting import wait_until

KEYS = {"a key": "?", "thread of the keys": "j", "the end": "q"}
"""What makes the fault happen."""


@pytest.mark.parametrize("where", FAULTS)
def test_a_fault_leaves_a_sane_terminal_and_a_report(home: Path, where: str) -> None:
    with Terminal([sys.executable, "-m", "tests.tui.faulty", where]) as terminal:
        if where in KEYS:
            terminal.until(lambda: terminal.sees("Bibliflow", "Quit"))
            terminal.press(KEYS[where])
        assert terminal.wait() == 1
        assert terminal.is_sane
        said = terminal.left_behind.splitlines()
    (path,) = (home / "state").glob("crash-*.txt")
    assert [line for line in said if line and "daemon goes on" not in line] == [
        f"bibliflow: the dashboard met a fault of its own and ended: {SAID}",
        f"Report: {path} (without passwords)",
        "Imports go on in the daemon. Start bibliflow again; if it happens again, show the report to whoever "
        "looks after Bibliflow.",
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    report = path.read_text()
    assert ("80x24\nscreens ImportsScreen\n" in report) is (where != "styles")
    assert "tests/tui/faulty.py" in report
    assert report.endswith(f"{SAID}\n")
    assert not any(word in report for word in ("hunter2", "value = 'of", "\x1b", "\x07"))


def test_a_kill_leaves_a_sane_terminal(home: Path) -> None:
    with Terminal([sys.executable, "-m", "bibliflow_tui"]) as terminal:
        terminal.until(lambda: terminal.sees("Bibliflow", "Quit"))
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == 0
        assert terminal.is_sane
    assert not list((home / "state").glob("crash-*"))


def test_without_a_terminal_it_does_not_begin(home: Path) -> None:
    result = run("bibliflow_tui")
    assert (result.returncode, result.stdout) == (2, "")
    assert "bibliflow --help" in result.stderr
    assert "\x1b" not in result.stderr


def test_what_is_secret_is_masked_wherever_it_stands() -> None:
    for url, text, shown in (
        ("", "password=hunter2 host=db", "password=*** host=db"),
        ("", "postgresql://ann:p@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:hun%40ter2@db/x", "hun@ter2, hun%40ter2", "***, ***"),
        ("host=db password='hunter two'", "it was hunter two", "it was ***"),
        ("postgresql://ann:not@n@address:x:y", "not@n and postgresql://ann:not@n@address:x:y", "*** and ***"),
    ):
        loaded = Settings(database=DatabaseSettings(url=SecretStr(url)))
        assert mask_secrets(text, loaded) == shown


def test_reports_are_not_kept_for_ever_and_need_not_be_written(tmp_path: Path) -> None:
    for number in range(crash.KEPT + 3):
        (tmp_path / f"crash-2020010{number:02}-000000-1.txt").touch()
    found = crash.report(ValueError("x"), [], tmp_path, Settings())
    assert found.report in list(tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == crash.KEPT
    nowhere = crash.report(ValueError("\x1b[2J"), [], tmp_path / "nowhere\x1b[2J", Settings())
    assert nowhere.report is None
    assert "No such file" in nowhere.lines()[1]
    assert "\x1b" not in "".join(nowhere.lines())


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the dashboard logs."""
    stream = io.StringIO()
    log.configure(quiet=True, stream=stream)
    yield stream
    log.configure(quiet=True)


def toasts(app: Dashboard) -> list[str]:
    return [notification.message for notification in app._notifications]


def fail(*_: object, **__: object) -> NoReturn:
    raise ValueError(MESSAGE)


async def test_a_fault_of_a_worker_is_told_and_logged(
    home: Path, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    monkeypatch.setattr(job_list, "count_by_status", fail)
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: toasts(app))
        (said,) = toasts(app)
        assert said.startswith(f"A fault in Bibliflow itself (jobs-count): {SAID}. ")
        assert said.endswith(str(settings.paths().dashboard_log))
        # It goes on, and says the same not all the time.
        app.screen.post_message(JobsChanged(frozenset()))
        await wait_until(pilot, lambda: all(worker.group != "jobs-count" for worker in app.workers))
        await pilot.pause()
        assert len(toasts(app)) == 1
        assert app.is_running
    (line,) = logged.getvalue().splitlines()
    assert '"worker": "jobs-count"' in line
    assert "Traceback" in line
    assert "hunter2" not in line


async def test_a_palette_that_is_closed_at_once_ends_nothing(home: Path) -> None:
    async with still_dashboard() as (app, pilot):
        await app.push_screen(palette := CommandPalette())
        await app.pop_screen()
        worker = palette._gather_commands("")
        with pytest.raises(WorkerFailed):
            await worker.wait()
        await pilot.pause()
        assert app.is_running
        assert not toasts(app)


async def test_a_broken_link_is_made_anew(
    home: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    changed, faults = notices.changed, [ValueError(MESSAGE)]

    def once(connection: Connection, timeout: float) -> set[object]:
        if faults:
            raise faults.pop()
        return changed(connection, timeout)  # type: ignore[return-value]

    monkeypatch.setattr(notices, "changed", once)
    async with dashboard() as (app, pilot):
        await wait_until(pilot, lambda: any("(live)" in text for text in toasts(app)))
        await wait_until(pilot, lambda: not faults and "● database" in screen_text(app))
    assert "Traceback" in logged.getvalue()
