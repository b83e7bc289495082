"""Makes docs/dashboard.svg: a real dashboard in a home of its own, after importing the example files.

.venv/bin/python docs/screenshot.py
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

from bibliflow_tui.app import Dashboard
from bibliflow_tui.commands.demo import examples
from bibliflow_tui.widgets.virtual_table import VirtualTable
from daemon import control, log, settings
from daemon.intake import Request

SIZE = (100, 24)
TIMEOUT = 60.0


async def take(target: Path) -> None:
    """Import the examples in a dashboard, wait for the end and save what is seen."""
    loaded, paths = settings.load()
    paths.make_private()
    log.configure(quiet=True)
    app = Dashboard(loaded, paths)
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(TIMEOUT):
        while not app.live.daemon_started:
            await pilot.pause(0.1)
        app.submit([(path, Request()) for path in sorted(examples().glob("*.csv"))])
        table = app.screen.query_one(VirtualTable)
        while [str(row.cells[0]) for row in map(table.row_at, range(2)) if row] != ["✓ done", "✓ done"]:
            await pilot.pause(0.1)
        app.clear_notifications()
        await pilot.pause(0.5)
        # Textual's picture fetches its font from the network; the reader's own monospace font will do.
        picture = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(), flags=re.DOTALL)
        target.write_text(picture, encoding="utf-8")
    control.stop(paths)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bibliflow-screenshot-") as home:
        os.environ["BIBLIFLOW_HOME"] = home
        asyncio.run(take(Path(__file__).with_name("dashboard.svg")))
