"""Files dropped into the inbox of a running daemon, and what becomes of them."""

from __future__ import annotations

import csv
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import psycopg
import pytest

from daemon import control, settings
from daemon.catalog import books, job_list, jobs, row_errors
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7
from daemon.catalog.job import Job, JobStatus
from daemon.importing.export import write_errors
from daemon.inbox.claims import Claims
from daemon.inbox.folder import Folder
from tests.drops.campaign import (
    Stopped,
    assert_all_in,
    drop,
    kill_again_and_again,
    kill_daemon,
    ledger,
    wait_for,
)
from tests.files import HEADER, book, isbn13, table, table_of, written
from tests.imports import assert_codes, counts, held_up, import_text
from tests.processes import bibliflow, wait_until

SETTLE = 0.3

Start: TypeAlias = Callable[..., Path]
"""Starts a daemon with these settings of ``[watch]``; its inbox."""


@pytest.fixture
def inbox(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIBLIFLOW_WATCH__SETTLE_SECONDS", str(SETTLE))
    folder = home / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def start(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    def start(**watch: str) -> Path:
        for name, value in watch.items():
            monkeypatch.setenv(f"BIBLIFLOW_WATCH__{name.upper()}", value)
        control.start(settings.paths())
        return inbox

    return start


def stands(inbox: Path, name: str, state: str, reason: str = "") -> bool:
    return any(
        entry["path"] == name and entry["state"] == state and reason in str(entry["reason"] or "")
        for entry in ledger()
    )


def records(path: Path, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines(), delimiter=delimiter))


def job_of(connection: Connection, name: str) -> Job:
    """Once it is there: a file stands as queued in the ledger before its job is made."""

    def found() -> Job | None:
        return next((job for job in job_list.newest(connection) if job.filename == name), None)

    wait_until(found)
    job = found()
    assert job is not None
    return job


def test_a_dropped_file_is_imported_and_ends_in_its_place(start: Start, connection: Connection) -> None:
    inbox = start()
    (inbox / "2025").mkdir()
    (inbox / "2025" / "list.csv").write_text(
        written([HEADER, book(1), ["", "A", isbn13(2), ""], book(3)], delimiter=";")
    )
    wait_until((inbox / "imported" / "2025" / "list.errors.csv").exists)
    wait_until(lambda: stands(inbox, "2025/list.csv", "imported", "1 row rejected"))
    job = job_of(connection, "2025/list.csv")
    assert (job.status, job.source, job.success_count, job.error_count) == (JobStatus.SUCCESS, "watch", 2, 1)
    rows = records(inbox / "imported/2025/list.errors.csv", ";")
    error = next(row_errors.stream(connection, job.id))
    assert rows == [
        [*HEADER, "error_message", "bibliflow_error_id"],
        ["", "A", isbn13(2), "", "Missing required field: title", str(error.id)],
    ]
    assert not (inbox / "2025" / "list.csv").exists()
    assert not any(settings.paths().spool.glob("*.csv"))
    (entry,) = ledger()
    assert (entry["archived_as"], entry["job_id"]) == ("imported/2025/list.csv", str(job.id))


def test_a_file_that_fails_says_why_in_the_folder(start: Start, connection: Connection) -> None:
    inbox = start()
    (inbox / "odd.csv").write_text("name,colour\nA,red\n")
    (inbox / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 50)
    for name, reason in (("odd.csv", "No column for: author, isbn"), ("photo.jpg", "is not a CSV file")):
        note = inbox / "failed" / f"{name}.reason.txt"
        wait_until(note.exists)
        assert reason in note.read_text()
        assert (inbox / "failed" / name).exists()
        wait_until(lambda name=name, reason=reason: stands(inbox, name, "failed", reason))  # type: ignore[misc]


def test_nothing_in_the_folder_is_overwritten(start: Start, connection: Connection) -> None:
    inbox = start()
    for number in range(3):
        (inbox / "list.csv").write_text(table_of([number]))
        wait_for(connection, number + 1, 20)
        wait_until(lambda: not (inbox / "list.csv").exists())
    for number, name in enumerate(("list.csv", "list (2).csv", "list (3).csv")):
        wait_until((inbox / "imported" / name).exists)
        assert (inbox / "imported" / name).read_text() == table_of([number])


def test_corrected_rows_come_back_through_the_inbox(start: Start, connection: Connection) -> None:
    inbox = start()
    bad = [["=1+1", "A", "nonsense", ""], ["T", "A", isbn13(2), "3021"], ["T", "A", isbn13(3), "199x"]]
    (inbox / "list.csv").write_text(written([HEADER, book(1), *bad]))
    errors = inbox / "imported" / "list.errors.csv"
    wait_until(errors.exists)
    rows = records(errors)
    assert rows[1][0] == "'=1+1"  # or a spreadsheet would run it
    rows[1][2], rows[2][3] = isbn13(4), "2021"
    (inbox / "mended.csv").write_text(written([*rows, ["T", "A", isbn13(9), "", "", "no id"]]))
    wait_until(lambda: stands(inbox, "mended.csv", "imported", "2 rows corrected of list.csv, 1 row left"))
    job = job_of(connection, "list.csv")
    assert (job.success_count, job.error_count, job.open_error_count) == (1, 3, 1)
    assert_codes(connection, job)
    assert [book.title for book in books.search(connection, isbn=isbn13(4))] == ["=1+1"]
    mended = job_of(connection, "mended.csv")
    assert (mended.total_rows, mended.success_count, mended.error_count, mended.skipped_count) == (4, 2, 1, 1)
    (left,) = row_errors.stream(connection, job.id)
    assert left.row_number == 5
    # What is left of the list, and what belongs to none of its rows.
    assert records(inbox / "imported" / "mended.errors.csv")[1][-1] == str(left.id)
    (stranger,) = row_errors.stream(connection, mended.id)
    assert records(inbox / "imported" / "mended.errors (2).csv") == [
        [*HEADER, "error_message", "bibliflow_error_id"],
        ["T", "A", isbn13(9), "", stranger.error_message, str(stranger.id)],
    ]


@pytest.mark.parametrize(
    "row",
    [
        ["T", "many", "A", isbn13(2), "2001", "more"],
        ["T", "A", isbn13(2)],
        ["caf\udce9", "A", isbn13(2), "2001"],
        ["nul\0", "A", isbn13(2), "2001"],
    ],
)
@pytest.mark.parametrize("width", [0, 9])
def test_rows_that_nobody_corrected_stay_rejected(
    inbox: Path, connection: Connection, row: list[str], width: int
) -> None:
    """Also where a spreadsheet has given all rows the same width."""
    file = inbox / "list.csv"
    others = [["Žluťoučký kůň, 日本語", "A", isbn13(number), ""] for number in range(10, 20)]
    job = import_text(connection, file, written([HEADER, *others, row]).encode(errors="surrogateescape"))
    assert job.error_count == 1
    with file.open("wb") as exported:
        write_errors(exported, job, row_errors.stream(connection, job.id))
    padded = [fields + [""] * (width - len(fields)) for fields in records(file)]
    correction = import_text(connection, file, written(padded))
    assert counts(correction) == (1, 0, 0, 1)
    assert jobs.get(connection, job.id).error_count == 1
    # Corrected they come in.
    mended = [*padded[0]], ["T", "A", isbn13(2), "2001", *padded[1][4:6]]
    assert counts(import_text(connection, file, written(mended))) == (1, 1, 0, 0)


def test_a_correction_may_lack_a_column_that_is_not_needed(inbox: Path, connection: Connection) -> None:
    file = inbox / "list.csv"
    job = import_text(connection, file, written([HEADER, ["T", "A", "x", "2001"]]))
    with file.open("wb") as exported:
        write_errors(exported, job, row_errors.stream(connection, job.id))
    mended = [[*fields[:3], *fields[4:]] for fields in records(file)]
    mended[1][2] = isbn13(3)
    assert counts(import_text(connection, file, written(mended))) == (1, 1, 0, 0)


def test_the_same_content_is_not_imported_twice(start: Start, connection: Connection) -> None:
    inbox = start()
    (inbox / "a.csv").write_text(table(2))
    wait_for(connection, 1, 20)
    (inbox / "b.csv").write_text(table(2))
    wait_until(lambda: stands(inbox, "b.csv", "imported", "not imported again: it has the content of a.csv"))
    assert (inbox / "imported" / "b.csv").exists()
    assert job_list.count(connection) == 1


def test_the_same_content_at_once_waits_for_the_first(start: Start, connection: Connection) -> None:
    inbox = start()
    with held_up(isbn13(2)):
        (inbox / "a.csv").write_text(table(2))
        wait_until(lambda: stands(inbox, "a.csv", "queued"))
        (inbox / "b.csv").write_text(table(2))
        wait_until(lambda: stands(inbox, "b.csv", "settled", "has the content of a.csv"))
    wait_until(lambda: stands(inbox, "b.csv", "imported", "not imported again"))
    assert job_list.count(connection) == 1


def test_names_like_those_of_our_folders_are_told_of(start: Start, connection: Connection) -> None:
    inbox = start()
    wait_until(lambda: json.loads(bibliflow("health", "--json").stdout)["inbox"]["ok"])
    (inbox / "imported list.csv").write_text(table_of([1]))
    (inbox / "failed.csv").write_text(table_of([2]))
    wait_for(connection, 2, 15)  # a look without an event comes after half a minute


def test_many_with_the_same_content(start: Start, connection: Connection) -> None:
    inbox = start()
    with Stopped():
        paths = drop(inbox, 10)
        for number in range(5):
            (inbox / f"copy {number}.csv").write_text((inbox / paths[number]).read_text())
    wait_until(lambda: [entry["state"] for entry in ledger()] == ["imported"] * 15, 30)
    assert job_list.count(connection) == 10
    wait_until(lambda: not [path for path in settings.paths().spool.rglob("*") if path.is_file()])


def test_reimport(start: Start, connection: Connection) -> None:
    inbox = start(reimport="true")
    for number, name in enumerate(("a.csv", "b.csv"), 1):
        (inbox / name).write_text(table(2))
        wait_for(connection, number, 20)
    assert job_of(connection, "b.csv").error_count == 2


def test_delete(start: Start, connection: Connection) -> None:
    inbox = start(on_finish="delete")
    (inbox / "list.csv").write_text(written([HEADER, book(1), ["", "A", isbn13(2), ""]]))
    (inbox / "odd.csv").write_text("name,colour\nA,red\n")
    wait_until((inbox / "failed" / "odd.csv").exists)
    wait_until((inbox / "imported" / "list.errors.csv").exists)
    wait_until(lambda: stands(inbox, "list.csv", "imported"))
    assert not (inbox / "list.csv").exists()
    assert not (inbox / "imported" / "list.csv").exists()


def test_keep(start: Start, connection: Connection) -> None:
    inbox = start(on_finish="keep")
    kept = inbox / "list.csv"
    kept.write_text(table(2))
    wait_until(lambda: stands(inbox, "list.csv", "imported"))
    control.stop(settings.paths())
    control.start(settings.paths())
    kept.write_text(table(3))  # another file, as far as anybody can tell
    wait_for(connection, 2, 20)
    wait_until(lambda: [entry["state"] for entry in ledger()] == ["imported"])
    assert kept.exists()
    assert job_list.count(connection) == 2
    assert not any(settings.paths().spool.glob("*.csv"))


def test_names_and_things_that_are_left_alone(start: Start, connection: Connection) -> None:
    inbox = start(ignore='["*.bak"]')
    for name in (".hidden.csv", "a.csv.part", "b.tmp", "c.csv~", "d.crdownload", "e.filepart", "f.BAK"):
        (inbox / name).write_text(table(1))
    (inbox / "link.csv").symlink_to("/etc/passwd")
    (inbox / "shelf").symlink_to("/etc")
    os.mkfifo(inbox / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "s.csv"))
        wait_until(lambda: len(ledger()) == 11)
    states = {str(entry["path"]): (entry["state"], entry["reason"]) for entry in ledger()}
    assert states["link.csv"][0] == states["shelf"][0] == "refused"
    assert "a link" in str(states["link.csv"][1])
    assert "not a file" in str(states["pipe.csv"][1])
    assert states["f.BAK"] == ("ignored", "watch.ignore has *.bak")
    assert sum(state == "ignored" for state, _ in states.values()) == 7
    # Renamed into place it is complete.
    (inbox / "a.csv.part").rename(inbox / "a.csv")
    wait_for(connection, 1, 20)
    assert job_list.count(connection) == 1
    assert os.path.lexists(inbox / "link.csv")
    assert os.path.lexists(inbox / "pipe.csv")


HOSTILE = [
    b"new\nline.csv", b"\x1b]52;c;x\x07.csv", b"not utf-8 \xff\xfe.csv", b"-rf.csv", b"[@click=quit]x.csv",
    b"x" * 250 + b".csv", "ü".encode() * 125 + b".csv", b" .csv", "‮vsc.csv".encode(),
]  # fmt: skip


def test_hostile_names(start: Start, connection: Connection) -> None:
    inbox = start()
    raw = os.fsencode(inbox)
    for number, name in enumerate(HOSTILE):
        text = written([HEADER, book(number), ["", "A", isbn13(1000 + number), ""]])
        Path(os.fsdecode(raw + b"/" + name)).write_text(text)
    wait_for(connection, len(HOSTILE), 30)
    archived = os.fsencode(inbox / "imported")
    wait_until(lambda: len(os.listdir(archived)) == 2 * len(HOSTILE))  # noqa: PTH208 (names as bytes)
    assert set(HOSTILE) <= set(os.listdir(archived))  # noqa: PTH208
    wait_until(lambda: {entry["state"] for entry in ledger()} == {"imported"})
    shown = bibliflow("watch").stdout
    assert "\x1b" not in shown
    # The watcher lives, and is told of the next file.
    (inbox / "after.csv").write_text(table_of([2000]))
    wait_for(connection, len(HOSTILE) + 1, 10)


def test_a_file_that_is_still_written_is_waited_for(start: Start, connection: Connection) -> None:
    inbox = start()
    text = table(40)
    with (inbox / "slow.csv").open("w") as file:
        for start_at in range(0, len(text), 400):
            file.write(text[start_at : start_at + 400])
            file.flush()
            pause = time.monotonic() + (1.5 * SETTLE if start_at == 400 else 0.5 * SETTLE)
            wait_until(lambda pause=pause: time.monotonic() > pause)  # type: ignore[misc]
        wait_until(lambda: stands(inbox, "slow.csv", "growing", "still open in the program that writes it"))
        assert job_list.count(connection) == 0
    wait_for(connection, 1, 10)
    assert job_of(connection, "slow.csv").success_count == 40


def test_files_replaced_while_they_are_imported(start: Start, connection: Connection) -> None:
    inbox = start()
    with held_up(*(isbn13(number) for number in range(10))):
        paths = drop(inbox, 10)
        wait_until(lambda: job_list.count(connection) == 10)
        for number, path in enumerate(paths):
            other = inbox / f".{number}"
            other.write_text(table_of([100 + number]))
            other.rename(inbox / path)
    wait_for(connection, 20, 30)
    assert books.count(connection) == 20


def test_many_folders_made_in_one_instant(start: Start, connection: Connection) -> None:
    inbox = start()
    assert_all_in_soon(connection, inbox, drop(inbox, 30, folders=30))


def test_many_files_while_the_daemon_is_held(start: Start, connection: Connection) -> None:
    inbox = start()
    with Stopped():
        paths = drop(inbox, 300, folders=3)
    assert_all_in_soon(connection, inbox, paths)


def test_files_that_came_while_no_daemon_was_there(inbox: Path, connection: Connection) -> None:
    paths = drop(inbox, 20, folders=4)
    control.start(settings.paths())
    wait_for(connection, 20, 10)
    assert_all_in(connection, inbox, paths)


def test_kills(inbox: Path, connection: Connection) -> None:
    paths = kill_again_and_again(connection, inbox, 6, seed=3)
    assert_all_in_soon(connection, inbox, paths)


def assert_all_in_soon(connection: Connection, inbox: Path, paths: list[str]) -> None:
    wait_for(connection, len(paths), 60)
    assert_all_in(connection, inbox, paths)


def test_the_database_is_away(start: Start, server: str, connection: Connection) -> None:
    inbox = start()
    name = connection.info.dbname
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
            [name, connection.info.backend_pid],
        )
        (inbox / "list.csv").write_text(table(2))
        wait_until(lambda: stands(inbox, "list.csv", "settled", "the database is out of reach"))
        assert (inbox / "list.csv").exists()
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    wait_for(connection, 1, 30)


def test_the_folder_goes_and_comes_again(start: Start, connection: Connection) -> None:
    inbox = start(poll="true")  # it is looked at every second, where others wait half a minute
    wait_until(lambda: json.loads(bibliflow("health", "--json").stdout)["inbox"]["ok"])
    inbox.rmdir()
    wait_until(lambda: not json.loads(bibliflow("health", "--json").stdout)["inbox"]["ok"])
    inbox.mkdir()
    (inbox / "list.csv").write_text(table(2))
    wait_for(connection, 1, 20)
    wait_until(lambda: json.loads(bibliflow("health", "--json").stdout)["inbox"]["ok"])


def test_a_cancelled_job_gives_its_file_back(start: Start, connection: Connection) -> None:
    inbox = start()
    with ExitStack() as stack:
        stack.enter_context(held_up(isbn13(1)))
        (inbox / "list.csv").write_text(table(2))
        wait_until(lambda: stands(inbox, "list.csv", "queued"))
        job = job_of(connection, "list.csv")
        assert bibliflow("cancel", job.id).returncode == 0
    wait_until((inbox / "failed" / "list.csv").exists)
    assert bibliflow("retry", job.id).returncode == 0
    wait_for(connection, 1, 20)
    wait_until((inbox / "imported" / "list.csv").exists)
    assert not (inbox / "failed" / "list.csv").exists()
    assert jobs.get(connection, job.id).success_count == 2
    # What is refused changes nothing.
    assert bibliflow("retry", job.id).returncode == 1
    assert (inbox / "imported" / "list.csv").exists()


def test_what_cannot_be_delivered_yet_is_not_cleaned_up(start: Start, connection: Connection) -> None:
    inbox = start()
    with held_up(isbn13(1)):
        (inbox / "list.csv").write_text(table(2))
        wait_until(lambda: stands(inbox, "list.csv", "queued"))
        (inbox.parent / "away").mkdir()
        inbox.rename(inbox.parent / "away" / "inbox")
    wait_until(lambda: stands(inbox, "list.csv", "imported", "cannot be moved"))
    assert bibliflow("cleanup", "--older-than", "0s", "--yes").returncode == 0
    (inbox.parent / "away" / "inbox").rename(inbox)
    wait_until((inbox / "imported" / "list.csv").exists, 30)


def test_a_daemon_killed_with_a_claim_in_hand(inbox: Path, connection: Connection) -> None:
    """Between claim and job; the next one takes it up."""
    control.start(settings.paths())
    kill_daemon()
    (inbox / "list.csv").write_text(table(2))
    folder = Folder(inbox)
    version = folder.version(b"list.csv")
    assert version
    assert Claims(folder, settings.paths()).take(b"list.csv", version, uuid7())
    assert not (inbox / "list.csv").exists()
    control.start(settings.paths())
    wait_for(connection, 1, 20)
    assert_all_in(connection, inbox, ["list.csv"], rows=2)
