"""The benchmarks still measure what they say; their figures are for ``make bench``."""

from __future__ import annotations

import re
import subprocess
import sys


def test_a_small_one() -> None:
    command = [sys.executable, "-m", "benchmarks", "--rows", "2000", "--rounds", "1", "--idle", "0.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "Bibliflow, all duplicates: " in done.stderr
    assert re.search(r"all duplicates: [\d.]+ s, 2,000 books, 2,000 errors", done.stderr)
    names = re.findall(r"^\| (.+?) \|", done.stdout, re.MULTILINE)
    assert {"Bibliflow, clean", "Bibliflow, 2 files of 100 rows", "first screen of the dashboard"} <= {*names}
