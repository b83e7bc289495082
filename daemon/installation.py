"""Installs the daemon as a service of systemd, and takes it away again."""

from __future__ import annotations

import difflib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon import settings, units
from daemon.control import DaemonError
from daemon.settings import APP_NAME, HOME_VARIABLE, DaemonSettings, MetricsSettings, Paths, WatchSettings
from daemon.units import Plan
from daemon.whole_file import unfinished

RUNS = Path("/run/systemd/system")
"""Is there where systemd is the system's service manager (sd_booted(3))."""

SYSTEM_UNITS = Path("/etc/systemd/system")

LONGEST_HOME = 70
"""Bytes: the socket of the embedded PostgreSQL is below it, and the system allows about 100 for that. In a
longer one it is in the directory for temporary files, and a service has one that nobody else sees."""

INBOX_MODE = 0o2770
"""People of the group may put files there, which are the group's then."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for."""

    is_system: bool
    name: str = APP_NAME
    home: Path | None = None
    user: str = APP_NAME
    """Of a service of the machine."""


def plan(wish: Wish) -> Plan:
    """How the service would be. Raises :class:`DaemonError` if it cannot be."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", wish.name):
        raise DaemonError(f"{wish.name!r} cannot be the name of a service; use letters, digits, - and _")
    home = wish.home
    if home is None and wish.is_system:
        home = units.STATE_ROOT / wish.name
    elif home is None and os.environ.get(HOME_VARIABLE):
        home = Path(os.environ[HOME_VARIABLE]).expanduser()
    home = home and home.absolute()
    if home and len(os.fsencode(home)) > LONGEST_HOME and wish.is_system:
        raise DaemonError(f"{home} is too long for the home of a service; take {LONGEST_HOME} bytes at most")
    paths = settings.paths_below(home) if home else settings.paths()
    return Plan(
        name=wish.name,
        # -P: nothing is loaded from the directory that it happens to be started in.
        program=[sys.executable, "-P", "-m", "daemon.cli", "run"],
        needs=[Path(place).resolve() for place in (sys.executable, sys.prefix, sys.base_prefix, __file__)],
        paths=paths,
        home=home,
        user=wish.user if wish.is_system else None,
        writable=[folder for folder in _folders(paths) if not home or not folder.is_relative_to(home)],
    )


def _folders(paths: Paths) -> list[Path]:
    """What the configuration makes the daemon write to. A wrong one is left for the daemon to complain of."""
    try:
        values = tomllib.loads(paths.config.read_text(encoding="utf-8"))
        watch = WatchSettings.model_validate(values.get("watch", {}))
        metrics = MetricsSettings.model_validate(values.get("metrics", {}))
        daemon = DaemonSettings.model_validate(values.get("daemon", {}))
    except (OSError, ValueError):
        return []
    found = [paths.inbox(watch)] if watch.enabled and watch.folder else []
    if daemon.spool:
        found.append(Path(daemon.spool).expanduser())
    return [*found, Path(metrics.file).expanduser().parent] if metrics.file else found


def text(wish: Wish, *, launchd: bool = False) -> str:
    """The unit, or the property list for launchd. Raises :class:`DaemonError`."""
    wanted = plan(wish)
    try:
        return units.launchd(wanted) if launchd else units.systemd(wanted)
    except units.UnitError as error:
        raise DaemonError(f"No service can be made: {error}") from None


def path_of(wish: Wish) -> Path:
    """Where the unit is, or would be."""
    if wish.is_system:
        return SYSTEM_UNITS / f"{wish.name}.service"
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user" / f"{wish.name}.service"


def install(wish: Wish, confirm: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Write the unit, start the service now and at every start of the machine, and wait until it is ready.

    ``confirm`` is asked before a unit is overwritten that somebody changed, and raises if the answer is no;
    ``say`` is told what is done. Raises :class:`DaemonError`.
    """
    wanted, unit = plan(wish), text(wish)
    _require_systemd(wish)
    target = path_of(wish)
    if target.exists() and (old := target.read_text(errors="replace")) != unit and units.was_edited(old):
        changes = difflib.unified_diff(old.splitlines(), unit.splitlines(), "now", "then", n=0, lineterm="")
        say("\n".join(changes))
        confirm(f"{target} is not as it was installed. Overwrite it?")
    if wish.is_system:
        _prepare_system(wanted, say)
    target.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(target, 0o644) as written:
        written.write_text(unit)
    say(f"{target} is written.")
    _systemctl(wish, "daemon-reload")
    _systemctl(wish, "enable", wish.name)
    # Restarted if it ran as the old unit said. Waits until the daemon says that it is ready.
    _systemctl(wish, "restart", wish.name)
    say(f"The service {wish.name} runs.")


def uninstall(wish: Wish, confirm: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Stop the service and remove its unit; its home stays. Raises :class:`DaemonError`."""
    target = path_of(wish)
    if not target.exists():
        raise DaemonError(f"There is no service {wish.name}: no {target}")
    old = target.read_text(errors="replace")
    if not units.is_ours(old):
        raise DaemonError(f"{target} was not written by Bibliflow, and is left alone")
    if units.was_edited(old):
        confirm(f"{target} has changes of yours. Remove it?")
    _require_systemd(wish)
    _systemctl(wish, "disable", "--now", wish.name)
    target.unlink()
    _systemctl(wish, "daemon-reload")
    say(f"The service {wish.name} has ended and is no more. Its files stay: {_home(plan(wish))}")


def _home(wanted: Plan) -> str:
    return str(wanted.home or f"{wanted.paths.state}, {wanted.paths.spool.parent}")


def _require_systemd(wish: Wish) -> None:
    if not shutil.which("systemctl") or not RUNS.exists():
        instead = (
            "`bibliflow-daemon service show --launchd` prints what launchd wants instead"
            if sys.platform == "darwin"
            else "`nohup bibliflow-daemon run &` does without, and `service show` prints the unit"
        )
        raise DaemonError(f"systemd does not run this machine. {instead}; docs/service.md has more.")
    if wish.is_system and os.geteuid() != 0:
        raise DaemonError(
            "Only root can install a service of the machine: use sudo, or --user for one of your own."
        )


def _prepare_system(wanted: Plan, say: Callable[[str], None]) -> None:
    """The user, the home, and the inbox in it."""
    assert wanted.user  # noqa: S101
    assert wanted.home  # noqa: S101
    user = _user(wanted.user, wanted.home, say)
    _try_program(wanted, user)
    if not wanted.home.exists():
        wanted.home.mkdir(parents=True)
        wanted.home.chmod(0o750)
        os.chown(wanted.home, user.pw_uid, user.pw_gid)
    elif wanted.home.stat().st_uid != user.pw_uid:
        raise DaemonError(
            f"{wanted.home} belongs to another user than {user.pw_name}: "
            f"give it away (chown -R {user.pw_name}:), or choose another --home."
        )
    inbox = wanted.paths.default_inbox
    if not inbox.exists() and not wanted.writable:
        inbox.mkdir()
        os.chown(inbox, user.pw_uid, user.pw_gid)
        inbox.chmod(INBOX_MODE)


def _user(name: str, home: Path, say: Callable[[str], None]) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        pass
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(home)]
    _run([*command, "--shell", "/usr/sbin/nologin", name], f"The user {name} cannot be made")
    say(f"The user {name} is made.")
    return pwd.getpwnam(name)


def _try_program(wanted: Plan, user: pwd.struct_passwd) -> None:
    """Let the service's user run the program: it may be where only its owner gets at it."""
    try:
        done = subprocess.run(
            [*wanted.program[:-1], "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            env={"PATH": os.defpath},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:  # not even the interpreter
        reason = f"{error.filename}: {error.strerror}"
    else:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1] if done.returncode else ""
    if reason:
        raise DaemonError(
            f"The user {user.pw_name} cannot run Bibliflow from {sys.prefix}: {reason}. "
            "Install it where everybody can read it, such as /opt/bibliflow, and use that one."
        )


def _systemctl(wish: Wish, *arguments: str) -> None:
    scope = "--system" if wish.is_system else "--user"
    _run(["systemctl", scope, *arguments], f"systemctl {' '.join(arguments)} failed")


def _run(command: Sequence[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DaemonError(f"{what}: {command[0]}: {error.strerror}") from None
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise DaemonError(f"{what}: {reason}")
