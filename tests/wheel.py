"""``python -m tests.wheel WHEEL``: is the wheel whole, and does what it installs work? For ``make wheel``.

It is installed into a fresh environment, and tried in a home of its own, away from the checkout.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pip as pip_package

CHECKOUT = Path(__file__).parents[1]
PIP = Path(pip_package.__file__).parent
"""As a program; it runs on any Python."""

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


NOBODY = 65534
MASKS = (0o022, 0o077)
"""With the second one, nobody else can read what is installed, or made."""


def somebody() -> tuple[Path, dict[str, Any]]:
    """A Python and, for root, how to run it as an ordinary user; as root if no Python here lets others in."""
    if os.geteuid() != 0:
        return Path(sys.executable), {}
    ordinary: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    for python in (sys.executable, shutil.which("python3", path=os.defpath)):
        code = "import sys; sys.exit(sys.version_info < (3, 11))"
        for command in ([python, "-c", code], [python, PIP, "--version"]):
            try:
                subprocess.run(list(map(str, command)), check=True, capture_output=True, cwd="/", **ordinary)
            except (OSError, subprocess.CalledProcessError):
                break
        else:
            return Path(str(python)), ordinary
    print("no Python here can be run by others: tried as root", flush=True)
    return Path(sys.executable), {}


class Installed:
    """The wheel in an environment of its own, of an ordinary user with this umask."""

    def __init__(self, folder: Path, wheel: Path, mask: int) -> None:
        python, user = somebody()
        self._process: dict[str, Any] = {"umask": mask, **user}
        self._bin = folder / "venv" / "bin"
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._variables = variables | {
            "HOME": str(folder),
            "BIBLIFLOW_HOME": str(folder / "home"),
            "PATH": f"{self._bin}:{os.environ['PATH']}",
        }
        self._folder = folder
        brought = [Path(shutil.copy(path, folder)) for path in (wheel, CHECKOUT / "constraints.txt")]
        for path in (folder, *brought):
            path.chmod(0o755)
            if user:
                os.chown(path, NOBODY, NOBODY)
        self.run(python, "-m", "venv", "--without-pip", folder / "venv")
        pip = (python, PIP, "--python", self._bin / "python", "--disable-pip-version-check", "--quiet")
        options = ("--no-compile", "--constraint", brought[1])
        self.run(*pip, "install", *options, f"{brought[0]}[embedded]")

    def run(self, *command: object, exit_code: int = 0) -> str:
        """What a command says on standard output."""
        begun = time.monotonic()
        words = [str(word) for word in command]
        done: subprocess.CompletedProcess[str] = subprocess.run(
            words, cwd=self._folder, env=self._variables, capture_output=True, text=True, check=False,
            **self._process,
        )  # fmt: skip
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
    for mask in MASKS:
        print(f"umask {mask:03o}", flush=True)
        with tempfile.TemporaryDirectory(prefix="bibliflow-wheel-") as name:
            folder = Path(name).resolve()
            installed = Installed(folder, wheel.resolve(), mask)
            try:
                try_out(installed, folder)
            finally:
                installed.run("bibliflow-daemon", "stop")
    print(f"{wheel.name} is well")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
