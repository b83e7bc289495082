"""Makes the pictures of the dashboard in this folder, from the example files in a home of its own.

.venv/bin/python -m docs.screenshot; the same comes of it each time.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

from daemon import log, settings
from daemon.catalog.database import Database
from tests.tui import still_life
from tests.tui.running import still_dashboard
from tests.tui.still_life import Way

PICTURES: dict[str, tuple[Way, tuple[int, int]]] = {
    "dashboard.svg": (still_life.to_imports, (100, 22)),
    "errors.svg": (still_life.to_errors, (100, 24)),
    "books.svg": (still_life.to_books, (100, 22)),
    "add_files.svg": (still_life.to_add_files, (110, 26)),
}
"""Ways through the dashboard, and columns and lines."""


async def take(target: Path, way: Way, size: tuple[int, int]) -> None:
    """Go ``way`` and save what is seen then."""
    async with still_dashboard(size) as (app, pilot):
        await way(app, pilot)
        # Textual's picture fetches its font from the network; the reader's own monospace font will do.
        picture = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(), flags=re.DOTALL)
        target.write_text(picture, encoding="utf-8")


async def take_all(folder: Path) -> None:
    """All of them, into ``folder``."""
    for name, (way, size) in PICTURES.items():
        await take(folder / name, way, size)


def main() -> None:
    """Fill a home, and take the pictures in it."""
    folder = Path(__file__).parent.absolute()
    log.configure(quiet=True)
    with tempfile.TemporaryDirectory(prefix="bibliflow-screenshot-") as home:
        os.environ["BIBLIFLOW_HOME"] = home
        exports = Path(home) / "exports"
        exports.mkdir()
        os.chdir(exports)
        loaded, paths = settings.load()
        paths.make_private()
        # The catalogue stays open: its server would have to start for each picture.
        with still_life.still_clock(), Database(loaded, paths) as database:
            with database.connect() as connection:
                still_life.fill(connection, exports)
            asyncio.run(take_all(folder))


if __name__ == "__main__":
    main()
