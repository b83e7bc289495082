"""The daemon as a service: what is written for systemd and launchd, and what is said where there is none.

`make systemd` boots a systemd and installs the service for real.
"""

from __future__ import annotations

import os
import plistlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import installation, settings, units
from daemon.control import DaemonError
from daemon.installation import Wish
from tests.processes import run

HOMES = ["/var/lib/bibliflow", '/srv/my $book "100%" \\ list', "/home/ann/books"]

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is missing (Debian package systemd)"
)


def shown(*options: str) -> str:
    result = run("daemon.cli", "service", "show", *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def analyzed(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
@pytest.mark.parametrize("home", HOMES)
def test_systemd_takes_the_unit(home: str, tmp_path: Path) -> None:
    unit = tmp_path / "bibliflow.service"
    unit.write_text(shown("--system", "--home", home, "--run-as", "root"))  # one that is there
    result = analyzed("verify", "--man=no", unit)
    assert (result.returncode, result.stderr) == (0, "")


@needs_systemd
def test_systemd_takes_the_unit_of_a_user(tmp_path: Path) -> None:
    unit = tmp_path / "bibliflow.service"
    unit.write_text(shown("--user", "--home", str(tmp_path)))
    result = analyzed("verify", "--man=no", unit)
    assert (result.returncode, result.stderr) == (0, "")


@needs_systemd
def test_the_walls_are_high(tmp_path: Path) -> None:
    unit = tmp_path / "bibliflow.service"
    unit.write_text(shown("--system"))
    result = analyzed("security", "--offline=true", "--no-pager", unit)
    level = re.search(r"exposure level for bibliflow.service: ([\d.]+)", result.stdout)
    assert level
    assert float(level[1]) <= 1.5


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose name is short enough for the home of a service, wherever the tests run."""
    with tempfile.TemporaryDirectory(prefix="bf-") as directory:
        yield Path(directory)


def test_what_the_configuration_needs_is_writable(short_path: Path) -> None:
    (short_path / "config.toml").write_text(
        '[watch]\nfolder = "/srv/book lists"\n[metrics]\nfile = "/var/metrics/bibliflow.prom"\n'
        '[daemon]\nspool = "/srv/spool"\n'
    )
    unit = shown("--system", "--home", str(short_path))
    assert f'ReadWritePaths={short_path} "/srv/book lists" /srv/spool /var/metrics\n' in unit
    assert f'Environment="BIBLIFLOW_HOME={short_path}"\n' in unit
    plain = shown("--system")
    assert "StateDirectory=bibliflow\n" in plain
    assert "ReadWritePaths" not in plain
    assert list(short_path.iterdir()) == [short_path / "config.toml"]  # nothing is written by showing


def test_changes_of_others_are_noticed() -> None:
    unit = installation.text(Wish(is_system=True))
    assert (units.is_ours(unit), units.was_edited(unit)) == (True, False)
    edited = unit.replace("RestartSec=5", "RestartSec=50")
    assert (units.is_ours(edited), units.was_edited(edited)) == (True, True)
    assert (units.is_ours("[Unit]\n"), units.was_edited("[Unit]\n")) == (False, True)


def test_a_unit_of_somebody_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    unit = tmp_path / "systemd" / "user" / "bibliflow.service"
    missing = run("daemon.cli", "service", "uninstall", "--user")
    assert (missing.returncode, f"no {unit}" in missing.stderr) == (1, True)
    unit.parent.mkdir(parents=True)
    unit.write_text("[Unit]\n")
    foreign = run("daemon.cli", "service", "uninstall", "--user")
    assert (foreign.returncode, "was not written by Bibliflow" in foreign.stderr) == (1, True)
    unit.write_text(shown("--user") + "# mine\n")
    asked = run("daemon.cli", "service", "uninstall", "--user")
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    assert unit.exists()


@pytest.mark.skipif(installation.RUNS.exists(), reason="systemd runs this machine")
def test_where_there_is_no_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for scope in ("--user", "--system"):
        result = run("daemon.cli", "service", "install", scope)
        assert (result.returncode, result.stderr.count("\n")) == (1, 1)
        assert "nohup bibliflow-daemon run" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (Wish(is_system=True, name="../evil"), "cannot be the name"),
        (Wish(is_system=True, home=Path("/srv/a\nExecStart=/bin/sh")), "cannot stand in a unit"),
        (Wish(is_system=True, home=Path("/srv") / ("x" * 90)), "too long"),
    ],
)
def test_what_cannot_be_a_service(wish: Wish, reason: str) -> None:
    with pytest.raises(DaemonError, match=reason):
        installation.text(wish)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs for another user")
def test_a_program_that_the_services_user_cannot_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "bibliflow-daemon"
    program.symlink_to(shutil.which("true") or "")
    plan = replace(installation.plan(Wish(is_system=True, user="nobody")), program=[str(program), "run"])
    with pytest.raises(DaemonError, match=r"nobody cannot run .*: Permission denied\. Install"):
        installation._try_program(plan, pwd.getpwnam("nobody"))


def test_launchd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIBLIFLOW_HOME", str(tmp_path / "ho & me"))
    agent = plistlib.loads(shown("--launchd", "--name", "books").encode())
    assert agent["Label"] == "org.bibliflow.books"
    assert agent["ProgramArguments"] == [sys.executable, "-P", "-m", "daemon.cli", "run"]
    assert agent["EnvironmentVariables"] == {"BIBLIFLOW_HOME": str(tmp_path / "ho & me")}
    assert agent["StandardErrorPath"] == str(settings.paths().daemon_log)
    assert agent["KeepAlive"] == {"SuccessfulExit": False}


def test_root_does_nothing_in_the_home_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIBLIFLOW_HOME", str(tmp_path))
    settings.paths().make_private()
    if (tmp_path / "state").stat().st_uid != 0:
        pytest.skip("only root can be refused")
    shutil.chown(tmp_path / "state", "nobody")
    result = run("bibliflow_tui.cli", "jobs")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert f"sudo -u nobody BIBLIFLOW_HOME={tmp_path}" in result.stderr
    assert list((tmp_path / "state").iterdir()) == []
