"""What runs beside the screens, and what becomes of its faults."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.worker import Worker, WorkerState
from textual.worker_manager import WorkerManager


class WatchedWorkers(WorkerManager):
    """Workers whose faults are told, and end nothing.

    Textual knows two ways with what a worker does not handle: to end the app, or to say nothing
    (``exit_on_error=False``). Its own workers end the app, as that of the command palette does when it begins
    to look in a palette that was closed a moment ago.
    """

    def __init__(self, app: App[None], tell: Callable[[str, BaseException], None]) -> None:
        """``tell`` gets the workers' group and what went wrong."""
        super().__init__(app)
        self._tell = tell

    def add_worker(self, worker: Worker[object], start: bool = True, exclusive: bool = True) -> None:
        """Let it run; its faults end nothing, whatever Textual wants."""
        worker.exit_on_error = False
        super().add_worker(worker, start, exclusive)

    def _remove_worker(self, worker: Worker[object]) -> None:
        super()._remove_worker(worker)
        if worker.state is WorkerState.ERROR and worker.error is not None and worker.node.is_attached:
            self._tell(worker.group, worker.error)  # nobody waits for the answer to what is gone
