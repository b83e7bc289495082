"""What others may not see: the private files of a home, and passwords."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from daemon import control, settings
from daemon.backup import without_password
from tests.own_server import PASSWORD
from tests.processes import HEADER, bibliflow, run

NOBODY = 65534


@pytest.fixture
def _open_umask() -> Iterator[None]:
    """Nothing is closed by the umask: so what is closed was closed on purpose."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_open_umask")
def test_other_users_can_read_nothing(private_home: Path, tmp_path: Path) -> None:
    path, dump = tmp_path / "no_isbn.csv", tmp_path / "x.dump"
    path.write_text("title,author\nA,B\n")
    assert bibliflow("import", path, "--wait").returncode == 1  # a failed one keeps its copy
    assert bibliflow("db", "dump", dump).returncode == 0
    paths = settings.paths()
    private = [path for folder in (paths.state, paths.spool) for path in folder.rglob("*")]
    assert {path.name for path in private} >= {"queue.db", "state.db", "daemon.log", "daemon.lock"}
    assert any(path.suffix == ".csv" for path in private)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (*private, dump)} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (paths.state, paths.spool)} == {0o700}
    if os.geteuid() != 0:
        pytest.skip("only root can try it as another user")
    private_home.chmod(0o755)
    files = [*private, paths.server / "data" / "PG_VERSION", paths.server / "server.log"]
    tried = subprocess.run(
        ["cat", *files], capture_output=True, user=NOBODY, group=NOBODY, extra_groups=[], check=False
    )  # fmt: skip
    assert tried.stdout == b""
    assert tried.stderr.count(b"Permission denied") == len(files)


@contextmanager
def command_lines() -> Iterator[set[str]]:
    """All that were seen meanwhile, of all processes of this machine."""
    seen: set[str] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.1):
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    seen.add(" ".join(process.cmdline()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def test_passwords_are_nowhere(
    private_home: Path, own_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "books.csv"
    path.write_text(HEADER + "T,A,9780439785969,2005\nB,B,bad,1999\n")
    host = without_password(own_database).partition("@")[2]
    with command_lines() as seen:
        monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", own_database)
        said = [
            bibliflow("import", path, "--wait"),
            bibliflow("health"),
            bibliflow("db", "dump", tmp_path / "x"),
        ]
        control.stop(settings.paths())
        for address in (
            f"postgresql://nobody:{PASSWORD}@{host}",
            f"postgresql://nobody:{PASSWORD}@127.0.0.1:port/none",
            f"postgresql//nobody:{PASSWORD}@127.0.0.1/none",  # libpq repeats all of it
        ):
            monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", address)
            said.append(bibliflow("jobs"))
        said.append(run("daemon.cli", "run"))
        monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", own_database)
        for address in (
            f"postgresql://nobody:{PASSWORD}@{host}",
            f"postgresql://nobody:{PASSWORD}@127.0.0.1:port/none",
            f"redis://:{PASSWORD}@127.0.0.1:1/0",
            f"redis://:{PASSWORD}/x@127.0.0.1/0",
            f"amqp://:{PASSWORD}@127.0.0.1",
        ):
            monkeypatch.setenv("BIBLIFLOW_QUEUE__URL", address)
            said += [bibliflow("import", path), bibliflow("health")]
    codes = [result.returncode for result in said]
    assert codes.pop(1) in (0, 1)  # whether all answers in time says nothing here
    assert codes == [0, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2]
    assert any("daemon.cli run" in line for line in seen)
    assert not [line for line in seen if PASSWORD in line]
    assert not [result for result in said if PASSWORD in result.stdout + result.stderr]
    files = [file for file in private_home.rglob("*") if file.is_file()]
    assert settings.paths().daemon_log in files
    assert not [file for file in files if PASSWORD.encode() in file.read_bytes()]
