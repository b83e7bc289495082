"""The whole way of a newcomer, in a terminal that other people made."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bibliflow_tui.commands.demo import examples
from tests.processes import wait_until
from tests.terminal import ROOT, surroundings


class Tmux:
    """A window with a shell in it."""

    def __init__(self, socket: Path, folder: Path, size: tuple[int, int]) -> None:
        self._command = ["tmux", "-u", "-f", "/dev/null", "-S", str(socket)]
        width, height = map(str, size)
        environment = surroundings() | {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        subprocess.run(
            [*self._command, "new-session", "-d", "-x", width, "-y", height, "-c", str(folder), "sh"],
            check=True, env=environment,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Output of a command of tmux."""
        return subprocess.run([*self._command, *arguments], check=True, capture_output=True, text=True).stdout

    def type(self, text: str) -> None:
        self.run("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def lines(self) -> list[str]:
        return self.run("capture-pane", "-p").splitlines()

    def until(self, condition: Callable[[list[str]], object], what: object) -> None:
        """Wait until ``condition`` holds for the lines on the screen."""
        try:
            wait_until(lambda: condition(self.lines()))
        except AssertionError:
            raise AssertionError(f"{what} not on the screen:\n" + "\n".join(self.lines())) from None

    def shows(self, *texts: str) -> None:
        """Wait until all of them are on the screen."""
        self.until(lambda lines: all(text in "\n".join(lines) for text in texts), texts)


@pytest.fixture
def tmux(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tmux]:
    """In a folder with a messy file, and a home with nothing in it, not even a database."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    monkeypatch.delenv("BIBLIFLOW_DATABASE__URL")
    shutil.copy(examples() / "messy.csv", tmp_path)
    window = Tmux(home / "tmux", tmp_path, (80, 24))
    yield window
    window.run("kill-server")


def test_from_the_first_start_to_a_found_book(tmux: Tmux) -> None:
    tmux.type(shlex.join([sys.executable, "-m", "bibliflow_tui"]))
    tmux.press("Enter")
    tmux.shows("No imports yet.", "Press a to add a CSV file", "● database", "● daemon")
    tmux.type("a")
    tmux.shows("Add files", "messy.csv", "24 rows: 7 new, 17 rejected")
    tmux.press("Enter")
    tmux.shows("✓ done", "24", "17 ✗", "7 imported")
    tmux.press("Enter")
    tmux.shows("all 17", "Missing required field", "row 5")
    tmux.run("resize-window", "-x", "120", "-y", "40")
    tmux.until(lambda lines: len(lines) == 40 and "Repair" in lines[-1], "keys in line 40")
    tmux.type("jjj")
    tmux.shows("row 8", "✗ Invalid ISBN: 12345", "Jane Eyre")
    tmux.press("Escape")
    tmux.shows("Add files", "✓ done")
    tmux.type("2")
    tmux.shows("7 books")
    tmux.type("/")
    tmux.shows("Clear")
    tmux.type("austen")
    tmux.shows("1 found", "Pride and Prejudice")
    tmux.press("Enter")
    tmux.shows("e Edit")
    tmux.type("q")
    tmux.shows("The daemon goes on importing")
    tmux.until(lambda lines: "\n".join(lines).rstrip().endswith(("$", "#")), "a prompt")
    tmux.type("echo and goes")
    tmux.press("Enter")
    tmux.shows("\nand goes", " echo and goes")  # the shell has its echo and its screen again
