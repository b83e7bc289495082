"""Working ahead in a process of its own: nothing is lost on the way, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from daemon.importing.ahead import ReaderDiedError, ahead
from daemon.importing.source import SourceError
from tests.processes import runs, wait_until

Readers = Callable[[], list[psutil.Process]]


class StopError(Exception):
    pass


def ignore() -> None:
    pass


def sleep() -> Iterator[int]:
    time.sleep(60)
    yield 1


def stop() -> None:
    raise StopError


@pytest.fixture
def inherited() -> Iterator[int]:
    reading, writing = os.pipe()
    yield writing
    os.close(reading)
    os.close(writing)


@pytest.fixture
def readers() -> Readers:
    """Tells the processes that were started in the test and not waited for; other tests leave some too."""
    before = psutil.Process().children()
    return lambda: [child for child in psutil.Process().children() if child not in before]


def test_everything_arrives_in_order(readers: Readers, inherited: int) -> None:
    items = [b"x" * size for size in (0, 1, 5_000_000, 3)] * 3
    assert list(ahead(lambda: iter(items), ignore, inherited)) == items
    assert readers() == []


def test_its_errors_arrive_behind_what_came_before(inherited: int) -> None:
    def make() -> Iterator[int]:
        yield 1
        raise SourceError("The file ends too early")

    found = ahead(make, ignore, inherited)
    assert next(found) == 1
    with pytest.raises(SourceError, match="ends too early") as error:
        next(found)
    assert "in make" in error.value.__notes__[0]


def test_it_is_looked_whether_to_stop_while_nothing_comes(readers: Readers, inherited: int) -> None:
    started = time.monotonic()
    with pytest.raises(StopError):
        next(ahead(sleep, stop, inherited))
    assert time.monotonic() - started < 5
    assert readers() == []


def test_a_killed_process_is_noticed(inherited: int) -> None:
    def make() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGKILL)

    found = ahead(make, ignore, inherited)
    assert next(found) == 1
    with pytest.raises(ReaderDiedError):
        next(found)


def test_closing_it_ends_the_process_in_the_middle(readers: Readers, inherited: int) -> None:
    found = ahead(lambda: iter([b"x" * 3_000_000] * 1000), ignore, inherited)
    next(found)
    assert len(readers()) == 1
    found.close()
    assert readers() == []


def test_it_lets_go_of_what_it_inherited() -> None:
    """The other end sees at once when this process has closed it."""
    reading, writing = os.pipe()

    def make() -> Iterator[int]:
        yield 1
        time.sleep(60)

    found = ahead(make, ignore, writing)
    assert next(found) == 1
    os.close(writing)
    assert os.read(reading, 1) == b""
    found.close()
    os.close(reading)


PARENT = """
import os, sys, time
from daemon.importing.ahead import ahead
found = ahead(lambda: iter([b"x" * 3_000_000] * 1000), lambda: None, os.open("/dev/null", os.O_RDONLY))
next(found)
print("ready", flush=True)
time.sleep(60)
"""


def test_it_does_not_outlive_the_process_that_it_works_for() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    assert parent.stdout.readline() == "ready\n"
    (child,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not runs(child))
