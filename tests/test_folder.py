"""The inbox as a tree of files: names, rest, claims, places."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.catalog.ids import uuid7
from daemon.inbox import names
from daemon.inbox.claims import Claim, Claims
from daemon.inbox.folder import Entry, Folder, Version
from daemon.inbox.settling import EMPTY, GROWING, HELD_OPEN, Settling
from daemon.settings import Paths

MEMORY = Path("/dev/shm")


def paths_in(directory: Path) -> Paths:
    spool = directory / "spool"
    spool.mkdir(parents=True)
    return Paths(directory / "c", directory / "state", spool, directory / "pg", directory / "inbox")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture(params=["same file system", "another file system"])
def paths(request: pytest.FixtureRequest, inbox: Path) -> Iterator[Paths]:
    """Those of a daemon whose spool is on the file system of the inbox, or on another one."""
    if request.param == "same file system":
        yield paths_in(inbox.parent / "home")
        return
    there = Path("/var/tmp") if inbox.stat().st_dev == MEMORY.stat().st_dev else MEMORY
    if there.stat().st_dev == inbox.stat().st_dev:
        pytest.skip("there is one file system only")
    with tempfile.TemporaryDirectory(dir=there) as directory:
        yield paths_in(Path(directory))


def version_of(folder: Folder, path: bytes) -> Version:
    version = folder.version(path)
    assert version is not None
    return version


@pytest.mark.parametrize(
    ("name", "second", "errors"),
    [
        (b"shop.csv", b"shop (2).csv", b"shop.errors.csv"),
        (b"shop.tsv", b"shop (2).tsv", b"shop.errors.tsv"),
        (b"shop.csv.gz", b"shop (2).csv.gz", b"shop.errors.csv"),
        (b"shop 1.2.csv", b"shop 1.2 (2).csv", b"shop 1.2.errors.csv"),
        (b"shop", b"shop (2)", b"shop.errors.csv"),
        (b"a/b/shop.errors.csv", None, b"a/b/shop.errors.csv"),
        (b"shop.errors (2).csv", b"shop.errors (2) (2).csv", b"shop.errors.csv"),
    ],
)
def test_names(name: bytes, second: bytes | None, errors: bytes) -> None:
    assert names.of_errors(name) == errors
    if second:
        found = names.numbered(name)
        assert [next(found), next(found)] == [name, second]


@pytest.mark.parametrize("stem", [b"x" * 251, "ü".encode() * 125 + b"x", b"\xff" * 251])
def test_long_names_fit(stem: bytes) -> None:
    name = stem + b".csv"
    found = names.numbered(name)
    assert next(found) == name
    for other in (next(found), names.of_errors(name), names.of_reason(name)):
        assert len(other) <= names.LONGEST_NAME
        assert other != name


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Rest:
    """A settling of one second, with a clock of its own; ``writers`` hold their files open."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.writers: set[bytes] = set()
        self.settling = Settling(1.0, self.writers.__contains__, self.clock, self.clock)

    def see(self, path: bytes, size: int, written_at: float, inode: int = 1, ignored: str = "") -> None:
        self.settling.update([Entry(path, Version(1, inode, size, int(written_at * 1e9)), ignored)])

    @property
    def settled(self) -> list[bytes]:
        return [entry.path for entry in self.settling.settled(10)]

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason in self.settling.waiting()]


def test_a_file_must_be_at_rest() -> None:
    rest = Rest()
    for step in range(5):
        rest.see(b"a", step + 1, rest.clock.now)
        rest.clock.now += 0.9
        assert (rest.settled, rest.reasons) == ([], [GROWING])
    rest.clock.now += 0.2
    assert rest.settled == [b"a"]


def test_a_file_that_was_written_long_ago_is_complete() -> None:
    rest = Rest()
    rest.see(b"a", 1, 990)
    assert rest.settled == [b"a"]
    # A clock that is wrong makes it wait, not more.
    rest.see(b"b", 1, 5000)
    assert rest.settled == []
    rest.clock.now += 1
    assert rest.settled == [b"b"]


def test_an_empty_file_and_an_open_one_wait_without_end() -> None:
    rest = Rest()
    rest.see(b"a", 0, 0)
    rest.clock.now += 5000
    assert (rest.settled, rest.reasons) == ([], [EMPTY])
    rest.see(b"a", 5, 0)
    rest.writers.add(b"a")
    rest.clock.now += 5000
    assert rest.settled == []
    assert rest.reasons == [HELD_OPEN]
    rest.writers.clear()
    assert rest.settled == [b"a"]


def test_what_loses_its_temporary_name_is_complete() -> None:
    rest = Rest()
    rest.see(b"a.csv.part", 5, 1000, inode=7, ignored="temporary")
    assert rest.settled == []
    rest.see(b"a.csv", 5, 1000, inode=7)
    assert rest.settled == [b"a.csv"]


def test_a_claim_keeps_the_path(inbox: Path, paths: Paths) -> None:
    folder = Folder(inbox)
    claims = Claims(folder, paths)
    path = b"a/b/li\nst \xff.csv"
    (inbox / "a" / "b").mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(inbox) + b"/" + path)).write_text("x")
    claim = claims.take(path, version_of(folder, path), uuid7())
    assert claim is not None
    assert folder.version(path) is None
    assert list(Claims(folder, paths).left()) == [claim.job_id]
    assert list(Claims(folder, paths).of(claim.job_id)) == [claim]
    assert claims.give_back(claim) == path
    assert folder.version(path) is not None
    assert list(claims.left()) == []


def test_what_is_not_as_it_was_is_not_claimed(inbox: Path, paths: Paths) -> None:
    folder = Folder(inbox)
    (inbox / "list.csv").write_text("x")
    version = version_of(folder, b"list.csv")
    (inbox / "list.csv").write_text("xy")
    assert Claims(folder, paths).take(b"list.csv", version, uuid7()) is None
    assert (inbox / "list.csv").read_text() == "xy"
    with (inbox / "list.csv").open("a"):
        assert Claims(folder, paths).take(b"list.csv", version_of(folder, b"list.csv"), uuid7()) is None
    assert Claims(folder, paths).take(b"gone.csv", version, uuid7()) is None
    assert list(Claims(folder, paths).left()) == []


def test_two_daemons_on_one_folder(inbox: Path, paths: Paths) -> None:
    folder = Folder(inbox)
    files = [f"{number}.csv".encode() for number in range(200)]
    for path in files:
        (inbox / path.decode()).write_text("x")
    versions = {path: version_of(folder, path) for path in files}
    both = [Claims(folder, paths), Claims(folder, paths_in(inbox.parent / "other"))]
    with ThreadPoolExecutor() as pool:
        taken: list[Claim | None] = [
            claim
            for result in [
                pool.submit(claims.take, path, versions[path], uuid7()) for path in files for claims in both
            ]
            for claim in [result.result()]
        ]
    assert sorted(claim.path for claim in taken if claim) == sorted(files)


def test_a_folder_exchanged_for_a_link_leads_nowhere(inbox: Path, paths: Paths, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "list.csv").write_text("secret")
    (inbox / "shelf").mkdir()
    (inbox / "shelf" / "list.csv").write_text("x")
    folder = Folder(inbox)
    version = version_of(folder, b"shelf/list.csv")
    (inbox / "shelf" / "list.csv").unlink()
    (inbox / "shelf").rmdir()
    (inbox / "shelf").symlink_to(secret)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        Claims(folder, paths).take(b"shelf/list.csv", version, uuid7())
    assert (secret / "list.csv").exists()
    assert [entry.refused for entry in folder.look()] == ["a link; put the file itself here"]
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        folder.put(secret / "list.csv", b"shelf/other.csv", key="k")
    with pytest.raises(OSError, match="Invalid"):
        folder.version(b"../elsewhere/list.csv") or folder.open(b"../elsewhere/list.csv")


def test_a_place_is_never_taken_from_another(inbox: Path, paths: Paths) -> None:
    folder = Folder(inbox)
    for number in range(3):
        file = paths.spool / f"{number}.csv"
        file.write_text(str(number))
        # As after a crash: done again, it is where it was.
        for _ in range(2):
            place = folder.put(file, b"imported/shelf/list.csv", key=str(number))
            assert place == b"imported/shelf/list" + (b" (%d)" % (number + 1) if number else b"") + b".csv"
            assert (inbox / place.decode()).read_text() == str(number)
        file.unlink()
    assert len(list((inbox / "imported" / "shelf").iterdir())) == 3


def test_a_written_file_appears_when_it_is_complete(inbox: Path) -> None:
    folder = Folder(inbox)
    with folder.written(b"failed/a.txt", key="1") as file:
        file.write(b"x")
        assert not (inbox / "failed" / "a.txt").exists()
    with folder.written(b"failed/a.txt", key="2") as file:
        file.write(b"x")
    with folder.written(b"failed/a.txt", key="3") as file:
        file.write(b"y")
    with pytest.raises(ZeroDivisionError), folder.written(b"failed/a.txt", key="4") as file:
        file.write(b"z" * (1 // 0))
    assert {path.name: path.read_text() for path in (inbox / "failed").iterdir()} == {
        "a.txt": "x",
        "a (2).txt": "y",
    }


def test_files_of_others_and_deep_trees_are_refused(inbox: Path) -> None:
    (inbox / "theirs.csv").write_text("x")
    deep = inbox.joinpath(*["d"] * 40)
    deep.mkdir(parents=True)
    (deep / "list.csv").write_text("x")
    if os.geteuid() == 0:
        os.chown(inbox / "theirs.csv", 12345, -1)
        entries = {entry.path: entry.refused for entry in Folder(inbox).look()}
        assert "belongs to another user" in entries[b"theirs.csv"]
    entries = {entry.path: entry.refused for entry in Folder(inbox, any_owner=True).look()}
    assert entries.pop(b"theirs.csv") == ""
    assert list(entries.values()) == ["more than 32 folders deep"]
    assert [entry.path for entry in Folder(inbox, recursive=False).look()] == [b"theirs.csv"]
