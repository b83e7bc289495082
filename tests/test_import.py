"""Files through the whole importer into a real database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from bibliflow_tui.commands.demo import examples
from daemon.catalog import books, job_progress, jobs, row_errors
from daemon.catalog.database import Connection
from daemon.importing import pipeline
from daemon.importing.pipeline import Outcome
from daemon.importing.source import SourceError
from tests import chunks
from tests.imports import after_a_chunk, counts, import_text, messages, new_job, resume, titles

HEADER = "title,author,isbn,publication_year\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def test_the_old_services_sample(connection: Connection, path: Path) -> None:
    text = HEADER + "A,B,1234567890,2001\nC,D,1234567890,2002\n"
    job = import_text(connection, path, text)
    assert counts(job) == (2, 1, 1, 0)
    assert messages(connection, job) == [(3, "Duplicate ISBN: 1234567890")]
    assert titles(connection) == {"1234567890": "A"}


def test_bom_and_other_columns(connection: Connection, path: Path) -> None:
    text = "\ufefftitle,author,isbn,publisher,year\nA,B,9780141439976,P,2001\nC,D,9780140434088,P,\n"
    assert counts(import_text(connection, path, text)) == (2, 2, 0, 0)


def test_the_examples(connection: Connection) -> None:
    clean = new_job(connection)
    assert resume(connection, clean, examples() / "clean.csv") is Outcome.FINISHED
    assert counts(jobs.get(connection, clean.id)) == (360, 360, 0, 0)


def test_the_messy_example_shows_every_error(connection: Connection) -> None:
    job = new_job(connection, isbn_check="checksum")
    assert resume(connection, job, examples() / "messy.csv") is Outcome.FINISHED
    found = {problem["code"] for error in row_errors.stream(connection, job.id) for problem in error.problems}
    assert found == {
        "missing_field",
        "too_long",
        "isbn_format",
        "isbn_scientific",
        "isbn_lost_zeros",
        "isbn_checksum",
        "duplicate_isbn",
        "year_format",
        "year_range",
        "field_count",
        "nul_character",
        "encoding",
        "unclosed_quote",
    }


def test_both_forms_of_an_isbn_meet(connection: Connection, path: Path) -> None:
    job = import_text(connection, path, HEADER + "A,B,9780439785969,\nC,D,0-439-78596-0,\n")
    assert messages(connection, job) == [(3, "Duplicate ISBN: 0439785960")]


def test_a_rejected_row_does_not_take_an_isbn(connection: Connection, path: Path) -> None:
    job = import_text(connection, path, HEADER + ",B,9780439785969,\nC,D,9780439785969,\n")
    assert counts(job) == (2, 1, 1, 0)


def test_blank_records_count_as_rows_but_not_as_data(connection: Connection, path: Path) -> None:
    job = import_text(connection, path, HEADER + "\n , ,,\nA,B,bad,\n\n")
    assert counts(job) == (1, 0, 1, 0)
    assert messages(connection, job) == [(4, "Invalid ISBN: bad")]


def test_policy_skip(connection: Connection, path: Path) -> None:
    text = HEADER + "A,B,9780439785969,\nC,D,9780439785969,\n"
    assert counts(import_text(connection, path, text, on_duplicate="skip")) == (2, 1, 0, 1)
    assert counts(import_text(connection, path, text, on_duplicate="skip")) == (2, 0, 0, 2)
    assert titles(connection) == {"9780439785969": "A"}


def test_policy_update(connection: Connection, path: Path) -> None:
    import_text(connection, path, HEADER + "Old,B,9780439785969,\n")
    text = HEADER + "New,B,9780439785969,\nNew,B,9780439785969,\nE,F,9780140434088,\nG,F,9780140434088,\n"
    job = import_text(connection, path, text, on_duplicate="update")
    assert counts(job) == (4, 3, 0, 1)
    assert titles(connection) == {"9780439785969": "New", "9780140434088": "G"}


def rows(first: int, last: int) -> Iterable[str]:
    return (f"Book {number},Author,{number:013},2000\n" for number in range(first, last))


def test_an_interrupted_import_goes_on_where_it_was(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=3000)
    size = 2 * pipeline.CHUNK_ROWS + 7
    path.write_text(HEADER + "".join(rows(0, size)) + "X,Y,bad,\n")
    job = new_job(connection)
    interruptions = 0
    while resume(connection, job, path, after_a_chunk(connection, job)) is Outcome.INTERRUPTED:
        interruptions += 1
        jobs.put_back(connection, job.id)
        assert jobs.get(connection, job.id).status == "PENDING"
    assert interruptions >= 2
    done = jobs.get(connection, job.id)
    assert counts(done) == (size + 1, size, 1, 0)
    assert books.count(connection) == size
    assert messages(connection, done) == [(size + 2, "Invalid ISBN: bad")]


def test_a_chunk_of_a_withdrawn_job_is_not_stored(
    connection: Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks.make_small(monkeypatch.setattr, is_long=True, rows=3000)
    path.write_text(HEADER + "".join(rows(0, 2 * pipeline.CHUNK_ROWS)))
    job = new_job(connection)

    def cancel() -> bool:
        jobs.fail(connection, job.id, "stopped by the test")
        return False

    assert resume(connection, job, path, cancel) is Outcome.WITHDRAWN
    assert books.count(connection) == jobs.get(connection, job.id).success_count <= pipeline.CHUNK_ROWS


def test_duplicates_after_clean_chunks(connection: Connection, path: Path) -> None:
    """The loader changes from COPY to INSERT on the way, and nothing is lost or doubled."""
    text = HEADER + "".join([*rows(0, 6000), *rows(5900, 12_000), *rows(0, 10)])
    job = import_text(connection, path, text)
    assert counts(job) == (12_110, 12_000, 110, 0)
    assert books.count(connection) == 12_000


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("title,author,code\nA,B,C\n", {}, "No column for: isbn. Columns found: title, author, code"),
        (HEADER, {"chosen_columns": {"author": "Nom"}}, "No column 'Nom' for author. Columns found: title"),
        ("A,B\n", {"columns": ["title", "author"]}, "No column for: isbn. Columns found: title, author"),
        ("\n\n", {}, "The file holds nothing but blank lines"),
    ],
)
def test_a_file_without_the_columns_is_rejected(
    connection: Connection, path: Path, text: str, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(SourceError, match=reason.replace(".", r"\.")):
        import_text(connection, path, text, **options)


def test_columns_by_position_by_name_and_by_choice(connection: Connection, path: Path) -> None:
    third_is_isbn = "A,B,9780439785969,2001\n"
    assert counts(import_text(connection, path, third_is_isbn)) == (1, 1, 0, 0)
    named = "9780140434088,-,C,D\n"
    job = import_text(connection, path, named, columns=["isbn", "price", "title", "author"])
    assert counts(job) == (1, 1, 0, 0)
    chosen = "Nom,author,title,isbn\nReal,Wrong,T,9780141439976\n"
    import_text(connection, path, chosen, chosen_columns={"author": "NOM"})
    preferred = "Nom,author,title,isbn\nReal,Wrong,T,9780140268867\n"
    import_text(connection, path, preferred, preferred_columns={"author": "nom", "title": "absent"})
    found = {book.isbn: book.author for book in books.search(connection)}
    assert found["9780141439976"] == found["9780140268867"] == "Real"
    assert found["9780140434088"] == "D"


def test_a_job_that_another_version_began(connection: Connection, path: Path) -> None:
    path.write_text(HEADER + "".join(rows(0, 2 * pipeline.CHUNK_ROWS)))
    fresh, begun = new_job(connection), new_job(connection)
    old = {"delimiter": ",", "encoding": "utf-8", "header": ["a"], "columns": {}, "has_header": True}
    job_progress.describe(connection, fresh.id, old)
    assert resume(connection, fresh, path) is Outcome.FINISHED
    assert resume(connection, begun, path, after_a_chunk(connection, begun)) is Outcome.INTERRUPTED
    job_progress.describe(connection, begun.id, old)
    with pytest.raises(SourceError, match="begun by another version of Bibliflow"):
        resume(connection, begun, path)


def test_a_file_that_is_shorter_than_what_was_imported(connection: Connection, path: Path) -> None:
    path.write_text(HEADER + "".join(rows(0, 2 * pipeline.CHUNK_ROWS)))
    job = new_job(connection)
    resume(connection, job, path, after_a_chunk(connection, job))
    path.write_text(HEADER + "".join(rows(0, 10)))
    with pytest.raises(SourceError, match="it has changed"):
        resume(connection, job, path)


def test_a_header_alone_is_a_success_of_no_rows(connection: Connection, path: Path) -> None:
    assert counts(import_text(connection, path, HEADER)) == (0, 0, 0, 0)
