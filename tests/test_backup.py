"""``bibliflow db dump`` and ``restore``: whole or not at all, and never the wrong thing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon import backup, control, settings
from daemon.catalog import database, dumps, jobs
from daemon.catalog.database import Database, migrate, migrations
from daemon.catalog.dumps import BadDumpError, Contents, DumpError
from daemon.catalog.embedded import DATABASE
from tests.imports import held_up
from tests.own_server import PASSWORD, binaries
from tests.processes import HEADER, bibliflow, finished, processed, submit, wait_until

ROWS = 40_000
NEWEST = migrations()[-1][0]


def test_a_dump_of_a_moment_of_an_import_brings_that_back(private_home: Path, tmp_path: Path) -> None:
    path, file = tmp_path / "large.csv", tmp_path / "backup.dump"
    path.write_text(HEADER + "".join(f"Book {n},Author,{n:013},2000\n" for n in range(ROWS)))
    with Database(*settings.load()) as opened, opened.connect() as connection:
        with held_up(f"{ROWS - 1:013}"):
            job_id = submit(path)
            wait_until(lambda: processed(connection, job_id) > 0)
            made = bibliflow("db", "dump", file, "--json")
            assert made.returncode == 0, made.stderr
            with pytest.raises(DumpError, match=r"Jobs are not finished \(1\)"):
                backup.restore(settings.paths(), file, lambda _: None)
        wait_until(lambda: finished(connection, job_id))
        wait_until(lambda: not list(settings.paths().spool.iterdir()))
    told = json.loads(made.stdout)
    assert 0 < told["books"] < ROWS
    assert (told["jobs"], told["unfinished"], told["bytes"]) == (1, 1, file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.dump", "large.csv"]

    daemon = control.running(settings.paths())
    restored = bibliflow("db", "restore", file, "--yes", "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["books"] == told["books"]
    again = control.running(settings.paths())
    assert daemon
    assert again
    assert daemon.pid != again.pid
    with Database(*settings.load()) as opened, opened.connect() as connection:
        # The copy of the file was removed when it was imported: so the job cannot go on, and says so.
        wait_until(lambda: finished(connection, job_id))
        job = jobs.get(connection, job_id)
        assert job.failure_reason == "The file cannot be read: No such file or directory"
        assert job.success_count == told["books"]
        assert names(connection.info.dsn) == {DATABASE, "postgres", "template0", "template1"}


def names(conninfo: str) -> set[str]:
    with psycopg.connect(conninfo) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


@pytest.fixture
def books(server: str) -> Iterator[str]:
    """Connection string of the test server's own database, with two books."""
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE bibliflow_template")
    with psycopg.connect(server) as connection:
        connection.execute(
            "INSERT INTO books (id, title, author, isbn)"
            " SELECT gen_random_uuid(), 'Title ' || n, 'A', n::text FROM generate_series(1, 2) AS n"
        )
    before = names(server)
    yield server
    assert names(server) == before, "a database was left behind"


def dumped(conninfo: str, path: Path) -> Path:
    dumps.dump(conninfo, path, lambda _: None)
    return path


def restore(conninfo: str, path: Path) -> Contents:
    return dumps.restore(conninfo, path, lambda _: None, lambda: None)


def titles(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as connection:
        return [title for (title,) in connection.execute("SELECT title FROM books ORDER BY title")]


def change(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE books SET title = 'Changed ' || isbn")


CHANGED, ORIGINAL = ["Changed 1", "Changed 2"], ["Title 1", "Title 2"]


@pytest.mark.parametrize("damage", ["a byte", "cut off", "cut off, without its seal", "empty"])
def test_a_damaged_dump_changes_nothing(books: str, tmp_path: Path, damage: str) -> None:
    path = dumped(books, tmp_path / "x.dump")
    change(books)
    content = bytearray(path.read_bytes())
    match damage:
        case "a byte":
            content[3000] ^= 1  # in what pg_restore has no checksum of
        case "cut off":
            del content[4000:]
        case "cut off, without its seal":  # behind the table of contents, where the rows are
            del content[-dumps.SEAL_SIZE - 300 :]
        case "empty":
            content.clear()
    path.write_bytes(content)
    with pytest.raises(DumpError, match=str(path)):
        restore(books, path)
    assert titles(books) == CHANGED


def test_what_goes_wrong_at_the_last_moment_changes_nothing(books: str, tmp_path: Path) -> None:
    path = dumped(books, tmp_path / "x.dump")
    change(books)

    def refuse() -> None:
        assert dumps.NEW in names(books)
        raise DumpError("no")

    with pytest.raises(DumpError, match="no"):
        dumps.restore(books, path, lambda _: None, refuse)
    assert titles(books) == CHANGED


def test_sessions_of_the_database_are_ended(books: str, tmp_path: Path) -> None:
    path = dumped(books, tmp_path / "x.dump")
    change(books)
    with psycopg.connect(books, autocommit=True) as other:
        assert restore(books, path) == Contents(2, 0, 0)
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")
    assert titles(books) == ORIGINAL


def test_what_an_interrupted_restore_left_is_cleared(books: str, tmp_path: Path) -> None:
    path = dumped(books, tmp_path / "x.dump")
    with psycopg.connect(make_conninfo(books, dbname="postgres"), autocommit=True) as admin:
        for name in (dumps.NEW, dumps.OLD):
            admin.execute(f"CREATE DATABASE {name}")
    assert restore(books, path).books == 2


def test_a_dump_of_an_older_schema_is_brought_up_to_date(
    books: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    with psycopg.connect(books, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        with monkeypatch.context() as patch:
            patch.setattr(database, "migrations", lambda: known[:1])
            migrate(connection)
        connection.execute(
            "INSERT INTO books (id, title, author, isbn) VALUES (gen_random_uuid(), 'O', 'A', '1')"
        )
    path = dumped(books, tmp_path / "x.dump")
    assert dumps.check(path) == 1
    assert restore(books, path).books == 1
    with psycopg.connect(books) as connection:
        assert database.schema_version(connection) == NEWEST


def test_dumps_that_are_refused(books: str, tmp_path: Path) -> None:
    path = dumped(books, tmp_path / "x.dump")
    with psycopg.connect(books, autocommit=True) as connection:
        change(books)
        version = "INSERT INTO schema_migrations (version, name) VALUES (%s, 'later')"
        connection.execute(version, [NEWEST + 1])
        newer = dumped(books, tmp_path / "newer.dump")
        with pytest.raises(BadDumpError, match=f"version {NEWEST + 1}, made by a newer Bibliflow"):
            restore(books, newer)
        assert titles(books) == CHANGED
        # An older dump is the way back for who went back to an older program.
        assert restore(books, path).books == 2
    with psycopg.connect(books, autocommit=True) as connection:
        connection.execute("ALTER TABLE schema_migrations RENAME TO other")
    with pytest.raises(DumpError, match="the database is empty"):
        dumped(books, tmp_path / "none.dump")
    text = tmp_path / "text.dump"
    text.write_text("SELECT 1")
    with pytest.raises(BadDumpError, match="is not a dump"):
        restore(books, text)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        with pytest.raises(BadDumpError, match="belongs to another user"):
            restore(books, path)


def test_a_dump_by_the_tools_of_another_server(books: str, own_database: str, tmp_path: Path) -> None:
    """So comes back what was moved away, or backed up there."""
    with psycopg.connect(own_database, autocommit=True) as own:
        migrate(own)
        own.execute("INSERT INTO books (id, title, author, isbn) VALUES (gen_random_uuid(), 'Far', 'A', '1')")
    path = tmp_path / "own.dump"
    # Not in the arguments, as nothing of ours is: another test looks at those of all processes.
    secret = os.environ | {"PGPASSWORD": PASSWORD}
    tool = [str(binaries() / "pg_dump"), "-Fc", f"--file={path}", backup.without_password(own_database)]
    subprocess.run(tool, check=True, env=secret)
    assert restore(books, path).books == 1
    assert titles(books) == ["Far"]
    subprocess.run([*tool, "--exclude-table=schema_migrations"], check=True, env=secret)
    with pytest.raises(BadDumpError, match="another program's database"):
        restore(books, path)


def test_commands_that_need_an_answer_or_another_file(
    private_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.dump"
    none = bibliflow("db", "dump", file)
    assert (none.returncode, "no database of Bibliflow's own" in none.stderr) == (1, True)
    file.write_text("precious")
    unasked = bibliflow("db", "dump", file)
    assert (unasked.returncode, "--yes" in unasked.stderr, file.read_text()) == (2, True, "precious")
    wrong = bibliflow("db", "restore", file, "--yes")
    assert (wrong.returncode, "is not a dump" in wrong.stderr) == (2, True)
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", "postgresql://ann:secret@127.0.0.1:9/library")
    for command in ("dump", "restore"):
        own = bibliflow("db", command, file)
        assert (own.returncode, "PostgreSQL of your own" in own.stderr, "secret" in own.stderr) == (
            2,
            True,
            False,
        )


def test_a_dump_that_fails_leaves_no_file(private_home: Path, tmp_path: Path) -> None:
    """No file may grow beyond 2 kB, as on a disk that is full."""
    assert bibliflow("jobs").returncode == 0
    file = tmp_path / "x.dump"
    file.write_text("precious")
    code = (
        "import resource, signal, sys; from pathlib import Path; from daemon import backup, settings;"
        "from daemon.catalog import dumps; real = dumps.dump\n"
        "def dump(*arguments):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    return real(*arguments)\n"
        "dumps.dump = dump\n"
        "from bibliflow_tui.cli import main; main(['db', 'dump', '--yes', sys.argv[1]])"
    )
    command = [sys.executable, "-c", code, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, "There is no new dump" in result.stderr) == (1, True)
    assert ([path.name for path in tmp_path.iterdir()], file.read_text()) == (["x.dump"], "precious")
