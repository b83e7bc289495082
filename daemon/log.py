"""Where log lines go, and in which form.

Commands say warnings on standard error. The daemon says more: on standard error, for people or for machines,
and in a file of its own, which commands and the dashboard read. Under the journal of systemd there is no such
file, as the journal keeps what goes to standard error: nothing is kept twice.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
from typing import Any, NoReturn, TextIO

from daemon import journal, logfile, logger
from daemon.catalog.database import mask_password
from daemon.logfile import LogFile
from daemon.settings import LogSettings, Paths
from daemon.visible import visible

Sink = Callable[[dict[str, Any]], None]
"""Takes an event, masked, as ``{"timestamp", "level", "event", ...}``."""


def configure(*, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Send the program's log lines, and warnings of the libraries, to ``stream``: standard error if None.

    ``quiet`` programs, whose users read other things there, say warnings only.
    """
    stream = stream or sys.stderr
    sink = _to_people(stream) if stream.isatty() else _to_machines(stream)
    _configure(sink, least=logging.WARNING if quiet else logging.INFO, at_once=not quiet)


def configure_daemon(wanted: LogSettings, paths: Paths) -> None:
    """Send log lines to standard error, and into the daemon's own file unless the journal keeps them."""
    own = paths.daemon_log
    is_journal = journal.is_stderr()
    journal.note(paths.daemon_unit)
    sinks = []
    if is_journal or not logfile.is_stderr(own):
        for_people = sys.stderr.isatty() if wanted.format == "auto" else wanted.format == "console"
        sinks.append((_to_people if for_people else _to_machines)(sys.stderr, is_journal=is_journal))
    if not is_journal:
        file = LogFile(own)
        sinks.append(lambda event: file.write(as_json(event)))

    def to_all(event: dict[str, Any]) -> None:
        for sink in sinks:
            sink(event)

    _configure(to_all, least=logging.getLevelNamesMapping()[wanted.level.upper()], at_once=True)


def _configure(sink: Sink, *, least: int, at_once: bool) -> None:
    logger.configure_with(partial(_configure_structlog, sink), least=least, at_once=at_once)
    logging.basicConfig(level=logging.WARNING, handlers=[_Handler(sink)], force=True)


def _configure_structlog(sink: Sink) -> None:
    import structlog

    def output(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> NoReturn:
        sink(dict(event))
        raise structlog.DropEvent  # there is nothing left to do for structlog's own loggers

    structlog.configure(processors=[*_processors(), output])


def _processors() -> list[Any]:
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # as text: other forms show local variables, secrets among them
        _mask,
        _in_order,
    ]


class _Handler(logging.Handler):
    """Writes the lines of libraries like ours."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        event: dict[str, Any] = {"event": record.getMessage(), "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for processor in _processors():
            event = processor(None, record.levelname.lower(), event)
        self._sink(event)


def _mask(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {key: _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    """``value`` without passwords, as something that JSON has."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {str(key): _masked(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(item) for item in value]
    return mask_password(str(value))


def _in_order(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """What people look for comes first."""
    first = {key: event.pop(key) for key in ("timestamp", "level", "event", "job_id", "file") if key in event}
    return first | event


def as_json(event: dict[str, Any]) -> str:
    """An event as a line for machines."""
    return json.dumps(event)


def _to_machines(stream: TextIO, *, is_journal: bool = False) -> Sink:
    return lambda event: _say(stream, [as_json(event)], event["level"] if is_journal else "")


def _to_people(stream: TextIO, *, is_journal: bool = False) -> Sink:
    import structlog

    render = structlog.dev.ConsoleRenderer(colors=stream.isatty())

    def sink(event: dict[str, Any]) -> None:
        safe = {key: _safe(value) for key, value in event.items()}
        if is_journal:
            del safe["timestamp"]  # it has its own
        lines = str(render(None, "", safe)).splitlines()
        _say(stream, lines, event["level"] if is_journal else "")

    return sink


def _safe(value: Any) -> Any:
    """Strangers' text made harmless for a terminal; a traceback keeps its lines."""
    return "\n".join(map(visible, value.splitlines())) if isinstance(value, str) else value


def _say(stream: TextIO, lines: Sequence[str], level: str) -> None:
    """Write ``lines``, with the weight of ``level`` before each for the journal."""
    prefix = f"<{journal.WEIGHTS.get(level, 6)}>" if level else ""
    # Whoever has closed standard error wants to hear nothing; no reason to stop an import.
    try:
        stream.write("".join(f"{prefix}{line}\n" for line in lines))
        stream.flush()
    except (OSError, ValueError):
        pass
