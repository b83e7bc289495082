"""Events of the file system: they say that it is time to look, and no more."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from watchfiles import watch

from daemon.inbox import names
from daemon.inbox.folder import Folder
from daemon.logger import Logger

log = Logger(__name__)

TOGETHER = 400
"""Milliseconds for which events that do not end are gathered."""

QUIET = 50
"""Milliseconds without one after which they are told at once."""

TRY_AGAIN = 60.0
"""Seconds before events are asked for again that could not be had."""

SHORTEST = 1.0
"""Seconds before events are asked for again that ended."""


class Events:
    """Those of one inbox, told by a thread of their own."""

    def __init__(self, folder: Folder, *, is_wanted: bool) -> None:
        self._folder = folder
        self._is_wanted = is_wanted
        self._happened = threading.Event()
        self._thread: _Thread | None = None
        self._not_before = 0.0
        self._resting_until = 0.0

    @property
    def are_there(self) -> bool:
        """Whether events will tell of changes."""
        return self._thread is not None and self._thread.is_alive()

    def follow(self) -> None:
        """Let events tell of the folder that is there now. Raises :class:`OSError` if there is none."""
        try:
            identity = self._folder.identity()
        except OSError:
            self.stop()
            raise
        if not self._is_wanted or (self._thread and self.are_there and self._thread.identity == identity):
            return
        now = time.monotonic()
        if self._thread is not None and now < self._not_before:
            return
        self._not_before = now + (TRY_AGAIN if self._thread and self._thread.has_failed else SHORTEST)
        self.stop()
        self._thread = _Thread(self._folder, identity, self._happened)
        self._thread.start()

    def happened(self) -> bool:
        """Whether there was an event since the last time that this was asked."""
        happened = self._happened.is_set()
        self._happened.clear()
        return happened

    def rest(self, seconds: float) -> None:
        """Tell of no event for some time: whoever looks must not do nothing else."""
        self._resting_until = time.monotonic() + seconds

    def wait(self, seconds: float) -> None:
        """Until something happens, ``seconds`` at most."""
        resting = min(self._resting_until - time.monotonic(), seconds)
        if resting > 0:
            time.sleep(resting)
            seconds -= resting
        self._happened.wait(max(seconds, 0))

    def stop(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None


class _Thread(threading.Thread):
    def __init__(self, folder: Folder, identity: tuple[int, int], happened: threading.Event) -> None:
        super().__init__(name="inbox-events", daemon=True)
        self.identity = identity
        self.has_failed = False
        self._root = os.fspath(folder.root)
        ours = (names.IMPORTED, names.FAILED, names.PRIVATE)
        self._ours = tuple(f"{self._root}/{os.fsdecode(name)}/" for name in ours)
        self._is_recursive = folder.is_recursive
        self._happened = happened
        self._stopping = threading.Event()

    def run(self) -> None:
        try:
            for changes in watch(
                self._root,
                watch_filter=None,
                debounce=TOGETHER,
                step=QUIET,
                stop_event=self._stopping,
                recursive=self._is_recursive,
                ignore_permission_denied=True,
                raise_interrupt=False,
            ):
                paths = [path for _, path in changes if not f"{path}/".startswith(self._ours)]
                if paths:
                    self._happened.set()
                if self._root in paths:
                    return  # the folder itself: perhaps it is another one now
        except BaseException as error:
            # Too many folders are an OSError; a name that is not UTF-8 is a panic, which is no Exception.
            self.has_failed = isinstance(error, OSError)
            log.warning("no events of the inbox; it is looked at every second", error=str(error))
        finally:
            self._happened.set()

    def stop(self) -> None:
        """Without waiting: it ends by itself."""
        self._stopping.set()
        with suppress(RuntimeError):
            self.join(0)
