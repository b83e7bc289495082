"""A program on a terminal of its own: keys go in, and every byte that comes out is kept."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

ROOT = Path(__file__).parents[1]

SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>78])")
"""What drives a terminal, as Textual writes it."""


def surroundings() -> dict[str, str]:
    """The environment without the size of another terminal, which programs would believe."""
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}


class Terminal:
    """Runs ``command``; ends it when it is left."""

    def __init__(
        self, command: Sequence[str], size: tuple[int, int] = (80, 24), folder: Path | None = None
    ) -> None:
        self._terminal, inner = pty.openpty()
        self.resize(*size, tell=False)
        self.attributes = termios.tcgetattr(inner)
        """How it echoes and so on, before the program."""
        kind = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
        kind["PYTHONFAULTHANDLER"] = "1"  # should it crash, or hang, it writes where
        environment = surroundings() | kind
        self.process = subprocess.Popen(
            list(command),
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment,
            cwd=folder or ROOT,
            start_new_session=True,
        )
        self._inner = inner
        self.output = bytearray()
        self._mark = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._inner)
        os.close(self._terminal)

    def resize(self, width: int, height: int, *, tell: bool = True) -> None:
        """Another size."""
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def press(self, keys: str | bytes) -> None:
        """Type ``keys``; from here on :meth:`sees` looks."""
        self.read(0)
        self._mark = len(self.output)
        os.write(self._terminal, keys.encode() if isinstance(keys, str) else keys)

    def read(self, timeout: float) -> bool:
        """Take what came within ``timeout`` seconds; False if nothing did."""
        got = False
        while select.select([self._terminal], [], [], 0 if got else timeout)[0]:
            self.output += os.read(self._terminal, 65_536)
            got = True
        return got

    def do(self, keys: str, *texts: str) -> None:
        """Type ``keys``, and wait until all of ``texts`` were written."""
        self.press(keys)
        self.until(lambda: self.sees(*texts))

    def sees(self, *texts: str) -> bool:
        """Whether all of ``texts`` were written since the last keys, whatever drove the terminal between."""
        new = SEQUENCE.sub(b"", bytes(self.output[self._mark :])).decode(errors="replace")
        return all(text in new for text in texts)

    def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Read until ``condition`` holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self._fail(f"never came true in {seconds} s")
            has_ended = self.process.poll() is not None
            if not self.read(0.05) and has_ended and not condition():
                self._fail(f"it ended with {self.process.returncode}")

    def _fail(self, why: str) -> NoReturn:
        """Tell what was written last, and where the program hangs if it does."""
        last, end = bytes(self.output[-2000:]), len(self.output)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
        self.read(1)
        trace = bytes(self.output[end:]).decode(errors="replace")
        raise AssertionError(f"{why}; last: {last!r}; then: {trace}")

    def wait(self, seconds: float = 30) -> int:
        """Read until the program has ended, and return its exit code."""
        self.until(lambda: self.process.poll() is not None, seconds)
        self.read(0)
        return self.process.returncode

    @property
    def is_sane(self) -> bool:
        """Whether it is left as it was found: echo, the first screen, a cursor, no mouse, no pasting mode."""

        def is_last(wanted: str, other: str) -> bool:
            return self.output.rfind(wanted.encode()) >= self.output.rfind(other.encode())

        modes = (1000, 1003, 1004, 1006, 1049, 2004)
        return (
            all(is_last(f"\x1b[?{mode}l", f"\x1b[?{mode}h") for mode in modes)
            and is_last("\x1b[?25h", "\x1b[?25l")
            and termios.tcgetattr(self._inner) == self.attributes
        )

    @property
    def left_behind(self) -> str:
        """What stands on the first screen afterwards, without what drives the terminal."""
        after = bytes(self.output)[max(self.output.rfind(b"\x1b[?1049l"), 0) :]
        return SEQUENCE.sub(b"", after).decode()
