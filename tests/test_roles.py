"""Roles of one's own PostgreSQL, as docs/security.md makes them: who may only look looks, and is told so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from textual.notifications import SeverityLevel

from bibliflow_tui.app import Dashboard
from bibliflow_tui.screens.edit_book import EditBook
from daemon import control, settings
from tests.own_server import database
from tests.processes import HEADER, bibliflow, run
from tests.tui.running import cells, screen_text
from tests.tui.waiting import wait_until

DOCS = Path(__file__).parents[1] / "docs" / "security.md"
REFUSED = "The role reader may not do this: permission denied for table"
BOOK = "Größe,Ann,0439785960,2005\n"


@pytest.fixture(scope="module")
def library(own_server: str) -> Iterator[dict[str, str]]:
    """Addresses of a database by role, made by what the page says."""
    with database(own_server) as address:
        name = str(conninfo_to_dict(address)["dbname"])
        admin, reader = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
        with psycopg.connect(f"{own_server}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name}")
            for statement in admin.replace("library", name).split(";\n"):
                connection.execute(statement)
            connection.execute("ALTER ROLE bibliflow PASSWORD 'writing'")
        addresses = {"bibliflow": re.sub("//.*@", "//bibliflow:writing@", address)}
        addresses["reader"] = re.sub("//.*@", "//reader:reading@", address)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BIBLIFLOW_DATABASE__URL", addresses["bibliflow"])
            assert bibliflow("jobs").returncode == 0  # makes the tables
        with psycopg.connect(address, autocommit=True) as connection:
            for statement in reader.replace("library", name).split(";\n"):
                connection.execute(statement)
            connection.execute("ALTER ROLE reader PASSWORD 'reading'")
        yield addresses


@pytest.fixture
def job(library: dict[str, str], private_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An import by the role that may; the home's settings then name the one that only looks."""
    with psycopg.connect(library["bibliflow"], autocommit=True) as connection:
        connection.execute("TRUNCATE books, import_jobs CASCADE")
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", library["bibliflow"])
    path = private_home / "books.csv"
    path.write_text(HEADER + BOOK + "B,B,195153448,1999\n")
    done = bibliflow("import", path, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    control.stop(settings.paths())
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", library["reader"])
    return str(json.loads(done.stdout)["id"])


def test_commands(job: str, private_home: Path) -> None:
    path = private_home / "books.csv"
    for command, found in [
        (("jobs",), "books.csv"),
        (("errors", job), "Invalid ISBN"),
        (("books", "--search", "grö"), "9780439785969"),
        (("preview", path), "1 in the catalogue"),
    ]:
        result = bibliflow(*command)
        assert (result.returncode, found in result.stdout, result.stderr) == (0, True, ""), command
    for command in [
        ("import", path),
        ("undo", job, "--yes"),
        ("cleanup", "--older-than", "0s", "--yes"),
    ]:
        result = bibliflow(*command)
        assert (result.returncode, REFUSED in result.stderr) == (1, True), result.stderr
        assert "Traceback" not in result.stderr
    assert not list((private_home / "spool").iterdir())
    result = run("daemon.cli", "run")
    assert (result.returncode, "The role reader may not import" in result.stderr) == (3, True)


class Listening(Dashboard):
    """Keeps what it said: a toast is soon gone."""

    told: ClassVar[list[str]] = []

    def toast(self, text: str, severity: SeverityLevel = "information", *, kind: str = "") -> None:
        self.told.append(text)
        super().toast(text, severity, kind=kind)


async def test_dashboard(job: str) -> None:
    loaded, paths = settings.load()
    app = Listening(loaded, paths)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: "● database, to read only" in screen_text(app))
        await wait_until(pilot, lambda: cells(app, 0)[:2] == ["✓ done", "books.csv"])
        await pilot.press("2")
        await wait_until(pilot, lambda: cells(app, 0)[:1] == ["9780439785969"])
        await pilot.press("enter", "X", "ctrl+s")
        await wait_until(pilot, lambda: len(app.told) == 1)
        editor = app.screen
        assert isinstance(editor, EditBook)
        await wait_until(pilot, lambda: not editor._is_saving)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: len(app.told) == 2)
        await pilot.press("escape", "d", "y")
        await wait_until(pilot, lambda: len(app.told) == 3)
        assert control.running(paths) is None
    assert all(text.startswith(REFUSED) for text in app.told)
    assert app.live.daemon_started is None


def test_a_role_that_may_not_make_the_tables(
    library: dict[str, str], own_database: str, private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = re.sub("//.*@", "//reader:reading@", own_database)
    monkeypatch.setenv("BIBLIFLOW_DATABASE__URL", address)
    result = bibliflow("jobs")
    assert result.returncode == 3
    assert "The role reader may not read the tables, or not bring them up to schema version" in result.stderr
    assert "permission denied for schema public" in result.stderr
    assert "Traceback" not in result.stderr
