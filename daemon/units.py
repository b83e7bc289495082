"""The daemon as a service: the texts that systemd and launchd want."""

from __future__ import annotations

import hashlib
import plistlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.settings import APP_NAME, HOME_VARIABLE, Paths

STATE_ROOT = Path("/var/lib")

STOP_SECONDS = 90
"""What stopping may take: imports to the end of a chunk, helpers, the embedded server's last checkpoint."""

HIDDEN_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome hides."""


class UnitError(ValueError):
    """No unit can be written for what was asked. The message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a service is to be like."""

    name: str
    """Of the unit, without ``.service``."""
    program: Sequence[str]
    """The command that runs the daemon, with whole paths."""
    needs: Sequence[Path]
    """Where its parts are: the interpreter, its library, the packages."""
    paths: Paths
    home: Path | None
    """``BIBLIFLOW_HOME``; None for a user's own directories."""
    user: str | None
    """Who runs it; None for a service of the user who installs it."""
    writable: Sequence[Path] = ()
    """Folders outside the home that it must write to: inbox, metrics."""

    @property
    def is_system(self) -> bool:
        """Whether it is a service of the machine."""
        return self.user is not None


def systemd(plan: Plan) -> str:
    """The unit, with a checksum by which :func:`was_edited` knows it again. Raises :class:`UnitError`."""
    body = "\n".join(_sections(plan)) + "\n"
    return (
        f"# Written by `bibliflow-daemon service install`, checksum {_checksum(body)}.\n"
        f"# Changes of yours are safe in a file of their own: systemctl{'' if plan.is_system else ' --user'}"
        f" edit {plan.name}\n{body}"
    )


def is_ours(text: str) -> bool:
    """Whether :func:`systemd` wrote this, whatever became of it since."""
    return _MARK.match(text) is not None


def was_edited(text: str) -> bool:
    """Whether somebody changed what :func:`systemd` wrote."""
    match = _MARK.match(text)
    return match is None or match[1] != _checksum(text.split("\n", 2)[2])


_MARK = re.compile(r"# Written by `bibliflow-daemon service install`, checksum ([0-9a-f]{12})\.\n")


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def _sections(plan: Plan) -> Iterable[str]:
    yield "[Unit]"
    yield "Description=Bibliflow, imports of book lists into PostgreSQL"
    if plan.is_system:
        yield "# A database here, or elsewhere. If it is away, the daemon is started again until it is there."
        yield "Wants=network-online.target"
        yield "After=network-online.target postgresql.service"
    yield "# A database that is away for an hour is no reason to give up."
    yield "StartLimitIntervalSec=0"
    yield ""
    yield "[Service]"
    yield "Type=notify"
    yield "# Only the main process speaks for the daemon, not its workers and not PostgreSQL."
    yield "NotifyAccess=main"
    yield f"ExecStart={' '.join(_argument(part, is_command=True) for part in plan.program)}"
    if plan.home:
        yield f"Environment={_quoted(f'{HOME_VARIABLE}={plan.home}')}"
    yield from _life(plan)
    yield from (_walls_of_system(plan) if plan.is_system else _walls_of_user())
    yield ""
    yield "[Install]"
    yield f"WantedBy={'multi-user.target' if plan.is_system else 'default.target'}"


def _life(plan: Plan) -> Iterable[str]:
    yield f"""
# A first start makes a database; one after a crash may have much of its log to read again.
TimeoutStartSec=300
Restart=on-failure
RestartSec=5
# Wrong settings (exit code 2) do not mend themselves.
RestartPreventExitStatus=2
# The main process pings while neither a worker nor the housekeeper hangs. A statement may take two minutes.
WatchdogSec=180
# SIGTERM is: stop at the end of a chunk. The main process, which alone gets it, stops the others and
# PostgreSQL in order; what is left when it has ended is killed.
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec={STOP_SECONDS}
# A worker that dies for want of memory is replaced; the others need not die with it.
OOMPolicy=continue
SyslogIdentifier={plan.name}
UMask=0077"""


COMMON_WALLS = """
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
# The network for database.url and metrics.listen. Sockets of the machine for PostgreSQL, journal and systemd.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources"""


def _walls_of_system(plan: Plan) -> Iterable[str]:
    yield f"""
# A user of its own, and a lasting one (no DynamicUser): people get at the inbox by its group, and commands
# such as `sudo -u {plan.user} bibliflow jobs` must reach the same files and the same PostgreSQL, which trusts
# its own user only and refuses to work for root.
User={_argument(plan.user or "")}"""
    writable = list(plan.writable)
    if plan.home and plan.home.parent == STATE_ROOT and re.fullmatch(r"[\w.-]+", plan.home.name):
        yield f"StateDirectory={plan.home.name}"
        yield "# The group may pass to the inbox; queue, spool and database are closed to it."
        yield "StateDirectoryMode=0750"
    elif plan.home:
        writable.insert(0, plan.home)
    if writable:
        yield "# After a change of watch.folder or metrics.file, `bibliflow-daemon service install` again."
        yield f"ReadWritePaths={' '.join(_argument(str(path)) for path in writable)}"
    yield """
# The walls. Not among them: PrivateIPC and RemoveIPC, as commands of this user share PostgreSQL and its
# memory with the daemon; PrivateUsers, as the owners of files in the inbox would be nobody.
AmbientCapabilities=
CapabilityBoundingSet=
DevicePolicy=closed
KeyringMode=private
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes"""
    needed = [*plan.needs, *([plan.home] if plan.home else []), *plan.writable]
    if any(path.is_relative_to(hidden) for path in needed for hidden in HIDDEN_HOMES):
        yield "# Some of what it needs is in a home."
        yield "ProtectHome=read-only"
    else:
        yield "ProtectHome=yes"
    yield """ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict"""
    yield COMMON_WALLS.removeprefix("\n")


def _walls_of_user() -> Iterable[str]:
    yield "\n# The walls that a user's own services can have everywhere."
    yield COMMON_WALLS.removeprefix("\n")


def _argument(text: str, *, is_command: bool = False) -> str:
    """``text`` as one word of a unit, quoted if it must be. Raises :class:`UnitError`."""
    word = _quoted(text)
    # In a command, and only there, a dollar sign is a variable.
    word = word.replace("$", "$$") if is_command else word
    return word[1:-1] if re.fullmatch(r"[\w./@%$:+-]+", text) else word


def _quoted(text: str) -> str:
    """``text`` in quotes, as systemd takes them. Raises :class:`UnitError`."""
    if not text.isprintable():
        raise UnitError(f"{text!r} has characters that cannot stand in a unit")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def launchd(plan: Plan) -> str:
    """The property list for launchd, as of macOS."""
    agent: dict[str, object] = {
        "Label": f"org.{APP_NAME}.{plan.name}",
        "ProgramArguments": list(plan.program),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 5,
        "ExitTimeOut": STOP_SECONDS,
        "Umask": 0o077,
        "ProcessType": "Background",
        # The daemon keeps this file from growing for ever, as it sees that it is its own.
        "StandardErrorPath": str(plan.paths.daemon_log),
    }
    if plan.home:
        agent["EnvironmentVariables"] = {HOME_VARIABLE: str(plan.home)}
    return plistlib.dumps(agent).decode()
