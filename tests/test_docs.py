"""The manual, the help texts and the completion say what there is."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bibliflow_tui.cli import main
from bibliflow_tui.commands.help import pages
from daemon.cli import main as daemon_main
from tests import messages

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
PROGRAMS = {"bibliflow": main, "bibliflow-daemon": daemon_main}


def test_every_message_has_its_entry_in_troubleshooting() -> None:
    assert messages.missing() == {}, "python -m tests.messages lists them"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_examples_exist(page: Path) -> None:
    for line in examples(page):
        program, *words = shlex.split(line, comments=True)
        command, rest = walk(PROGRAMS[program], words)
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        } | {"--help"}
        used = {word.partition("=")[0] for word in rest if word.startswith("--")} - {"--version", "--help"}
        assert used <= options, line


def examples(page: Path) -> Iterator[str]:
    """The lines of shell in a page that call one of the programs; and what it says in the text."""
    text = page.read_text()
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from re.findall(r"^(?:bibliflow|bibliflow-daemon)(?: .*)?$", block, re.MULTILINE)
    for line in re.findall(
        r"`(bibliflow(?:-daemon)? [^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    ):
        yield " ".join(line.split())


def walk(command: click.Command, words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words begin with, and the words behind it."""
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        inner = command.get_command(click.Context(command), words[0])
        if inner is None and (words[0].isupper() or "." in words[0]):
            break  # files for the dashboard
        assert inner is not None, words
        command, words = inner, words[1:]
    return command, words


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_texts_are_whole(program: str) -> None:
    for names, command in commands(PROGRAMS[program]):
        assert not command.get_short_help_str(60).endswith("..."), names
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (names, parameter.opts)


def said(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_manual() -> None:
    assert set(re.findall(r"^  ([a-z-]+)  +[A-Z]", said("help"), re.MULTILINE)) >= set(pages())
    assert said("help", "backup") == (CHECKOUT / "docs" / "backup.md").read_text() + "\n"
    assert said("help", "db", "dump").startswith("Usage: ")
    unknown = CliRunner().invoke(main, ["help", "nonsense"])
    assert (unknown.exit_code, "`bibliflow help` lists them" in unknown.stderr) == (2, True)


def test_completion() -> None:
    """What the Tab key offers in bash."""
    script = 'eval "$(_BIBLIFLOW_COMPLETE=bash_source bibliflow)"\n'
    for line in (["db", "re"], ["import", "--on-duplicate", "s"]):
        script += f"COMPREPLY=() COMP_WORDS=(bibliflow {shlex.join(line)}) COMP_CWORD={len(line)}\n"
        script += '_bibliflow_completion bibliflow; echo "${COMPREPLY[@]}"\n'
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["restore", "skip"]
