"""What is measured beside imports: answers of a command, the first screen, an idle daemon."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import termios
import time
from fcntl import ioctl

from benchmarks.stage import Stage, program, timed

FIRST_WORD = b"Bibliflow"


def status(stage: Stage) -> float:
    """Seconds of ``bibliflow status JOB --json``."""
    row = stage.connection.execute("SELECT id FROM import_jobs LIMIT 1").fetchone()
    if row is None:
        raise RuntimeError("there is no job")
    return timed([program("bibliflow"), "status", str(row[0]), "--json"])


def first_paint() -> float:
    """Seconds from the command to the first screen of the dashboard, on a terminal of 80x24."""
    begun = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(program("bibliflow"), ["bibliflow"])
    try:
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        seen = b""
        while FIRST_WORD not in seen:
            if not select.select([terminal], [], [], 30)[0]:
                raise RuntimeError("the dashboard shows nothing")
            seen += os.read(terminal, 65_536)
        return time.perf_counter() - begun
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def idle(stage: Stage, seconds: float) -> tuple[float, float]:
    """Processor time of the waiting daemon in percent of one core, and its memory (PSS) in MB."""
    before = _seconds(stage)
    time.sleep(seconds)
    share = 100 * (_seconds(stage) - before) / seconds
    return share, sum(process.memory_full_info().pss for process in stage.daemon()) / 1e6


def _seconds(stage: Stage) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in stage.daemon())
