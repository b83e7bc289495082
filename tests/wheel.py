"""``python -m tests.wheel WHEEL``: is the wheel whole, and does what it installs work? For ``make wheel``.

It is installed into a fresh environment, and tried in a home of its own, away from the checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

FILES = {
    "bibliflow_tui/styles/*.tcss": "bibliflow_tui/styles",
    "daemon/catalog/migrations/*.sql": "daemon/catalog/migrations",
    "docs/*.md": "bibliflow_tui/docs",
    "examples/*.csv": "bibliflow_tui/examples",
}
"""What beside Python's own files must be in it, and where."""

COMPLETION = """
eval "$(_BIBLIFLOW_COMPLETE=bash_source bibliflow)"
COMP_WORDS=(bibliflow pre) COMP_CWORD=1
_bibliflow_completion bibliflow
echo "${COMPREPLY[@]}"
"""


def check_files(wheel: Path) -> None:
    """Every file is there."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"{folder}/{path.name}" for pattern, folder in FILES.items() for path in CHECKOUT.glob(pattern)}
    wanted |= {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "daemon").rglob("*.py")}
    wanted |= {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "bibliflow_tui").rglob("*.py")}
    assert not wanted - inside, f"not in the wheel: {sorted(wanted - inside)}"
    strange = {name for name in inside if name.partition("/")[0].startswith("tests")}
    assert not strange, f"in the wheel: {sorted(strange)}"


class Installed:
    """The wheel in an environment of its own."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self._bin = folder / "venv" / "bin"
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._variables = variables | {
            "BIBLIFLOW_HOME": str(folder / "home"),
            "PATH": f"{self._bin}:{os.environ['PATH']}",
        }
        self._folder = folder
        python = folder / "venv" / "bin" / "python"
        self.run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--quiet")
        options = ("--no-compile", "--constraint", CHECKOUT / "constraints.txt")
        self.run(*pip, "install", *options, f"{wheel}[embedded]")

    def run(self, *command: object, exit_code: int = 0) -> str:
        """What a command says on standard output."""
        begun = time.monotonic()
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=self._folder, env=self._variables, capture_output=True, text=True, check=False
        )
        print(f"{time.monotonic() - begun:6.1f} s  {' '.join(words)[:100]}", flush=True)
        assert done.returncode == exit_code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def try_out(installed: Installed, folder: Path) -> None:
    """Import, look, back up, take back."""
    for program in ("bibliflow", "bibliflow-daemon"):
        assert installed.run(program, "--version").startswith(f"{program}, version ")
    assert installed.run("bash", "-c", COMPLETION).strip().endswith("preview")
    assert "# Security" in installed.run("bibliflow", "help", "security")
    path = folder / "books.csv"
    path.write_text("title,author,isbn,year\nEmma,Jane Austen,9780141439587,1815\nB,B,bad,1999\n")
    job = json.loads(installed.run("bibliflow", "import", path, "--wait", "--json"))
    assert (job["success_count"], job["error_count"]) == (1, 1)
    assert json.loads(installed.run("bibliflow", "health", "--json"))["status"] == "ok"
    installed.run("bibliflow", "demo")
    installed.run("bibliflow", "db", "dump", folder / "x.dump")
    assert json.loads(installed.run("bibliflow", "status", job["id"], "--json"))["status"] == "SUCCESS"
    installed.run("bibliflow", "undo", job["id"], "--yes")
    assert "Emma" not in installed.run("bibliflow", "books", "--search", "9780141439587")
    installed.run("bibliflow", "db", "restore", folder / "x.dump", "--yes")
    assert "Emma" in installed.run("bibliflow", "books", "--search", "9780141439587")
    styles = "import bibliflow_tui.app as app; assert app.Dashboard.CSS_PATH.exists(), app.Dashboard.CSS_PATH"
    installed.run("python", "-c", styles)


def main(wheel: Path) -> None:
    """Check it; AssertionError says what is wrong."""
    check_files(wheel)
    with tempfile.TemporaryDirectory(prefix="bibliflow-wheel-") as name:
        folder = Path(name).resolve()
        installed = Installed(folder, wheel.resolve())
        try:
            try_out(installed, folder)
        finally:
            installed.run("bibliflow-daemon", "stop")
    print(f"{wheel.name} is well")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
