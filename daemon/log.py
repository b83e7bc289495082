"""Structured log lines on standard error: for people on a terminal, JSON for machines elsewhere."""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import Any, TextIO

from daemon import logger
from daemon.catalog.database import mask_password


def configure(*, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Send the program's log lines, and warnings of the libraries, to ``stream``: standard error if None.

    ``quiet`` programs, whose users read other things there, say warnings only.
    """
    stream = stream or sys.stderr
    logger.configure_with(partial(_configure_structlog, stream), quiet=quiet)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(stream))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _configure_structlog(stream: TextIO) -> None:
    import structlog

    structlog.configure(
        processors=[*_processors(), _renderer(stream)],
        logger_factory=structlog.PrintLoggerFactory(stream),
    )


class _Formatter(logging.Formatter):
    """Writes the lines of libraries like ours."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def format(self, record: logging.LogRecord) -> str:
        import structlog

        processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(self._stream)]
        formatter = structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_processors(), processors=processors
        )
        return formatter.format(record)


def _processors() -> list[Any]:
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # as text: other forms show local variables, secrets among them
        _mask,
    ]


def _renderer(stream: TextIO) -> Any:
    import structlog

    return structlog.dev.ConsoleRenderer() if stream.isatty() else structlog.processors.JSONRenderer()


def _mask(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {key: mask_password(value) if isinstance(value, str) else value for key, value in event.items()}
