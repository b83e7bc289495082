"""An app that leaves a usable terminal behind, whatever happens, and lets nothing through to it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

from rich.console import RenderableType
from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.notifications import Notify, SeverityLevel
from textual.widgets._toast import Toast as ToastWidget

from bibliflow_tui import toasts
from bibliflow_tui.background import WatchedWorkers
from bibliflow_tui.colourless import Colourless, black_and_white
from bibliflow_tui.contrast import Dimmed, readable
from bibliflow_tui.keystrokes import Keystrokes
from bibliflow_tui.text import visible
from bibliflow_tui.toasts import Toast
from daemon.catalog.database import mask_secrets
from daemon.catalog.roles import RoleError
from daemon.logger import Logger
from daemon.settings import Paths, Settings

if TYPE_CHECKING:
    from bibliflow_tui.crash import Crash

log = Logger(__name__)

TOAST_LENGTH = 300
"""Characters; server messages can be long."""

LONGEST_FAULT = 120
"""Characters of an exception's message in a toast."""

TELL_AGAIN = 30.0
"""Seconds in which another fault of the same workers is not told: some work ten times a second."""


class SturdyApp(App[None]):
    """Textual ends an app on a fault by printing a traceback, with the values of all variables in it.

    Here the traceback goes into a file, without values; see :class:`bibliflow_tui.crash.Crash`.
    """

    def __init__(self, loaded: Settings, paths: Paths) -> None:
        super().__init__()
        self.settings = loaded
        self.paths = paths
        self.crash: Crash | None = None
        """What ended the app, if it was a fault."""
        self._told: dict[str, float] = {}
        """When a fault of workers was told last, by their group."""
        self._workers = WatchedWorkers(self, self.tell_fault)
        self._keystrokes = Keystrokes(self._deal_with, self.set_timer)
        self._filters = [Colourless()] if self.no_color else [Dimmed(), *self._filters]

    def on_mount(self) -> None:
        """A ``kill`` ends it like the key does; else the terminal would stay as only an app can use it."""
        if not self.is_headless:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)

    def get_css_variables(self) -> dict[str, str]:
        """The theme's, so that all text can be read."""
        variables = super().get_css_variables()
        self.theme_variables = black_and_white(variables) if self.no_color else readable(variables)
        return self.theme_variables

    # Faults that end it.

    def fall(self, error: Exception | str) -> None:
        """Report what ends the app: the first fault; others come of it."""
        if self.crash is None:
            from bibliflow_tui import crash  # not for the first screen

            self.crash = crash.report(error, self._whereabouts(), self.paths.state, self.settings)

    def let_go(self) -> None:
        """Let threads end that run as long as the app does: it waits for them before it ends."""

    async def _shutdown(self) -> None:
        self.let_go()  # first of all: a widget that fails here would keep the others from being told
        await super()._shutdown()

    def _whereabouts(self) -> list[str]:
        stack = self._screen_stacks.get(self.current_mode, [])
        names = " > ".join(type(screen).__name__ for screen in stack) or "none"
        terminal = os.environ.get("TERM", "")
        return [f"terminal {terminal}, {self.size.width}x{self.size.height}", f"screens {names}"]

    def _handle_exception(self, error: Exception) -> None:
        self.fall(error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """End; ``renderables`` are for the report."""
        self.fall("\n".join(map(_plain, renderables)))
        self._close_messages_no_wait()

    # Faults that cost an answer.

    def tell_fault(self, group: str, error: BaseException) -> None:
        """What workers of ``group`` should have brought does not come: say so, and log why."""
        if isinstance(error, RoleError):
            self.toast(str(error), "error")
            return
        now = time.monotonic()
        if now - self._told.get(group, float("-inf")) < TELL_AGAIN:
            return
        self._told[group] = now
        log.error("a worker of the dashboard failed", worker=group, exc_info=error)
        what = mask_secrets(f"{type(error).__name__}: {error}", self.settings)
        self.toast(
            f"A fault in Bibliflow itself ({group}): {visible(what, limit=LONGEST_FAULT)}. "
            f"Try again; more is in {self.paths.dashboard_log}",
            "error",
        )

    # What strangers wrote.

    def toast(self, text: str, severity: SeverityLevel = "information", *, kind: str = "") -> None:
        """A short notice, from any thread. ``text`` may hold anything; ``kind`` is as in :class:`Toast`."""
        self.post_message(Notify(Toast(visible(text, limit=TOAST_LENGTH), severity=severity, kind=kind)))

    def on_notify(self, event: Notify) -> None:
        """Make room for a notice; Textual shows it next."""
        gone = toasts.outdated(self._notifications, event.notification)
        if self.screen_stack:
            for shown in self.screen.query(ToastWidget):
                if shown._notification in gone:
                    shown._expire()
        for old in gone:
            self._unnotify(old, refresh=False)  # also if it has no widget here

    async def on_event(self, event: events.Event) -> None:
        """What is pasted may drive the terminal, and not all lines that are typed into are ours."""
        if isinstance(event, events.Paste):
            event.text = "\n".join(map(visible, event.text.splitlines()))
        if not isinstance(event, events.Key | events.Paste):
            await super().on_event(event)
        elif not self.screen_stack:
            pass  # it ends: nobody is there to take it
        elif event.is_forwarded:
            await super().on_event(event)
        else:
            await self._keystrokes.take(event)

    async def _deal_with(self, event: events.Key | events.Paste) -> DOMNode:
        first = self.focused or self.screen
        await super().on_event(event)
        return first

    def copy_to_clipboard(self, text: str) -> None:
        """Hand ``text`` to the terminal's clipboard; what is no text in it becomes question marks."""
        super().copy_to_clipboard(text.encode(errors="replace").decode())


def _plain(renderable: RenderableType) -> str:
    """Without colours and boxes: secrets are found only in whole lines."""
    from rich.traceback import Traceback

    if not isinstance(renderable, Traceback):
        return str(renderable)
    lines = []
    for stack in reversed(renderable.trace.stacks):
        lines += [f"{frame.filename}, line {frame.lineno}, in {frame.name}" for frame in stack.frames]
        lines.append(f"{stack.exc_type}: {stack.exc_value}")
    return "\n".join(lines)
