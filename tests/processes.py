"""The commands as processes, as users run them."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import psutil

from bibliflow_tui import __main__ as entry
from bibliflow_tui.cli import COMMANDS
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


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(sorted({target.partition(":")[0] for target in COMMANDS.values()}))


def bibliflow(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, in a process that has the modules already: loading them is most of what it does."""
    command = ["bibliflow", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "output"), Path(folder, "narration")
        process = FORKS.Process(target=_become, args=(command, *files, Path.cwd(), dict(os.environ)))
        process.start()
        process.join(90)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{command} does not end")
        return subprocess.CompletedProcess(command, process.exitcode, *(file.read_text() for file in files))


def _become(
    command: list[str], output: Path, narration: Path, folder: Path, environment: dict[str, str]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), 1)
    os.dup2(os.open(narration, os.O_WRONLY | os.O_CREAT), 2)
    sys.argv = command
    entry.run()


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
