"""What runs beside the screens, and what becomes of its faults."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.worker import Worker, WorkerState
from textual.worker_manager import WorkerManager


class WatchedWorkers(WorkerManager):
    """Workers whose faults are told.

    Textual knows two ways with what a worker does not handle: to end the app, or to say nothing
    (``exit_on_error=False``). Here the faults of the latter, of all of them, are told.
    """

    def __init__(self, app: App[None], tell: Callable[[str, BaseException], None]) -> None:
        """``tell`` gets the workers' group and what went wrong."""
        super().__init__(app)
        self._tell = tell

    def _remove_worker(self, worker: Worker[object]) -> None:
        super()._remove_worker(worker)
        if worker.state is WorkerState.ERROR and worker.error is not None and not worker.exit_on_error:
            self._tell(worker.group, worker.error)
