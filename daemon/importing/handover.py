"""What one process hands another: objects through a pipe, their large parts in memory that both see.

Through a pipe alone each byte is copied twice, into memory that the system has to clear before. Measured on a
million books: 0.2 seconds of processor time, 0.06 like this.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import weakref
from array import array
from contextlib import suppress
from mmap import MAP_SHARED, PROT_READ, mmap
from multiprocessing import Pipe
from multiprocessing.connection import Connection as PipeEnd
from typing import Any

PIPE_SIZE = 1024 * 1024
"""Bytes on their way at once, where the system lets one say so."""

PLACES = 8
"""Objects whose large parts are in the memory at once. More of them go through the pipe."""

PLACE_SIZE = 64 * 1024 * 1024
"""Bytes of a place. Only what was ever written to takes memory."""

NOWHERE = PLACES

_NUMBER = array("Q").itemsize


class Handover:
    """From a child, which :meth:`give` is for, to its parent; to be made before the child."""

    def __init__(self) -> None:
        self._receiver, self._sender = Pipe(duplex=False)
        _widen(self._sender)
        self._memory = _memory()
        self._in_use = mmap(-1, PLACES)

    def be_giver(self) -> None:
        """In the child: close what the parent needs."""
        self._receiver.close()

    def be_taker(self) -> None:
        """In the parent: close what the child needs, to see when it is gone."""
        self._sender.close()

    def give(self, given: Any) -> None:
        """Hand an object over. Raises :class:`BrokenPipeError` if nobody takes it any more."""
        large: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(given, pickle.HIGHEST_PROTOCOL, buffer_callback=large.append)
        parts = [part.raw() for part in large]
        place = self._put(parts)
        sizes = array("Q", map(len, (pickled, *parts))).tobytes()
        begin = array("Q", (place, len(sizes))).tobytes()
        for data in (begin, sizes, pickled, *(parts if place == NOWHERE else ())):
            view = memoryview(data)
            while view:
                view = view[os.write(self._sender.fileno(), view) :]

    def take(self) -> Any:
        """What was given. Raises :class:`EOFError` if that is not all there: the child is gone.

        Its large parts must not be changed.
        """
        place, size = array("Q", self._read(2 * _NUMBER))
        pickled_size, *sizes = array("Q", self._read(size))
        pickled = self._read(pickled_size)
        large = [*map(self._read, sizes)] if place == NOWHERE else self._look(place, sizes)
        return pickle.loads(pickled, buffers=large)  # noqa: S301 - our own child's

    def close(self) -> None:
        """Take no more; what was taken stays."""
        self._receiver.close()
        os.close(self._memory)

    def _put(self, parts: list[memoryview]) -> int:
        """Put ``parts`` into a place; which it is, or that there was none."""
        size = sum(map(len, parts))
        place = self._in_use.find(b"\0")
        if place < 0 or not 0 < size <= PLACE_SIZE:
            return NOWHERE
        at = place * PLACE_SIZE
        try:
            for part in parts:
                view = part
                while view:
                    written = os.pwrite(self._memory, view, at)
                    at += written
                    view = view[written:]
        except OSError:  # no room
            return NOWHERE
        self._in_use[place] = 1
        return place

    def _look(self, place: int, sizes: list[int]) -> list[memoryview]:
        """The parts in a place, which is free again when nobody has any of them any more."""
        mapped = mmap(self._memory, sum(sizes), MAP_SHARED, PROT_READ, offset=place * PLACE_SIZE)
        weakref.finalize(mapped, self._in_use.__setitem__, place, 0).atexit = False
        view = memoryview(mapped)
        parts = []
        for size in sizes:
            parts.append(view[:size])
            view = view[size:]
        return parts

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = os.readv(self._receiver.fileno(), [view])
            if not count:
                raise EOFError
            view = view[count:]
        return data


def _memory() -> int:
    """A file that is only memory, or at least has no name."""
    try:
        fd = os.memfd_create("bibliflow")
    except (AttributeError, OSError):
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.truncate(fd, PLACES * PLACE_SIZE)
    return fd


def _widen(pipe: PipeEnd) -> None:
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_SIZE)
