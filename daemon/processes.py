"""The daemon's processes: Huey's consumer with its workers, the housekeeper, and helpers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from multiprocessing.context import ForkProcess
from typing import Any

import psutil
from huey.consumer import BaseProcess, Consumer, ForkSafeFlag, Worker, WorkerRecycle

from daemon.board import Board, Seat
from daemon.logger import Logger

log = Logger(__name__)

SHUTDOWN_TIMEOUT = 8.0
"""Seconds for workers to reach the end of a chunk when the daemon is asked to stop."""

MOST_MEMORY = 16_000_000
"""Bytes that a worker which has nothing to do may have for itself: it has 12 MB when it has done a job, 20
to 30 after a million duplicates. Python gives little of that back; to fork a new one takes 20 ms."""

LEFT = 75
"""Exit code of a worker that made room for another one."""


class StopFlag:
    """Huey's stop flag, which all processes of a daemon share, raised too when the main process is gone.

    Workers that outlived a kill -9 of their daemon must not work on beside the next one's.
    """

    def __init__(self, flag: ForkSafeFlag) -> None:
        self._flag = flag
        self._main = os.getpid()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Wait until the flag is raised, ``seconds`` at most; whether it is."""
        if os.getpid() != self._main != os.getppid():
            self._flag.set()
        return bool(self._flag.wait(seconds))


class Helper:
    """A process beside the consumer's, started again when it dies."""

    def __init__(self, name: str, work: Callable[[StopFlag], None], stop: StopFlag) -> None:
        self._name = name
        self._work = work
        self._stop = stop
        self._process: ForkProcess | None = None

    def ensure(self) -> None:
        """Start it if it is not there."""
        if self._process is not None:
            if self._process.is_alive():
                return
            _say_that_it_died(self._name)
        self._process = multiprocessing.get_context("fork").Process(
            target=self._run, name=self._name, daemon=True
        )
        self._process.start()

    def _run(self) -> None:
        os.setpgrp()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            self._work(self._stop)
        except Exception:
            log.exception("a process of the daemon failed", name=self._name)
            raise SystemExit(1) from None

    def end(self) -> None:
        """Wait until it has done what it was at; not for ever."""
        if self._process is not None:
            self._process.join(SHUTDOWN_TIMEOUT)
            self.kill()

    def kill(self) -> None:
        """End it now, if it is there."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()


class _Worker(Worker):
    """Huey's worker, which has a seat, looks between two tasks whether its daemon still lives, and leaves
    when it has grown.
    """

    def __init__(self, board: Board, **options: Any) -> None:
        super().__init__(**options)
        self._stop = StopFlag(self.stop_flag)
        self._board = board
        self._measured = 0
        self._leaves = False
        self.seat: Seat | None = None

    def initialize(self) -> None:
        os.setpgrp()
        if self.seat:
            self._board.take(self.seat)
        super().initialize()

    def loop(self, now: datetime | None = None) -> None:
        self._board.mine.react()
        if self._stop.is_set():
            return
        done = self.task_count
        super().loop(now)
        # With an empty queue, as nobody shall wait for the next one; once after each task, as it takes 1 ms.
        if self.task_count == done != self._measured:
            self._measured = done
            if _has_grown():
                self._leaves = True
                raise WorkerRecycle

    def shutdown(self) -> None:
        super().shutdown()
        if self._leaves:
            sys.exit(LEFT)


class _Housekeeping(BaseProcess):
    """The housekeeper, where Huey has its scheduler."""

    def __init__(self, huey: Any, stop_flag: ForkSafeFlag, work: Callable[[StopFlag], None]) -> None:
        super().__init__(huey, stop_flag)
        self._stop = StopFlag(stop_flag)
        self._work = work

    def initialize(self) -> None:
        os.setpgrp()

    def loop(self, now: datetime | None = None) -> None:
        self._work(self._stop)


class WorkerProcesses(Consumer):
    """Huey's consumer, which gives its workers seats, keeps house, and says first that it stops."""

    def __init__(
        self,
        huey: Any,
        *,
        board: Board,
        keep_house: Callable[[StopFlag], None],
        on_stop: Callable[[], None],
        **options: Any,
    ) -> None:
        """``keep_house`` works in a process of its own until its flag is raised."""
        self._board = board
        self._keep_house = keep_house
        self._on_stop = on_stop
        self.scheduler: Any = None
        super().__init__(
            huey,
            workers=len(board.workers),
            worker_type="process",
            periodic=False,
            graceful_signal="TERM",
            shutdown_timeout=SHUTDOWN_TIMEOUT,
            **options,
        )

    def worker_class(self, **options: Any) -> _Worker:
        """A worker."""
        return _Worker(self._board, **options)

    def replace_those_that_left(self) -> None:
        """Put new workers in the place of those that made room."""
        for place, (_, process) in enumerate(self.worker_threads):
            if process.exitcode == LEFT:
                self._start_worker(place)

    def check_worker_health(self) -> bool:
        """Put others in the place of processes that died; whether none did."""
        is_well = True
        for place, (_, process) in enumerate(self.worker_threads):
            if process.exitcode not in (None, LEFT):
                is_well = False
                _say_that_it_died(process.name)
                self._start_worker(place)
        if not self.scheduler.is_alive():
            is_well = False
            _say_that_it_died(self.scheduler.name)
            self.scheduler = self._create_process(self._create_scheduler(), "")
            self.scheduler.start()
        return is_well

    def kill_all(self) -> None:
        """End those that hang even now: this process could not end before them."""
        for process in (self.scheduler, *(process for _, process in self.worker_threads)):
            if process.is_alive():
                log.warning("a process does not end, and is killed", name=process.name, pid=process.pid)
                process.kill()

    def stop(self, graceful: bool = False) -> None:
        """Stop the workers."""
        self.stop_flag.set()  # first of all: a second signal may come at any moment from here on
        self._on_stop()
        super().stop(graceful)

    def _create_scheduler(self) -> _Housekeeping:
        return _Housekeeping(self.huey, self.stop_flag, self._keep_house)

    def _create_process(self, process: BaseProcess, name: str) -> Any:
        if isinstance(process, _Worker):
            # "Worker-1" and so on, also for one that takes the place of another.
            process.seat = self._board.workers[int(name.rpartition("-")[2]) - 1]
            process.seat.rest()
        else:
            name = "housekeeper"
        return super()._create_process(process, name)

    def _start_worker(self, place: int) -> None:
        worker = self._create_worker()
        process = self._create_process(worker, self.worker_threads[place][1].name)
        self.worker_threads[place] = (worker, process)
        process.start()


def _has_grown() -> bool:
    with suppress(psutil.Error, OSError):  # behind walls one may not be told
        return bool(psutil.Process().memory_full_info().uss > MOST_MEMORY)
    return False


def _say_that_it_died(name: str) -> None:
    log.warning("a process of the daemon died, starting another", name=name)
