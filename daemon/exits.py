"""Exit codes, and errors that users can meet as one line instead of a traceback. For both commands."""

from __future__ import annotations

import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import wraps
from typing import NoReturn, ParamSpec

import click

from daemon.visible import visible

P = ParamSpec("P")


def take_interrupts() -> None:
    """From here on Ctrl-C is an exception, for what was begun to be left in order."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let Ctrl-C end the program at once while modules are loaded: an exception may get lost there."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class ExitCode(IntEnum):
    """What the commands tell a shell."""

    DONE = 0
    FAILED = 1
    """The job failed or was cancelled; or the daemon is not as it should be; or the role may not do it."""
    USAGE = 2
    """Wrong usage, wrong configuration, or a file that was refused."""
    UNREACHABLE = 3
    """Database or queue out of reach."""
    NO_SUCH_JOB = 4


def fail(message: str, code: ExitCode) -> NoReturn:
    """Say ``message`` on standard error and end with ``code``."""
    from daemon.catalog.database import mask_password

    context = click.get_current_context(silent=True)
    program = context.find_root().info_name if context else "bibliflow"
    click.echo(f"{program}: {visible(mask_password(message))}", err=True)
    sys.exit(code)


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Let ``command`` end with one line and an exit code on the errors that users can meet."""

    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> None:
        take_interrupts()
        try:
            command(*args, **options)
        except BrokenPipeError:
            # The reader, `head` for one, has enough. Nothing is left to say, not even at interpreter exit.
            sys.stderr.close()
            sys.exit(ExitCode.DONE)
        except Exception as error:
            explanation = _explain(error)
            if explanation is None:
                raise
            fail(*explanation)

    return run


def _explain(error: Exception) -> tuple[str, ExitCode] | None:
    """What to say of ``error``, and the exit code; None if it is a fault of the program."""
    # Not before: an import loads most of it while its file is copied.
    from daemon.catalog.database import DatabaseError, is_out_of_reach
    from daemon.catalog.jobs import NoSuchJobError
    from daemon.catalog.roles import RoleError
    from daemon.control import DaemonError
    from daemon.queue_error import QueueError
    from daemon.settings import SettingsError

    match error:
        case SettingsError():
            return str(error), ExitCode.USAGE
        case NoSuchJobError():
            return str(error), ExitCode.NO_SUCH_JOB
        case DatabaseError() | QueueError():
            return str(error), ExitCode.UNREACHABLE
        case DaemonError() | RoleError():
            return str(error), ExitCode.FAILED
        case sqlite3.Error():
            return f"The queue or the daemon's state cannot be used: {error}", ExitCode.UNREACHABLE
        case OSError():
            return f"{error.filename or 'The home'}: {error.strerror or error}", ExitCode.FAILED
    if not is_out_of_reach(error):
        return None
    return f"The database was lost; see when it is back what was done: {error}", ExitCode.UNREACHABLE
