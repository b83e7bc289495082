"""The daemon and the commands as processes, as users run them."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from daemon import control, settings
from daemon.catalog import books, job_lock, jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import JobStatus
from daemon.control import DaemonError, DaemonLock
from daemon.processes import MOST_MEMORY
from daemon.queue import JobQueue
from tests.imports import held_up
from tests.processes import HEADER, bibliflow, finished, processed, run, runs, submit, wait_until

STATUS_KEYS = [
    "id", "filename", "status", "total_rows", "processed_rows", "success_count", "error_count",
    "skipped_count", "progress_percent", "rows_per_second", "eta_seconds", "errors_preview",
    "failure_reason", "source", "file_sha256", "task_id", "created_at", "started_at", "finished_at",
]  # fmt: skip

LATE = f"{59_999:013}"
"""An ISBN in the last chunk of the large file."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Long enough for a kill in the middle."""
    return write(tmp_path / "large.csv", 60_000)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(HEADER + "A,B,9780439785969,2001\nC,D,bad,2001\n")
    return path


def write(path: Path, rows: int) -> Path:
    """So many rows, every hundredth of which is rejected."""
    lines = (f"Book {n},Author,{n:013},{'x' if n % 100 == 0 else 2000}\n" for n in range(1, rows + 1))
    path.write_text(HEADER + "".join(lines))
    return path


def assert_whole(connection: Connection, job_id: UUID, rows: int = 60_000) -> None:
    job = jobs.get(connection, job_id)
    assert (job.status, job.total_rows) == (JobStatus.SUCCESS, rows)
    good = rows - rows // 100
    assert (job.success_count, job.error_count, books.count(connection)) == (good, rows - good, good)


def test_import_and_ask(home: Path, connection: Connection, small: Path) -> None:
    result = bibliflow("import", small, "--wait", "--json")
    assert result.returncode == 0
    assert "started one" in result.stderr
    status = json.loads(result.stdout)
    assert list(status)[: len(STATUS_KEYS)] == STATUS_KEYS
    assert (status["status"], status["success_count"], status["error_count"]) == ("SUCCESS", 1, 1)
    preview = {"row_number": 3, "error_message": "Invalid ISBN: bad", "raw_data": "C,D,bad,2001"}
    assert status["errors_preview"] == [preview]
    job_id = status["id"]
    assert json.loads(bibliflow("status", job_id, "--json").stdout) == status
    assert json.loads(bibliflow("status", job_id[:-6], "--json").stdout) == status
    assert [json.loads(line)["id"] for line in bibliflow("jobs", "--json").stdout.splitlines()] == [job_id]
    table = bibliflow("jobs").stdout
    assert job_id[:13] in table
    assert "small.csv" in table
    errors = json.loads(bibliflow("errors", job_id, "--json").stdout)
    assert (errors["row_number"], errors["problems"][0]["code"]) == (3, "isbn_format")
    assert bibliflow("errors", job_id, "--code", "year_range", "--json").stdout == ""
    book = json.loads(bibliflow("books", "--search", "0-439-78596-0", "--json").stdout)
    assert (book["title"], book["isbn"]) == ("A", "9780439785969")
    health = bibliflow("health", "--json")
    assert health.returncode == 0
    assert json.loads(health.stdout)["status"] == "ok"
    exported = home / "errors.csv"
    assert bibliflow("errors", job_id, "--csv", exported).returncode == 0
    assert exported.read_text().splitlines()[1].startswith("C,D,bad,2001,Invalid ISBN: bad,")
    assert bibliflow("errors", job_id, "--csv", exported).returncode == 2
    assert "done, 2 rows: 1 imported, 1 rejected" in bibliflow("status", job_id).stdout
    wait_until(lambda: not list((home / "spool").iterdir()))


def test_preview_import_and_fix_a_file_that_is_not_plain(home: Path, tmp_path: Path) -> None:
    packed = tmp_path / "Bücher.csv.gz"
    text = "Meine Bücher;;;\n\nTitel;Autor;ISBN;Jahr\nÜber;Böll;439023483;c2008\nGröße;Süß;9780141439976;\n"
    packed.write_bytes(gzip.compress(text.encode("cp1252")))
    assert "No such" not in bibliflow("preview", packed).stdout
    preview = json.loads(bibliflow("preview", packed, "--json").stdout)
    assert (preview["encoding"], preview["dialect"]["delimiter"], preview["header_row"]) == ("cp1252", ";", 3)
    assert preview["mapping"]["publication_year"] == ["Jahr"]
    assert [row["row_number"] for row in preview["rows"]] == [4, 5]
    assert preview["rows"][1]["title"] == "Größe"
    assert preview["counts"]["by_code"] == {"isbn_lost_zeros": 1, "year_format": 1}
    assert (preview["counts"]["new"], preview["counts"]["fixable"]) == (1, 1)
    job = json.loads(bibliflow("import", packed, "--wait", "--json").stdout)
    assert (job["total_rows"], job["success_count"], job["error_count"]) == (2, 1, 1)
    (problem, year) = json.loads(bibliflow("errors", job["id"], "--json").stdout)["problems"]
    assert (problem["suggestion"], year["suggestion"]) == ("0439023483", "2008")
    assert "0439023483, 2008" in bibliflow("errors", job["id"]).stdout
    assert bibliflow("fix", job["id"]).returncode == 2
    fixed = json.loads(bibliflow("fix", job["id"], "--suggestions", "--json").stdout)
    assert (fixed["imported"], fixed["rejected"], fixed["open"]) == (1, 0, 0)
    again = bibliflow("fix", job["id"], "--suggestions")
    assert (again.returncode, "no rejected row has a suggestion" in again.stdout) == (0, True)
    status = json.loads(bibliflow("status", job["id"], "--json").stdout)
    assert (status["success_count"], status["error_count"], status["open_error_count"]) == (1, 1, 0)
    assert bibliflow("fix", "00000000", "--suggestions").returncode == 4
    known = json.loads(bibliflow("preview", packed, "--json").stdout)
    assert (known["counts"]["in_catalogue"], known["counts"]["new"]) == (1, 0)


def test_a_preview_makes_nothing(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("BIBLIFLOW_HOME", str(home))
    preview = json.loads(bibliflow("preview", small, "--json").stdout)
    assert preview["counts"]["in_catalogue"] is None
    assert not home.exists()
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", "postgresql://127.0.0.1:9/none")
    unreachable = bibliflow("preview", small)
    assert unreachable.returncode == 0
    assert "is not known" in unreachable.stderr
    assert "2 rows: 1 new, 1 rejected" in unreachable.stdout


def test_a_preview_can_be_stopped(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(HEADER + "".join(f"B {n},A,bad,2000\n" for n in range(400_000)))
    command = [sys.executable, "-m", "bibliflow_tui.cli", "preview", str(path), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: cpu_seconds(process.pid) > 2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (1, "")
    preview = json.loads(output)
    assert preview["complete"] is False
    assert 0 < preview["counts"]["total_rows"] < 400_000


def cpu_seconds(pid: int) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2])


def test_options_of_reading(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    path.write_bytes("978-0-14-143997-6;Иван;Дом\n".encode("cp1251"))
    columns = ("--columns", "isbn,author,title", "--encoding", "windows-1251", "--delimiter", "semicolon")
    (row,) = json.loads(bibliflow("preview", path, "--json", *columns).stdout)["rows"]
    assert (row["author"], row["title"]) == ("Иван", "Дом")
    assert bibliflow("import", path, "--wait", *columns).returncode == 0
    refused = bibliflow("preview", path)
    assert (refused.returncode, "Name its columns" in refused.stderr) == (2, True)
    not_text = os.fsdecode(b"author=Nom\xe9")
    for option in (
        ("--encoding", "zlib"),
        ("--encoding", "nonsense"),
        ("--delimiter", "x"),
        ("--map", not_text),
        ("--columns", not_text),
    ):
        wrong = bibliflow("import", path, *option)
        assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)


def test_long_fields_are_exported(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(HEADER + f"{'x' * 300_000},A,bad,\n")
    job = json.loads(bibliflow("import", path, "--wait", "--json").stdout)
    result = bibliflow("errors", job["id"], "--csv", tmp_path / "errors.csv")
    assert (result.returncode, result.stderr) == (0, f"1 rows written to {tmp_path / 'errors.csv'}\n")
    assert (tmp_path / "errors.csv").stat().st_size > 300_000


def test_exit_codes(
    home: Path, daemon: int, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_isbn = tmp_path / "no_isbn.csv"
    no_isbn.write_text("title,author\nA,B\n")
    assert bibliflow("import", small, "--wait", "--strict").returncode == 1
    failed = bibliflow("import", no_isbn, "--wait", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["failure_reason"] == "No column for: isbn. Columns found: title, author"
    missing = bibliflow("import", tmp_path / "missing.csv")
    assert (missing.returncode, "no such file" in missing.stderr) == (2, True)
    assert bibliflow("import", small, "--map", "publisher=X").returncode == 2
    for command in ("import", "preview"):
        folder = bibliflow(command, tmp_path)
        assert (folder.returncode, "is a folder; name the files in it" in folder.stderr) == (2, True)
    for text in ("00000000-0000-0000-0000-000000000000", "not-an-id", "01"):
        assert bibliflow("status", text).returncode == 4
    monkeypatch.setenv("BIBLIFLOW_DAEMON__WORKERS", "none")
    wrong = bibliflow("jobs")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    monkeypatch.delenv("BIBLIFLOW_DAEMON__WORKERS")
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", "postgresql://ann:secret@127.0.0.1:9/none")
    unreachable = bibliflow("jobs")
    assert unreachable.returncode == 3
    assert "secret" not in unreachable.stderr
    assert "Traceback" not in unreachable.stderr


def test_a_second_daemon_refuses(home: Path, daemon: int) -> None:
    result = run("daemon.cli", "run")
    assert result.returncode == 1
    assert f"process {daemon}" in result.stderr
    assert str(daemon) in run("daemon.cli", "status").stdout
    assert run("daemon.cli", "stop").returncode == 0
    assert run("daemon.cli", "status").returncode == 1


def test_killed_in_the_middle_every_row_is_there_once(
    home: Path, daemon: int, connection: Connection, tmp_path: Path
) -> None:
    rows = 120_000
    # In the second of four chunks: the worker sees that its daemon is gone before it comes to the last.
    with held_up(f"{20_001:013}"):
        job_id = submit(write(tmp_path / "large.csv", rows))
        wait_until(lambda: processed(connection, job_id) > 0)
        os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: not job_lock.held(connection, [job_id]))
    assert not finished(connection, job_id)
    control.start(settings.paths())
    wait_until(lambda: finished(connection, job_id))
    assert_whole(connection, job_id, rows)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_at_a_chunk_and_goes_on_later(
    home: Path, daemon: int, connection: Connection, tmp_path: Path, number: signal.Signals
) -> None:
    rows = 120_000
    # In the second of four chunks, so that there is one to stop before: the third is stored beside it.
    with held_up(f"{20_001:013}"):
        job_id = submit(write(tmp_path / "large.csv", rows))
        wait_until(lambda: processed(connection, job_id) > 0)
        os.kill(daemon, number)
        # All others have nothing to do: when only this import's worker is left, it cannot but know.
        wait_until(lambda: sum(map(runs, psutil.Process(daemon).children())) == 1)
    wait_until(lambda: control.running(settings.paths()) is None, seconds=10)
    job = jobs.get(connection, job_id)
    assert job.status is JobStatus.PENDING
    assert 0 < job.processed_rows < rows
    control.start(settings.paths())
    wait_until(lambda: finished(connection, job_id))
    assert_whole(connection, job_id, rows)


def test_two_imports_progress_at_once(
    home: Path, daemon: int, connection: Connection, large: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text(large.read_text().replace(",0", ",9"))
    with held_up(LATE, LATE.replace("0", "9", 1)):
        ids = [submit(large), submit(other)]
        wait_until(lambda: all(processed(connection, job_id) > 0 for job_id in ids))
        assert not any(finished(connection, job_id) for job_id in ids)
    wait_until(lambda: all(finished(connection, job_id) for job_id in ids))
    assert [jobs.get(connection, job_id).success_count for job_id in ids] == [59_400, 59_400]


def test_a_lost_task_is_found_and_an_idle_worker_is_quick(
    home: Path, daemon: int, connection: Connection, small: Path
) -> None:
    job_id = submit(small)
    wait_until(lambda: finished(connection, job_id))
    job = jobs.get(connection, job_id)
    assert job.started_at
    assert job.created_at
    assert (job.started_at - job.created_at).total_seconds() < 0.5
    # A job that never reached the queue:
    lost = jobs.create(
        connection, filename="x", source="cli", file_sha256=None, file_size=None, spool_path=None, options={}
    )
    wait_until(lambda: finished(connection, lost.id), seconds=10)
    assert "cannot be read" in (jobs.get(connection, lost.id).failure_reason or "")


def test_the_queue_holds_json(home: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    queue = JobQueue.of(settings.Settings(), paths)
    task = queue.task(UUID(int=7))
    queue.enqueue(task)
    assert queue.waiting() == {UUID(int=7)}
    queue.close()
    with sqlite3.connect(paths.queue_db) as database:
        (data,) = database.execute("SELECT data FROM task").fetchone()
    database.close()
    assert json.loads(data)["args"] == [str(UUID(int=7))]
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(data)
    assert paths.queue_db.stat().st_mode & 0o777 == 0o600


def test_the_lock_is_gone_with_its_process(home: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    code = (
        "from daemon import settings; from daemon.control import DaemonLock; import os, signal;"
        "lock = DaemonLock(settings.paths().daemon_lock); lock.acquire(); print(flush=True); signal.pause()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    lock = DaemonLock(paths.daemon_lock)
    with pytest.raises(DaemonError, match=f"process {process.pid}"):
        lock.acquire()
    process.kill()
    process.wait()
    process.stdout.close()
    assert control.running(paths) is None
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("damage", ["deleted", "overwritten"])
@pytest.mark.parametrize("name", ["queue.db", "state.db"])
def test_queue_and_state_may_vanish(
    home: Path, daemon: int, connection: Connection, small: Path, name: str, damage: str
) -> None:
    """They are made again, and no import is lost."""
    paths = settings.paths()
    wait_until(lambda: paths.state_db.exists())
    for number in range(2):
        file = paths.state / name
        for path in paths.state.glob(f"{name}*"):
            path.unlink()
        if damage == "overwritten":
            file.write_bytes(os.urandom(20_000))
        job_id = submit(small)
        wait_until(lambda: finished(connection, job_id), seconds=15)  # noqa: B023
        assert jobs.get(connection, job_id).status is JobStatus.SUCCESS, number
    wait_until(lambda: bibliflow("health").returncode == 0)
    assert paths.queue_db.stat().st_mode & 0o777 == paths.state_db.stat().st_mode & 0o777 == 0o600


def test_a_daemon_starts_with_damaged_files(home: Path, small: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    for file in (paths.queue_db, paths.state_db):
        file.write_bytes(b"no database" * 500)
    assert bibliflow("import", small, "--wait").returncode == 0
    wait_until(lambda: bibliflow("health").returncode == 0)
    assert paths.queue_db.with_name("queue.db.damaged").read_bytes().startswith(b"no database")


def test_the_same_isbns_at_once(home: Path, daemon: int, connection: Connection, tmp_path: Path) -> None:
    """Each ends as one book, and as a duplicate everywhere else."""
    paths = []
    for number in range(4):
        rows = [f"Book {n},Author,{n:013},2000\n" for n in range(20_000)]
        if number % 2:
            rows.reverse()
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(HEADER + "".join(rows))
    ids = [submit(path) for path in paths]
    wait_until(lambda: all(finished(connection, job_id) for job_id in ids), seconds=60)
    done = [jobs.get(connection, job_id) for job_id in ids]
    assert {job.status for job in done} == {JobStatus.SUCCESS}
    assert sum(job.success_count for job in done) == books.count(connection) == 20_000
    assert sum(job.error_count for job in done) == 60_000


def test_no_room_for_a_copy(home: Path, large: Path) -> None:
    """No file may grow beyond 100 kB, as on a disk that is full."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from bibliflow_tui.cli import main; from daemon import settings; from daemon.queue import JobQueue;"
        "loaded, paths = settings.load(); paths.make_private(); JobQueue.of(loaded, paths).close();"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); main(['import', sys.argv[1]])"
    )
    command = [sys.executable, "-c", code, str(large)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert f"No room for a copy in {home / 'spool'}: File too large" in result.stderr
    assert not list((home / "spool").iterdir())


def test_tasks_for_one_job_do_no_harm(home: Path, daemon: int, connection: Connection, large: Path) -> None:
    job_id = submit(large)
    queue = JobQueue.of(*settings.load())
    for _ in range(6):
        queue.enqueue(queue.task(job_id))
    wait_until(lambda: finished(connection, job_id))
    wait_until(lambda: queue.depth() == 0)
    queue.close()
    assert_whole(connection, job_id)


def test_a_worker_that_has_grown_makes_room(
    home: Path, daemon: int, connection: Connection, small: Path, tmp_path: Path
) -> None:
    def own_memory() -> list[float]:
        return [process.memory_full_info().uss for process in psutil.Process(daemon).children()]

    path = tmp_path / "long.csv"
    path.write_text(HEADER + "".join(f"Book {n},Author,{n:013},2000\n" for n in range(200_000)))
    before = psutil.Process(daemon).children()
    job_id = submit(path)
    wait_until(lambda: finished(connection, job_id))
    again = submit(path)  # many errors take memory
    wait_until(lambda: finished(connection, again))
    wait_until(lambda: [process for process in before if not runs(process)])
    wait_until(lambda: len(psutil.Process(daemon).children()) == len(before))
    wait_until(lambda: max(own_memory()) < MOST_MEMORY)
    job_id = submit(small)
    wait_until(lambda: finished(connection, job_id))
    assert "died" not in settings.paths().daemon_log.read_text()


def test_a_second_signal_ends_it_at_once(
    home: Path, daemon: int, connection: Connection, large: Path
) -> None:
    job_id = submit(large)
    wait_until(lambda: processed(connection, job_id) > 0)
    children = psutil.Process(daemon).children(recursive=True)
    os.kill(daemon, signal.SIGTERM)
    os.kill(daemon, signal.SIGTERM)
    wait_until(lambda: control.running(settings.paths()) is None, seconds=3)
    assert psutil.wait_procs(children, timeout=3)[1] == []
    control.start(settings.paths())
    wait_until(lambda: finished(connection, job_id))
    assert_whole(connection, job_id)


def test_an_interrupted_command_does_not_go_on(home: Path, connection: Connection, large: Path) -> None:
    """At any moment: while modules are loaded Python may lose an interrupt, or show where it came."""
    command = [sys.executable, "-m", "bibliflow_tui", "import", str(large), "--wait"]
    for moment in range(1, 12):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment / 40)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1].decode()
        assert process.returncode != 0
        assert " in run\n" not in said  # before that it is Python that starts
