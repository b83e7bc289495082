"""Any bytes as a file: no exception, no lost record, no more memory than a block or two.

The suite runs a few cases, the same each time; `make fuzz` runs ten thousand new ones.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.catalog import books, error_pages, jobs
from daemon.catalog.database import Connection
from daemon.file_check import RefusedError, check_file
from daemon.importing.options import ImportOptions
from daemon.importing.pipeline import Outcome
from daemon.importing.reading import Reading, understand
from daemon.importing.source import SourceError
from daemon.settings import Settings
from tests.files import book, packed, records_of
from tests.imports import new_job, resume

MOST_GROWTH = 64 * 1024
"""KiB of memory that small files may take, whatever is in them."""

GOOD_ROWS = st.builds(
    lambda number, delimiter, end: (delimiter.join(book(number)) + end).encode(),
    st.integers(0, 20),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r", ""]),
)
PIECES = st.one_of(
    GOOD_ROWS,
    st.sampled_from(
        [
            b"title,author,isbn,publication_year\n",
            b"Titel;Autor;ISBN\n",
            b"title\tauthor\tisbn13\tisbn\tyear\n",
            "書名,作者,ISBN\n".encode("big5"),
            b"sep=;\n",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b'"',
            b'""',
            b'\\"',
            b'","',
            b'"\n"',
            b"\n",
            b"\r",
            b"\x00",
            b"\xff",
            b"\xe9",
            "é".encode(),
            b",",
            b";",
            b"9.78043902348e+12,",
            b"439023483,",
            b"c1999",
            b"\x1e end of lines \x1e\n",
            b"x" * 3000,
        ]
    ),
    st.binary(max_size=12),
)
CONTENTS = st.one_of(
    st.binary(max_size=400),
    st.lists(PIECES, max_size=40).map(b"".join),
    st.lists(PIECES, max_size=40).map(lambda pieces: b"title,author,isbn,year\n" + b"".join(pieces)),
    st.lists(PIECES, max_size=20).map(lambda pieces: b"".join(pieces).decode("latin-1").encode("utf-16")),
)
MUTATIONS = st.tuples(st.integers(0, 2000), st.integers(0, 255), st.integers(0, 2000))


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "books.csv"


FUZZ = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


@FUZZ
@given(data=CONTENTS, policy=st.sampled_from(["error", "skip", "update"]))
def test_any_file_is_accounted_for(connection: Connection, path: Path, data: bytes, policy: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path.write_bytes(data)
    try:
        reading = understand(path, ImportOptions())
    except SourceError:
        return
    job = new_job(connection, on_duplicate=policy)
    had = books.count(connection)
    assert resume(connection, job, path) is Outcome.FINISHED
    done = jobs.get(connection, job.id)
    records = records_of(path, reading)
    blank = sum(record.is_blank for record in records)
    # The database has a constraint that the processed ones are those that succeeded, failed or were skipped.
    assert len(records) == blank + reading.header.is_in_file + done.processed_rows
    assert done.processed_rows == done.total_rows
    assert error_pages.count(connection, job.id) == done.error_count
    if policy != "update":
        assert books.count(connection) - had == done.success_count
    assert Reading.from_dict(done.read_as or {}).dialect == reading.dialect
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH


@FUZZ
@given(data=CONTENTS, kind=st.sampled_from(["gz", "zip", "zst"]), mutation=MUTATIONS)
def test_any_damage_to_a_packed_file_is_explained(
    path: Path, data: bytes, kind: str, mutation: tuple[int, int, int]
) -> None:
    place, byte, cut = mutation
    damaged = bytearray(packed(data, kind))
    damaged[place % len(damaged)] = byte
    path.write_bytes(bytes(damaged[: max(len(damaged) - cut, 4)] if cut < 1000 else damaged))
    try:
        check_file(path, Settings())
        reading = understand(path, ImportOptions())
    except (RefusedError, SourceError):
        return
    assert records_of(path, reading)
