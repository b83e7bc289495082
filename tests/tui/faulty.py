"""The dashboard with a fault in it: ``python -m tests.tui.faulty WHERE`` runs it as users do."""

from __future__ import annotations

import sys
from typing import NoReturn

from textual.drivers.linux_driver import LinuxDriver

from bibliflow_tui.__main__ import run
from bibliflow_tui.app import Dashboard
from bibliflow_tui.screens.imports import ImportsScreen
from bibliflow_tui.widgets.job_detail import JobDetail

MESSAGE = "broken \x1b]52;c;x\x07 postgresql://ann:hunter2hunter2@db/books [/]"
"""It must reach neither terminal nor report as it is."""

SAID = "ValueError: broken ␛]52;c;x␇ postgresql://ann:***@db/books [/]"


def fail(*_: object, **__: object) -> NoReturn:
    """The fault."""
    value = "of a variable"
    raise ValueError(MESSAGE + value[:0])


FAULTS = {
    "styles": (Dashboard, "_get_default_css"),
    "first screen": (ImportsScreen, "compose_place"),
    "a key": (Dashboard, "action_help"),
    "thread of the keys": (LinuxDriver, "process_message"),
    "the end": (JobDetail, "_on_unmount"),
}

if __name__ == "__main__":
    owner, name = FAULTS[sys.argv.pop()]
    setattr(owner, name, fail)
    run()
