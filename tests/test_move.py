"""``bibliflow db move``: from the embedded server to one's own, compared on both sides."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from daemon import control, settings
from daemon.backup import without_password
from daemon.catalog import transfer as transfers
from daemon.catalog.database import Connection, Database, connected, migrate
from daemon.catalog.transfer import TransferError, transfer
from tests.faults.proxy import Cut, Proxy
from tests.imports import new_job
from tests.own_server import PASSWORD
from tests.own_server import database as database_on
from tests.processes import HEADER, bibliflow

COUNTS = "SELECT (SELECT count(*) FROM books), (SELECT count(*) FROM import_jobs)"


def counts(address: str) -> tuple[object, ...] | None:
    with psycopg.connect(address) as connection:
        return connection.execute(COUNTS).fetchone()


def test_moved_and_used_there(
    private_home: Path, own_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "books.csv"
    path.write_text(HEADER + "Größe,Ann,0439785960,2005\nB,B,bad,1999\n")
    assert bibliflow("import", path, "--wait").returncode == 0
    bare = without_password(own_database)
    refused = bibliflow("db", "move", bare, "--yes")
    assert (refused.returncode, "no password supplied" in refused.stderr) == (3, True)
    assert control.running(settings.paths()), "it was not stopped for nothing"

    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    moved = bibliflow("db", "move", bare, "--yes", "--json")
    assert moved.returncode == 0, moved.stderr
    tables = {table["name"]: table["rows"] for table in json.loads(moved.stdout)["tables"]}
    assert (tables["books"], tables["import_jobs"], tables["import_row_errors"]) == (1, 1, 1)
    assert f'url = "{bare}"' in moved.stderr
    assert PASSWORD not in moved.stdout + moved.stderr
    assert control.running(settings.paths()) is None
    assert counts(own_database) == (1, 1)

    again = bibliflow("db", "move", bare, "--yes")
    assert (again.returncode, "has books already" in again.stderr) == (1, True)
    here = json.loads(bibliflow("books", "--json").stdout)
    (private_home / "config.toml").write_text(f'[database]\nurl = "{bare}"\n')
    assert json.loads(bibliflow("books", "--json").stdout) == here
    own = bibliflow("db", "move", bare)
    assert (own.returncode, "of your own already" in own.stderr) == (2, True)


def transferred(connection: Connection, address: str) -> list[transfers.TableCopied]:
    with (
        Database(*settings.load()) as database,
        database.connect() as source,
        connected(address) as target,
    ):
        return transfer(source, target, lambda *_: None)


def fill(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO books (id, title, author, isbn)"
        " SELECT gen_random_uuid(), 'T' || n, 'A', n::text FROM generate_series(1, 1000) AS n"
    )


def test_a_copy_that_differs_is_taken_back(home: Path, connection: Connection, own_database: str) -> None:
    fill(connection)
    with psycopg.connect(own_database, autocommit=True) as own:
        migrate(own)
        own.execute(
            "CREATE FUNCTION worsen() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.isbn = '500' THEN NEW.title = 'Other'; END IF; RETURN NEW; END $$"
        )
        own.execute("CREATE TRIGGER t BEFORE INSERT ON books FOR EACH ROW EXECUTE FUNCTION worsen()")
        with pytest.raises(TransferError, match="books differs from the original"):
            transferred(connection, own_database)
        assert counts(own_database) == (0, 0)
        own.execute("DROP TRIGGER t ON books")
        copied = {table.name: table for table in transferred(connection, own_database)}
    assert copied["books"].rows == 1000
    assert len(copied["books"].sha256) == 64


@pytest.mark.parametrize(("cut", "said"), [(Cut.REPLY, "Everything was copied"), (Cut.REQUEST, "try again")])
def test_a_commit_that_was_cut(
    home: Path, connection: Connection, empty_database_url: str, cut: Cut, said: str
) -> None:
    fill(connection)
    proxy = Proxy(empty_database_url)
    proxy.plan(cut)
    with pytest.raises(TransferError, match=said):
        transferred(connection, proxy.address())
    proxy.close()
    assert proxy.cuts == 1
    if cut is Cut.REQUEST:
        transferred(connection, empty_database_url)
    assert counts(empty_database_url) == (1000, 0)


def test_numbered_rows_keep_their_numbers_and_go_on_behind_them(
    home: Path, connection: Connection, own_database: str
) -> None:
    job = new_job(connection)
    add = (
        "INSERT INTO book_changes (import_job_id, book_id, title, author, updated_at)"
        " VALUES (%s, %s, 'T', 'A', now()) RETURNING id"
    )
    for _ in range(3):
        connection.execute(add, [job.id, job.id])
    connection.execute("DELETE FROM book_changes WHERE id <> 2")
    transferred(connection, own_database)
    with psycopg.connect(own_database) as own:
        assert own.execute("SELECT id FROM book_changes").fetchall() == [(2,)]
        assert own.execute(add, [job.id, job.id]).fetchone() == (4,)


def test_what_happens_in_the_source_meanwhile_stays_there(
    home: Path, connection: Connection, own_database: str
) -> None:
    fill(connection)

    def meanwhile(*_: object) -> None:
        connection.execute("DELETE FROM books WHERE id IN (SELECT id FROM books LIMIT 1)")

    with (
        Database(*settings.load()) as database,
        database.connect() as source,
        connected(own_database) as target,
    ):
        transfer(source, target, meanwhile)
    assert counts(own_database) == (1000, 0)


def test_databases_that_cannot_take_it(
    home: Path, connection: Connection, own_server: str, own_database: str
) -> None:
    latin1 = database_on(own_server, ENCODING="LATIN1")
    with latin1 as address, pytest.raises(TransferError, match="is in LATIN1"):
        transferred(connection, address)
    with psycopg.connect(own_database, autocommit=True) as own:
        own.execute("CREATE TABLE books (id integer)")
        with pytest.raises(Exception, match='tables of another program: relation "books" already exists'):
            transferred(connection, own_database)
        assert own.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)
    with database_on(own_server) as busy, psycopg.connect(busy) as other:
        migrate(other)
        other.commit()
        other.execute("DELETE FROM books")
        with pytest.raises(TransferError, match="writes into that database"):
            transferred(connection, busy)


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("postgresql://me@host/library", "postgresql://me@host/library"),
        ("postgresql://me:se:cr@et@host/library", "postgresql://me@host/library"),
        ("postgresql://:secret@host/library", "postgresql://@host/library"),
        (
            "postgresql://me@host/library?password=secret&sslmode=require",
            "postgresql://me@host/library?sslmode=require",
        ),
        ("postgresql://me@host/library?password=secret", "postgresql://me@host/library"),
        ("host=host password='se cret' user=me", "host=host user=me"),
        ("host=host password=secret", "host=host"),
    ],
)
def test_addresses_are_shown_without_passwords(url: str, bare: str) -> None:
    assert without_password(url) == bare
