"""Structured log lines on standard error: for people on a terminal, JSON for machines elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog

from daemon.catalog.database import mask_password


def configure(*, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Send the program's log lines, and warnings of the libraries, to ``stream``: standard error if None.

    ``quiet`` programs, whose users read other things there, say warnings only.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # as text: other forms show local variables, secrets among them
        _mask,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _mask(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {key: mask_password(value) if isinstance(value, str) else value for key, value in event.items()}
