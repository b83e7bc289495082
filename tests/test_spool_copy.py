"""Copies on their way into the spool."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import psutil
import pytest

from daemon.file_check import RefusedError
from daemon.spool_copy import BLOCK, SpoolCopy, _unchanged

LIMIT = 10**9


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three blocks and a bit."""
    path = tmp_path / "books.csv"
    path.write_bytes(b"title,author,isbn\n" + os.urandom(BLOCK // 2).hex().encode() * 3)
    return path


def open_files() -> int:
    return psutil.Process().num_fds()


@pytest.mark.parametrize("is_begun", [True, False])
@pytest.mark.parametrize("has_nameless", [True, False])
def test_a_copy_is_whole_when_it_has_a_name(
    spool: Path, file: Path, is_begun: bool, has_nameless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_nameless:
        monkeypatch.delattr(os, "O_TMPFILE")  # as on macOS
    before = open_files()
    with SpoolCopy(file, LIMIT) as copy:
        if is_begun:
            copy.begin(spool)
        assert not list(spool.iterdir())
        sha256, size = copy.put(spool / "a.csv")
        assert (spool / "a.csv").read_bytes() == file.read_bytes()
        assert (spool / "a.csv").stat().st_mode & 0o777 == 0o600
    assert open_files() == before
    assert sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert size == file.stat().st_size
    assert [path.name for path in spool.iterdir()] == ["a.csv"]


def test_one_that_is_not_wanted_leaves_nothing(spool: Path, file: Path) -> None:
    os.truncate(file, 20 * 10**9)  # no disk of a test has, or could copy, that much in time
    before = open_files()
    free = os.statvfs(spool).f_bavail
    with SpoolCopy(file, 10**12).begin(spool):
        pass
    assert open_files() == before
    assert not list(spool.iterdir())
    assert (free - os.statvfs(spool).f_bavail) * os.statvfs(spool).f_frsize < 10**9


def test_a_name_that_is_taken_is_left_alone(spool: Path, file: Path) -> None:
    (spool / "a.csv").write_text("another")
    with SpoolCopy(file, LIMIT).begin(spool) as copy, pytest.raises(FileExistsError):
        copy.put(spool / "a.csv")
    assert (spool / "a.csv").read_text() == "another"


@pytest.mark.parametrize(
    ("name", "limit", "said"),
    [
        ("missing.csv", LIMIT, "missing.csv: no such file"),
        ("books.csv", BLOCK, "more than import.max_file_size allows .4.2 MB"),
        ("spool", LIMIT, "is a folder"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_when_the_copy_is_asked_for(
    spool: Path, file: Path, name: str, limit: int, said: str
) -> None:
    before = open_files()
    with SpoolCopy(file.parent / name, limit).begin(spool) as copy, pytest.raises(RefusedError, match=said):
        copy.put(spool / "a.csv")
    assert open_files() == before
    assert not list(spool.iterdir())


def test_a_file_that_is_written_to_meanwhile_is_refused(file: Path) -> None:
    with file.open("rb") as opened, _unchanged(opened, "books.csv"):
        opened.read()
    with (
        file.open("rb") as opened,
        pytest.raises(RefusedError, match="changed while it was copied"),
        _unchanged(opened, "books.csv"),
    ):
        os.truncate(file, BLOCK)
