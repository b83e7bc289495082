"""The daemon's log: where its lines go, in which form, and who reads them."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from daemon import activity, journal, logfile, settings
from daemon.activity import LogReader
from daemon.catalog.database import Connection, mask_password
from daemon.logfile import LogFile
from tests.hostile import HOSTILE
from tests.managed import log
from tests.processes import bibliflow, finished, submit, wait_until

SAY = """
import os, sys, structlog
from daemon import log, settings
from daemon.logger import Logger
if "journal" in sys.argv:
    os.environ["JOURNAL_STREAM"] = "{0.st_dev}:{0.st_ino}".format(os.fstat(2))
loaded, paths = settings.load()
paths.make_private()
log.configure_daemon(loaded.log, paths)
say = Logger("x")
say.debug("a detail")
url = "postgresql://ann:se:cr@et@host/db"
say.info("began", url=url, file="a\\x1b[2Jb\\nc", more={"dsn": "password=secret"})
try:
    raise ValueError("postgresql://ann:secret@host/db")
except ValueError:
    say.exception("failed")
import logging
logging.getLogger("huey").warning("from a library: %s", "x")
"""


def say(*arguments: str) -> str:
    """What a daemon with this configuration writes to standard error."""
    command = [sys.executable, "-c", SAY, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stderr


def written(home: Path) -> list[str]:
    path = home / "state" / "daemon.log"
    return path.read_text().splitlines() if path.exists() else []


def test_json_for_machines_and_the_own_file(home: Path) -> None:
    lines = say().splitlines()
    assert lines == written(home)
    began, failed, library = map(json.loads, lines)
    assert list(began) == ["timestamp", "level", "event", "file", "url", "more"]
    assert began["url"] == "postgresql://ann:***@host/db"
    assert began["more"] == {"dsn": "password=***"}
    assert (failed["level"], failed["exception"].count("\n") >= 2) == ("error", True)
    assert (library["level"], library["logger"], library["event"]) == ("warning", "huey", "from a library: x")
    assert "secret" not in str(lines)


def test_the_console_is_for_people(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIBLIFLOW_LOG__FORMAT", "console")
    monkeypatch.setenv("BIBLIFLOW_LOG__LEVEL", "debug")
    text = say()
    assert "a detail" in text
    assert "\nValueError: postgresql://ann:***@host/db" in text
    assert "\x1b" not in text
    assert "␛[2J" in text
    assert len(written(home)) == 4  # JSON, whatever the format is
    monkeypatch.setenv("BIBLIFLOW_LOG__LEVEL", "error")
    assert say().count("[error") == 1


def test_under_the_journal_nothing_is_kept_twice(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = say("journal").splitlines()
    assert [line[:4] for line in lines] == ["<6>{", "<3>{", "<4>{"]
    assert written(home) == []
    monkeypatch.setenv("BIBLIFLOW_LOG__FORMAT", "console")
    text = say("journal")
    assert all(line.startswith(("<6>", "<3>", "<4>")) for line in text.splitlines())
    assert "20" not in text.splitlines()[0].partition("began")[0]  # the journal has the time


def test_where_the_lines_are(home: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    assert journal.noted(paths.daemon_unit) == ""
    paths.daemon_unit.write_text("user:books.service")
    assert journal.noted(paths.daemon_unit) == "user:books.service"
    assert journal.command("user:books.service") == ["journalctl", "--user", "--unit", "books.service"]
    result = bibliflow("logs")
    # Where nobody keeps a journal, or has such a tool.
    assert (result.returncode, "journal" in result.stderr, "Traceback" in result.stderr) == (1, True, False)
    say()
    assert not paths.daemon_unit.exists()


def test_every_line_of_an_import_names_job_and_file(home: Path, connection: Connection) -> None:
    for name in ("one.csv", "two.csv"):
        (home / name).write_text(
            f"title,author,isbn\nA,B,{'9780141439976' if name == 'one.csv' else 'bad'}\n"
        )
    first, second = submit(home / "one.csv"), submit(home / "two.csv")
    wait_until(lambda: finished(connection, first) and finished(connection, second))
    lines = [json.loads(line) for line in log().splitlines()]
    of_imports = [line for line in lines if line["event"].startswith("import ")]
    assert {(line["job_id"], line["file"]) for line in of_imports} == {
        (str(first), "one.csv"),
        (str(second), "two.csv"),
    }
    wait_until(lambda: log().count("import ended") == 2)
    shown = bibliflow("logs", "--job", str(first)[:18], "--json")
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {line["job_id"] for line in found} == {str(first)}
    assert {line["event"] for line in found} >= {"import started", "import ended"}
    nothing = bibliflow("logs", "--level", "error")
    assert (nothing.returncode, nothing.stdout, "no such line" in nothing.stderr) == (0, "", True)


def test_logs_are_printed_safely(home: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    event = {"timestamp": "2026-01-02T03:04:05Z", "level": "warning", "exception": "Traceback\n  \x1b[2J"}
    with paths.daemon_log.open("w") as file:
        for text in HOSTILE.values():
            file.write(json.dumps(event | {"event": text, "file": text}) + "\n")
        file.write("no JSON \x1b]0;x\x07\n")
    result = bibliflow("logs")
    assert result.returncode == 0
    assert not set("\x1b\x07\x9b\u202e") & set(result.stdout)
    assert "file=[/]\n    Traceback\n      ␛[2J\n" in result.stdout
    assert result.stdout.endswith("no JSON ␛]0;x␇\n")
    assert len(bibliflow("logs", "--limit", "2").stdout.splitlines()) == 4
    machine = bibliflow("logs", "--json").stdout.splitlines()
    assert json.loads(machine[-1]) == {"event": "no JSON \x1b]0;x\x07"}
    assert "\x1b" not in "".join(machine)


def test_following(home: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    line = '{"timestamp": "2026-01-02T03:04:05Z", "level": "info", "event": "%s", "job_id": "%s"}\n'
    paths.daemon_log.write_text(line % ("old", "01a"))
    command = [sys.executable, "-m", "bibliflow_tui.cli", "logs", "--follow", "--json", "--job", "01a"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout

    def next_event() -> str:
        assert process.stdout
        return str(json.loads(process.stdout.readline())["event"])

    assert next_event() == "old"
    with paths.daemon_log.open("a") as file:
        file.write(line % ("other", "01b") + line % ("new", "01a"))
    assert next_event() == "new"
    with paths.daemon_log.open("a") as file:
        file.write(line % ("last before", "01a"))
    paths.daemon_log.rename(paths.daemon_log.with_name("daemon.log.1"))
    paths.daemon_log.write_text(line % ("first after", "01a"))
    assert [next_event(), next_event()] == ["last before", "first after"]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def _write_many(path: Path, mark: int, begin: int, end: int) -> None:
    file = LogFile(path)
    for number in range(begin, end):
        file.write(json.dumps({"timestamp": "2026-01-02T03:04:05Z", "event": f"{mark} {number}"}))


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes write; each line is in one of the files, whole, and none is there twice."""
    path = tmp_path / "daemon.log"
    monkeypatch.setattr(logfile, "LARGEST", 100_000)
    context = multiprocessing.get_context("fork")
    rounds = [context.Process(target=_write_many, args=(path, mark, 0, 1_000)) for mark in range(5)]
    for process in rounds:
        process.start()
    for process in rounds:
        process.join()
    files = logfile.files(path)
    assert [file.name for file in files][-3:] == ["daemon.log.2", "daemon.log.1", "daemon.log"]
    # One may get a line more from each process that is about to write when it is set aside.
    assert all(file.stat().st_size <= 101_000 for file in files)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    with closing(LogReader(path)) as reader:
        events = list(activity.events(reader.history()))
    assert all(event.at for event in events)
    assert len({event.text for event in events}) == len(events) == 5_000
    assert len(activity.latest(path)) == 5_000  # the dashboard looks into all of them, too
    for mark in range(5, 10):
        _write_many(path, mark, 0, 1_000)
    assert len(logfile.files(path)) == logfile.KEPT + 1
    assert activity.latest(path)[0].text == "9 999"


def test_the_log_of_a_background_daemon_is_set_aside(home: Path, daemon: int) -> None:
    path = settings.paths().daemon_log
    with path.open("a") as file:
        file.truncate(logfile.LARGEST)
    (home / "x.csv").write_text("title,author,isbn\nA,B,bad\n")
    assert bibliflow("import", home / "x.csv", "--wait").returncode == 0
    wait_until(lambda: "import ended" in log())
    assert path.with_name("daemon.log.1").stat().st_size >= logfile.LARGEST
    assert path.stat().st_size < 10_000
    # Standard error of whoever wrote there has gone with it: what dies leaves its last words in the new file.
    errors = [Path(f"/proc/{pid}/fd/2").stat().st_ino for pid in children(daemon)]
    assert path.stat().st_ino in errors


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_passwords() -> None:
    for text, masked in {
        "postgresql://a:b@h/d": "postgresql://a:***@h/d",
        "postgresql://a:p@ss/w:rd@h/d?x=1 then": "postgresql://a:***@h/d?x=1 then",
        "host=h password='a b' user=u": "host=h password=*** user=u",
        "postgresql://h/d": "postgresql://h/d",
    }.items():
        assert mask_password(text) == masked
