"""A job whose COMMIT was lost on its way, or the reply to it: no copy is missed, and none is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import control, settings
from daemon.catalog import job_list
from daemon.catalog.database import Connection
from daemon.catalog.job import Job, JobStatus
from daemon.exits import ExitCode
from tests.faults.proxy import Cut, Proxy
from tests.files import table
from tests.processes import bibliflow, wait_until

SLOW_COMMIT = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(60);
    RETURN NULL;
EXCEPTION WHEN query_canceled THEN
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON import_jobs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION slow();
"""
"""A COMMIT that takes long, and is beyond being cancelled."""


@pytest.fixture
def proxy(home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Between commands, daemon and the database."""
    proxy = Proxy(database_url)
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", proxy.address())
    yield proxy
    control.stop(settings.paths())
    proxy.close()


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "books.csv"
    path.write_text(table(3))
    return path


def copies() -> list[str]:
    return [path.name for path in settings.paths().spool.glob("*.csv")]


def assert_imported(connection: Connection) -> None:
    def job() -> Job:
        (only,) = job_list.newest(connection)
        return only

    wait_until(lambda: job().status.is_final)
    assert (job().status, job().success_count) == (JobStatus.SUCCESS, 3), job().failure_reason
    wait_until(lambda: not copies())


def test_a_job_whose_reply_was_lost_has_its_file(proxy: Proxy, file: Path, connection: Connection) -> None:
    proxy.plan(Cut.REPLY, behind="INSERT INTO import_jobs")
    assert bibliflow("import", file).returncode == ExitCode.UNREACHABLE
    assert proxy.cuts == 1
    control.start(settings.paths())
    assert_imported(connection)


def test_a_file_whose_job_was_lost_is_cleaned_up(proxy: Proxy, file: Path, connection: Connection) -> None:
    proxy.plan(Cut.REQUEST, behind="INSERT INTO import_jobs")
    assert bibliflow("import", file).returncode == ExitCode.UNREACHABLE
    assert list(job_list.newest(connection)) == []
    assert bibliflow("cleanup", "--older-than", "0s", "--yes").returncode == ExitCode.DONE
    assert copies() == []


def test_a_job_that_an_interrupt_could_not_stop_has_its_file(
    home: Path, file: Path, connection: Connection
) -> None:
    connection.execute(SLOW_COMMIT)
    command = [sys.executable, "-m", "bibliflow_tui", "import", str(file)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    asleep = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    wait_until(lambda: connection.execute(asleep).fetchone())
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == ExitCode.FAILED
    control.start(settings.paths())
    assert_imported(connection)


@pytest.mark.parametrize("cut", Cut)
def test_a_dropped_file_outlives_a_lost_commit(
    proxy: Proxy, connection: Connection, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIBLIFLOW_WATCH__SETTLE_SECONDS", "0.1")
    inbox = settings.paths().default_inbox
    inbox.mkdir()
    control.start(settings.paths())
    proxy.plan(cut, behind="INSERT INTO import_jobs")
    (inbox / "a.csv").write_text(table(3))
    wait_until((inbox / "imported" / "a.csv").exists)
    assert proxy.cuts == 1
    assert_imported(connection)
