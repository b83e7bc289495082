"""Two connections that store chunks side by side, and commit them in the order of the file.

Each chunk is a transaction of its own; it waits for the one before it, and its checkpoint takes effect only
on that one's. So whatever is lost, what is stored is a beginning of the file, and the checkpoint counts it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Self, TypeAlias

from daemon.catalog.database import Connection, is_out_of_reach, is_waited_for, prepare_for_imports
from daemon.catalog.job import Counts
from daemon.importing.chunk import Chunk
from daemon.importing.loader import Loader

LANES = 2
"""Measured on two cores: a million rows take 3.4 seconds over one connection, and 3.0 over two. Two files at
once take 4.3 over two each, and 4.15 over one each: lanes get in each other's way in the indexes. Each of
them holds a chunk in memory."""

LOOK = 0.2
"""Seconds between two looks of a chunk that waits for its turn whether somebody waits for it."""

Connect: TypeAlias = Callable[[], AbstractContextManager[Connection]]


class _InTheWayError(Exception):
    """A chunk that is not the next one has ISBNs that another import waits for."""


class Lanes:
    """Stores the chunks of one job.

    Those that have no ISBN in common with the chunk before them are stored beside it, if there is a way to
    ``connect`` once more; the others, and without one all, when that is done.
    """

    def __init__(
        self,
        loader: Loader,
        done: int,
        connect: Connect | None,
        on_stored: Callable[[Counts], None],
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        """``loader`` has the first connection; ``done`` rows of the file are stored already.

        As long as it ``is_crowded``, one chunk is stored at a time.

        ``on_stored`` is told of each chunk, in their order and by any thread; if it raises, none of the later
        ones is stored.
        """
        self._loaders = [loader]
        self._done = done
        self._connect = connect
        self._on_stored = on_stored
        self._is_crowded = is_crowded
        self._under_way: list[Future[None]] = []
        self._stack = ExitStack()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is under way goes on to its end; what went wrong with the first has been told.
        self._stack.close()

    @property
    def is_idle(self) -> bool:
        """Whether no chunk is under way, and the connections are free for others to use."""
        return all(future.done() for future in self._under_way)

    def wait_for_room(self) -> None:
        """Wait until one more chunk can be stored. Raises what went wrong with one before it."""
        while len(self._under_way) >= (1 if self._is_crowded() else LANES):
            self._under_way.pop(0).result()

    def store(self, chunk: Chunk) -> None:
        """Store ``chunk``, or begin to. Raises what went wrong with it, or with one before it."""
        done = self._done
        self._done += len(chunk)
        if chunk.follows:
            self.finish()
        if self._connect:
            self._open(self._connect)
        if self._threads is None:
            self._store(self._loaders[0], chunk, done, None)
            return
        self.wait_for_room()
        before = self._under_way[-1] if self._under_way else None
        self._loaders.append(self._loaders.pop(0))
        store = partial(self._store, self._loaders[0], chunk, done, before)
        self._under_way.append(self._threads.submit(copy_context().run, store))

    def finish(self) -> None:
        """Wait until all is stored. Raises as :meth:`store` does."""
        while self._under_way:
            self._under_way.pop(0).result()

    def _open(self, connect: Connect) -> None:
        """Add the other lanes, or do without if the server takes no more connections."""
        self._connect = None
        first = self._loaders[0]
        with ExitStack() as stack:
            try:
                connections = [stack.enter_context(connect()) for _ in range(LANES - 1)]
                for connection in connections:
                    prepare_for_imports(connection)
            except Exception as error:
                if is_out_of_reach(error):
                    return
                raise
            self._loaders += map(first.beside, connections)
            # Entered last, it is left first: the connections are closed when nobody uses them any more.
            self._threads = stack.enter_context(ThreadPoolExecutor(LANES, "lane"))
            self._stack = stack.pop_all()

    def _store(self, loader: Loader, chunk: Chunk, done: int, before: Future[None] | None) -> None:
        def wait_for_turn() -> None:
            while before and not wait([before], LOOK).done:
                # Somebody may wait for us whom the chunk before waits for: the server cannot know that we
                # wait for that one.
                if is_waited_for(loader.connection):
                    raise _InTheWayError
            if before:
                before.result()

        try:
            counts = loader.load(chunk, done, wait_for_turn)
        except _InTheWayError:
            assert before  # noqa: S101
            before.result()
            counts = loader.load(chunk, done)
        self._on_stored(counts)
