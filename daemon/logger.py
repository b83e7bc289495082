"""Loggers, for every module: ``log = Logger(__name__)``.

structlog is loaded with the first line that is logged: most commands log nothing, and need not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_configure: Callable[[], None] | None = None
_quiet = False


def configure_with(function: Callable[[], None], *, quiet: bool) -> None:
    """Let ``function`` configure structlog: now, as libraries log with it too, or when it is needed.

    The latter for ``quiet`` programs, which say warnings only.
    """
    global _configure, _quiet
    _configure, _quiet = function, quiet
    if not quiet:
        _configure_now()


def _configure_now() -> None:
    global _configure
    if _configure is not None:
        configure, _configure = _configure, None
        configure()


class Logger:
    """Logs events with values."""

    def __init__(self, name: str) -> None:
        self._name = name

    def info(self, event: str, **values: Any) -> None:
        """Say what has happened."""
        if not _quiet:
            self._bound().info(event, **values)

    def warning(self, event: str, **values: Any) -> None:
        """Say what should not happen."""
        self._bound().warning(event, **values)

    def error(self, event: str, **values: Any) -> None:
        """Say what went wrong."""
        self._bound().error(event, **values)

    def exception(self, event: str, **values: Any) -> None:
        """Say what went wrong, with the exception that is being handled."""
        self._bound().exception(event, **values)

    def _bound(self) -> Any:
        import structlog

        _configure_now()
        return structlog.get_logger(self._name)
