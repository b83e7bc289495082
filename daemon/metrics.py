"""The daemon's figures for Prometheus: in a file for node_exporter, and at an address of this machine.

They are numbers of things, with labels from lists that the program knows: never a name that somebody gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.board import Board
from daemon.catalog.job import JobStatus
from daemon.disk import Room
from daemon.inbox.ledger import FileState
from daemon.logger import Logger
from daemon.settings import APP_NAME, MetricsSettings
from daemon.whole_file import unfinished

if TYPE_CHECKING:  # costs memory that only a daemon with metrics needs
    from prometheus_client.core import Metric

log = Logger(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the housekeeper found when it looked last. None is what it could not find out."""

    database_up: bool = False
    latency: float | None = None
    """Seconds."""
    jobs: Mapping[JobStatus, int] = field(default_factory=dict)
    queue_depth: int | None = None
    oldest_task: float | None = None
    """Seconds that it has waited."""
    inbox: Mapping[FileState, int] = field(default_factory=dict)
    rooms: Mapping[str, Room] = field(default_factory=dict)
    hung: int = 0


class Exporter:
    """Gives the facts away; for the housekeeper's process."""

    def __init__(self, wanted: MetricsSettings, board: Board) -> None:
        from prometheus_client import CollectorRegistry

        self._wanted = wanted
        self._collector = _Collector(board)
        self._registry = CollectorRegistry()
        self._registry.register(self._collector)
        self._is_listening = False
        self._problems: dict[str, str] = {}

    def update(self, facts: Facts) -> None:
        """Take new facts, and write them where they are wanted. What goes wrong is logged once."""
        self._collector.facts = facts
        if self._wanted.file:
            self._note(self._wanted.file, self._write)
        if self._wanted.address and not self._is_listening:
            self._note(self._wanted.listen, self._listen)

    def _note(self, place: str, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            problem = error.strerror or str(error)
            if self._problems.get(place) != problem:
                log.warning("the metrics cannot be given away", place=place, error=problem)
            self._problems[place] = problem
        else:
            self._problems.pop(place, None)

    def _write(self) -> None:
        from prometheus_client import generate_latest

        # For all: node_exporter is another user.
        with unfinished(Path(self._wanted.file).expanduser(), 0o644) as written:
            written.write_bytes(generate_latest(self._registry))

    def _listen(self) -> None:
        from prometheus_client import start_http_server

        assert self._wanted.address  # noqa: S101
        host, port = self._wanted.address
        start_http_server(port, host, self._registry)
        self._is_listening = True
        log.info("metrics are given away", address=self._wanted.listen)


class _Collector:
    """Turns the facts and the board into metrics at the moment they are asked for."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.facts = Facts()

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        def gauge(name: str, text: str, value: float | None) -> Iterable[Metric]:
            if value is not None:
                yield GaugeMetricFamily(f"{APP_NAME}_{name}", text, value)

        def gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
            family = GaugeMetricFamily(f"{APP_NAME}_{name}", text, labels=[label])
            for key, value in values.items():
                family.add_metric([key], value)
            return family

        facts, workers = self.facts, self._board.workers
        yield InfoMetricFamily(f"{APP_NAME}_build", "The program.", {"version": version(APP_NAME)})
        rows = CounterMetricFamily(
            f"{APP_NAME}_rows",
            "Rows of files since the daemon started, by what they became.",
            labels=["result"],
        )
        counts = [sum(seats) for seats in zip(*(seat.rows for seat in workers), strict=True)]
        for result, count in zip(("imported", "rejected", "skipped"), counts, strict=True):
            rows.add_metric([result], count)
        yield rows
        states = {status.value.lower(): facts.jobs.get(status, 0) for status in JobStatus}
        if facts.database_up:
            yield gauges("jobs", "Jobs in the database, by status.", "status", states)
        yield from gauge("database_up", "Whether the database answers.", facts.database_up)
        yield from gauge("database_latency_seconds", "Time that it takes to answer.", facts.latency)
        yield from gauge("queue_depth", "Tasks that wait for a worker.", facts.queue_depth)
        yield from gauge(
            "queue_oldest_task_age_seconds",
            "Time that the next of them has waited; 0 if there is none.",
            None if facts.queue_depth is None else facts.oldest_task or 0,
        )
        yield from gauge("workers", "Processes that import.", len(workers))
        yield from gauge("workers_busy", "Those that have a job.", self._board.busy)
        yield from gauge("workers_hung", "Those that have not reacted for minutes.", facts.hung)
        files = {state.value: facts.inbox.get(state, 0) for state in FileState}
        yield gauges("inbox_files", "Files of the inbox, by state.", "state", files)
        for name, text in (("free", "Bytes that are free"), ("size", "Bytes in all")):
            values = {what: room.free if name == "free" else room.total for what, room in facts.rooms.items()}
            yield gauges(f"disk_{name}_bytes", f"{text} where it is kept.", "kept", values)
