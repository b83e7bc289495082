"""The commands as processes, as users run them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import psutil

from daemon.catalog import jobs
from daemon.catalog.database import Connection

HEADER = "title,author,isbn,publication_year\n"


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.01)


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended; one that nobody waited for is still in the list of processes then."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def family(process: psutil.Process) -> list[psutil.Process]:
    """It and all below it. Any of them may have ended when it is looked at."""
    return [process, *process.children(recursive=True)]


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL for each that has not ended by itself meanwhile, as one does whose parent has gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def bibliflow(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run("bibliflow_tui.cli", *arguments)


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def submit(path: Path) -> UUID:
    result = bibliflow("import", path, "--json")
    assert result.returncode == 0, result.stderr
    return UUID(json.loads(result.stdout)["job_id"])


def processed(connection: Connection, job_id: UUID) -> int:
    return jobs.get(connection, job_id).processed_rows


def finished(connection: Connection, job_id: UUID) -> bool:
    return jobs.get(connection, job_id).status.is_final
