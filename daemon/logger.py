"""Loggers, for every module: ``log = Logger(__name__)``.

structlog is loaded with the first line that is logged: most commands log nothing, and need not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_configure: Callable[[], None] | None = None
_quiet = False


def configure_with(function: Callable[[], None], *, quiet: bool) -> None:
    """Let ``function`` configure structlog when it is needed; ``quiet`` programs say warnings only."""
    global _configure, _quiet
    _configure, _quiet = function, quiet


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

        global _configure
        if _configure is not None:
            configure, _configure = _configure, None
            configure()
        return structlog.get_logger(self._name)
