"""Loggers, for every module: ``log = Logger(__name__)``.

structlog is loaded with the first line that is logged: most commands log nothing, and need not wait for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

_configure: Callable[[], None] | None = None
_least = logging.INFO


def configure_with(function: Callable[[], None], *, least: int, at_once: bool) -> None:
    """Let ``function`` configure structlog: now, as libraries log with it too, or when it is needed.

    Lines of less than ``least``, a level of :mod:`logging`, are left out.
    """
    global _configure, _least
    _configure, _least = function, least
    if at_once:
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

    def debug(self, event: str, **values: Any) -> None:
        """Say what only who looks for a fault wants to know."""
        if _least <= logging.DEBUG:
            self._bound().debug(event, **values)

    def info(self, event: str, **values: Any) -> None:
        """Say what has happened."""
        if _least <= logging.INFO:
            self._bound().info(event, **values)

    def warning(self, event: str, **values: Any) -> None:
        """Say what should not happen."""
        if _least <= logging.WARNING:
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
