"""Objects with large parts, from one process to another."""

from __future__ import annotations

import os
import resource
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from pickle import PickleBuffer
from threading import Thread
from typing import Any

import pytest

from daemon.importing import handover
from daemon.importing.handover import PLACES, Handover


class Large:
    """Something whose bytes need not be copied."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return Large, (PickleBuffer(self.data),)


@pytest.fixture
def both() -> Iterator[Handover]:
    made = Handover()
    yield made
    made.be_taker()
    made.close()


def passed(both: Handover, given: Any) -> Any:
    giver = Thread(target=both.give, args=[given])
    giver.start()
    try:
        return both.take()
    finally:
        giver.join()


def used(both: Handover) -> int:
    return sum(both._in_use[:])


@pytest.mark.parametrize("sizes", [[], [0], [1], [0, 3_000_000, 0, 5], [2_000_000]])
def test_all_of_it_arrives(both: Handover, sizes: list[int]) -> None:
    datas = [os.urandom(size) for size in sizes]
    name, *parts = passed(both, ["name", *map(Large, datas)])
    assert name == "name"
    assert [bytes(part.data) for part in parts] == datas
    assert used(both) == (sum(sizes) > 0)
    del parts
    assert used(both) == 0


def test_what_was_taken_stays_as_it_is(both: Handover) -> None:
    """Also when later ones come, more than there are places for."""
    datas = [os.urandom(100_000) for _ in range(3 * PLACES)]
    taken = [passed(both, Large(data)) for data in datas[: PLACES + 2]]
    assert used(both) == PLACES
    del taken[1], datas[1]  # one place for those that follow, one after another
    for data in datas[PLACES + 1 :]:
        assert bytes(passed(both, Large(data)).data) == data
    assert [bytes(one.data) for one in taken] == datas[: len(taken)]


def test_what_finds_no_room_goes_through_the_pipe(both: Handover, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(1_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(handover, "PLACE_SIZE", 999_999)
        assert bytes(passed(both, Large(data)).data) == data
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        taken = passed(both, Large(data))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert used(both) == 0
    assert bytes(taken.data) == data


def test_where_there_are_no_files_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")  # as on macOS
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    both = Handover()
    data = os.urandom(1_000_000)
    taken = passed(both, Large(data))
    assert used(both) == 1
    both.be_taker()
    both.close()
    assert bytes(taken.data) == data
    assert not list(tmp_path.iterdir())


def test_a_giver_that_is_gone(both: Handover) -> None:
    both.be_taker()
    with pytest.raises(EOFError):
        both.take()
