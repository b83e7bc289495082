"""Any sequence of imports, repairs, edits and undos leaves what a simple model of it says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.catalog import books, error_pages, jobs
from daemon.catalog.database import Connection
from daemon.catalog.job import Job
from daemon.importing import bulk, checking, pipeline, undo
from tests import imports
from tests.files import HEADER, isbn13, written
from tests.model import Model, Row

ISBNS = [isbn13(number) for number in range(2)]
TITLES = ["Ada", "Bea", "Cid"]
isbns, titles = st.sampled_from(ISBNS), st.sampled_from(TITLES)
SPOILED = st.sampled_from([False, False, True])
ROWS = st.builds(Row, isbns, titles, st.sampled_from([None, 1999, 2001]), SPOILED)
POLICIES = st.sampled_from(["update", "error", "fill", "skip"])
IMPORTS = st.tuples(st.just("import"), st.lists(ROWS, min_size=1, max_size=5), POLICIES)
WHICH = st.integers(0, 9)
STEPS = st.one_of(
    IMPORTS,
    st.tuples(st.just("undo"), WHICH),
    IMPORTS,
    st.tuples(st.just("edit"), isbns, st.just("Mine")),
    IMPORTS,
    st.tuples(st.just("repair"), WHICH),
    st.tuples(st.just("undo"), WHICH),
    st.tuples(st.just("delete"), isbns),
)


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "books.csv"


class Real:
    """The same steps in a real catalogue."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self.jobs: list[Job] = []
        connection.execute("TRUNCATE books, import_jobs, import_row_errors, book_changes, row_repairs")

    def shelf(self) -> dict[str, tuple[str, int | None]]:
        return {book.isbn: (book.title, book.publication_year) for book in books.search(self.connection)}

    def do_import(self, rows: list[Row], policy: str) -> None:
        lines = [[row.title, "A", row.isbn + ".0" * row.is_spoiled, str(row.year or "")] for row in rows]
        text = written([HEADER, *lines])
        self.jobs.append(imports.import_text(self.connection, self.path, text, on_duplicate=policy))

    def repair(self, owner: int) -> None:
        self.jobs.append(imports.repair(self.connection, self.jobs[owner], {"suggestions": True}))

    def undo(self, number: int) -> None:
        imports.undone(self.connection, self.jobs[number])

    def edit(self, isbn: str, title: str) -> None:
        for book in books.search(self.connection, isbn=isbn):
            books.update_one(self.connection, book.id, {"title": title})

    def delete(self, isbn: str) -> None:
        for book in books.search(self.connection, isbn=isbn):
            books.delete_one(self.connection, book.id)

    def open_errors(self, number: int) -> int:
        job = jobs.get(self.connection, self.jobs[number].id)
        imports.assert_codes(self.connection, job)
        assert job.open_error_count == error_pages.count(self.connection, job.id)
        return job.open_error_count


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(steps=st.lists(STEPS, min_size=6, max_size=14), chunk=st.integers(1, 4))
def test_any_sequence(connection: Connection, path: Path, steps: list[Any], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline, bulk, undo):
            patch.setattr(module, "CHUNK_ROWS", chunk)
        patch.setattr(checking, "BATCH_ROWS", chunk)
        patch.setattr(pipeline, "CHUNK_SECONDS", 60)
        model, real = Model(), Real(connection, path)
        for name, *arguments in steps:
            match name:
                case "import":
                    model.do_import(*arguments)
                    real.do_import(*arguments)
                case "repair" | "undo":
                    able = [number for number in range(len(model.jobs)) if _can(model, name, number)]
                    if able:
                        number = able[arguments[0] % len(able)]
                        getattr(model, name)(number)
                        getattr(real, name)(number)
                case _:
                    getattr(model, name)(*arguments)
                    getattr(real, name)(*arguments)
            assert real.shelf() == model.shelf(), name
            for number in range(len(model.jobs)):
                assert real.open_errors(number) == model.open_errors(number)


def _can(model: Model, name: str, number: int) -> bool:
    """Whether the program would let one do that."""
    if model.jobs[number].is_undone:
        return False
    owner = model.jobs[number].owner
    if name == "repair":
        return owner is None
    return owner is None or not model.jobs[owner].is_undone
