"""sqlite-utils, without numpy and pandas, which it loads where they are installed.

It takes values of theirs, and we have none: numpy would cost every process 16 MB and every command 0.1 s.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def _absent(*names: str) -> Iterator[None]:
    """Meanwhile these modules cannot be imported, unless they are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden, cast("ModuleType", None)))  # it takes that for "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _absent("numpy", "pandas"):
    from sqlite_utils import Database as Database
    from sqlite_utils.db import NotFoundError as NotFoundError
    from sqlite_utils.db import Table as Table
