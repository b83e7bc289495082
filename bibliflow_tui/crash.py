"""What is left of a dashboard that fell over: a report in a file, and a few lines on the terminal."""

from __future__ import annotations

import os
import platform
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bibliflow_tui.text import visible
from daemon.catalog.database import mask_secrets
from daemon.settings import Settings

PACKAGES = ("bibliflow", "textual", "rich", "psycopg")
"""Whose versions are in a report."""

KEPT = 10
"""Reports; older ones are removed."""

LONGEST_SUMMARY = 200
"""Characters of an exception's message on the terminal."""


@dataclass(frozen=True, slots=True)
class Crash:
    """What is to be told. Every text is masked, and made harmless for a terminal."""

    summary: str
    """The exception in one line."""
    report: Path | None
    """None if it could not be written."""
    why_not: str = ""
    """Why it could not be written."""

    def lines(self) -> list[str]:
        """What happened, where the report is, what to do next."""
        where = (
            f"Report: {visible(self.report)} (without passwords)"
            if self.report
            else f"No report could be written: {self.why_not}"
        )
        return [
            f"bibliflow: the dashboard met a fault of its own and ended: {self.summary}",
            where,
            "Imports go on in the daemon. Start bibliflow again; if it happens again, show the report to "
            "whoever looks after Bibliflow.",
        ]


def report(error: BaseException | str, facts: list[str], directory: Path, settings: Settings) -> Crash:
    """Write the report of ``error`` into ``directory`` (mode 0600) and return what to tell. Never raises.

    Args:
        error: What nobody handled, or a traceback as text where there is nothing else.
        facts: Lines on what was on the screen.
        directory: The state directory.
        settings: Its address of the database is masked wherever it stands.
    """

    def harmless(line: str) -> str:
        return visible(mask_secrets(line, settings))

    if isinstance(error, str):
        trace = error
        summary = trace.strip().rpartition("\n")[2]
    else:
        # Without the values of variables: passwords and people's rows are among them.
        trace = "".join(traceback.format_exception(error))
        summary = "".join(traceback.format_exception_only(error)).strip()
    summary = visible(mask_secrets(summary, settings), limit=LONGEST_SUMMARY)
    now = datetime.now(UTC)
    lines = [f"The dashboard met a fault of its own, {now.isoformat(timespec='seconds')}", "", *_versions()]
    # Masked as a whole first: what is secret may have line breaks in it.
    lines += [*facts, "", *mask_secrets(trace, settings).splitlines()]
    path = directory / f"crash-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    try:
        _write(path, "".join(f"{harmless(line)}\n" for line in lines))
    except OSError as problem:
        return Crash(summary, None, visible(f"{path}: {problem.strerror}"))
    return Crash(summary, path)


def _versions() -> list[str]:
    packages = []
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # of files that were never installed
            packages.append(f"{name} {version(name)}")
    return [", ".join([*packages, f"Python {platform.python_version()}"]), platform.platform()]


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    for old in sorted(path.parent.glob("crash-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
