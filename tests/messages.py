"""The messages that the program can print and that need an action, collected from its source.

A value in a message is ``…``. ``python -m tests.messages`` prints those that docs/troubleshooting.md lacks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
PAGE = CHECKOUT / "docs" / "troubleshooting.md"

KINDS = {
    *("ActionError", "BadDumpError", "BusyError", "DaemonError", "DatabaseError", "DumpError"),
    *("FollowUpError", "NoSuchJobError", "PackingError", "RefusedError", "RoleError", "ServerError"),
    *("SettingsError", "SourceError", "TransferError"),
}
"""Exceptions whose texts users read; and what is handed to ``fail``."""

FEWEST_WORDS = 3
"""A message of fewer only hands on another one, which is found where it is made."""

NOT_LISTED = {
    "The server in … is not in use by this program",  # a fault of the program's
}


def missing() -> dict[str, str]:
    """What the page does not have, and the file that says it."""
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    found = {key(message): path for message, path in _collect()}
    return {words: path for words, path in found.items() if words not in page and words not in NOT_LISTED}


def key(message: str) -> str:
    """What a message is found by: its first clause, without the names before it."""
    message = re.sub(r"^(…:? )+", "", message)
    for end in re.finditer(r"[.;:] ", message):
        if len(re.findall(r"\w+", message[: end.start()])) >= FEWEST_WORDS:
            message = message[: end.start()]
            break
    return message.removesuffix(" (…)").rstrip(".")


def _collect() -> Iterator[tuple[str, str]]:
    for package in ("daemon", "bibliflow_tui"):
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                    message = _template(node.args[0])
                    is_one = node.func.id in KINDS or node.func.id == "fail"
                    if is_one and len(re.findall(r"\w+", message)) >= FEWEST_WORDS:
                        yield message, str(path.relative_to(CHECKOUT))


def _template(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_template, parts))
        case ast.BinOp(left=left, right=right):
            return _template(left) + _template(right)
        case _:
            return "…"


if __name__ == "__main__":
    for words, path in missing().items():
        print(f"{path}: {words}")  # noqa: T201
