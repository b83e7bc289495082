"""``python -m tests.booted``: boot a systemd, install the service, and see what it lives through."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.booted.machine import PLACE, Machine, NotHereError

HOME = "/var/lib/bibliflow"
THERE = {"BIBLIFLOW_HOME": HOME}
ROWS = 4_000_000
PATIENCE = 180
"""Seconds for anything to happen."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Look again and again."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.2)


class Play:
    """One machine and its service."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def install(self) -> None:
        """Install it, with a user who may use the inbox, and one who may not."""
        self._machine.run("groupadd", "--system", "bibliflow")
        self._machine.run("useradd", "--system", "--gid", "bibliflow", "--home-dir", HOME, "bibliflow")
        for name in ("ann", "bob"):
            self._machine.run("useradd", "--user-group", "--create-home", name)
        self._machine.run("usermod", "--append", "--groups", "bibliflow", "ann")
        # The source is not where an installed package would be.
        self.configure("source", f"[Service]\nEnvironment=PYTHONPATH={PLACE}\n")
        self._machine.write(f"{HOME}/config.toml", "[watch]\nany_owner = true\nsettle_seconds = 0.3\n")
        self._machine.run("chown", "-R", "bibliflow:", HOME)
        self._machine.run("chmod", "750", HOME)
        self._machine.daemon("service", "install")
        assert self.shown("ActiveState") == "active"
        assert (
            json.loads(self._machine.daemon("health", "--json", user="bibliflow", variables=THERE))["status"]
            == "ok"
        )
        lines = self._machine.bibliflow("logs", "--json", variables=THERE).splitlines()
        assert [json.loads(line)["event"] for line in lines].count("daemon ready") == 1
        refused = self._machine.bibliflow("jobs", variables=THERE, check=False)
        assert "sudo -u bibliflow" in refused, refused

    def walls(self) -> None:
        """How exposed the running service is, as systemd sees it."""
        said = self._machine.run("systemd-analyze", "security", "--no-pager", "bibliflow")
        level = re.search(r"exposure level for bibliflow.service: ([\d.]+)", said)
        assert level
        assert float(level[1]) <= 1.5, level[0]
        assert self._machine.run("systemd-analyze", "verify", "--man=no", "bibliflow.service") == ""

    def inbox(self) -> None:
        """A member of the group puts a file there, and can read what became of it; others cannot."""
        copy = ("cp", f"{PLACE}/examples/messy.csv", f"{HOME}/inbox/")
        assert "Permission denied" in self._machine.run(*copy, user="bob", check=False)
        self._machine.run(*copy, user="ann")
        errors = f"{HOME}/inbox/imported/messy.errors.csv"
        wait_until(
            lambda: "error_message" in self._machine.run("cat", errors, user="ann", check=False),
            "ann reads what was rejected",
        )
        wait_until(
            lambda: (
                "Title"
                in self._machine.run("cat", f"{HOME}/inbox/imported/messy.csv", user="ann", check=False)
            ),
            "ann reads her own file",
        )

    def interrupted(self) -> None:
        """An import goes on after a stop, a kill -9 of the daemon, and a worker that hangs."""
        program = (
            "f = open('/tmp/large.csv', 'w'); f.write('title,author,isbn\\n');"
            f"f.writelines(f'B,A,{{n:013}}\\n' for n in range(1, {ROWS} + 1))"
        )
        self._machine.run(sys.executable, "-c", program)
        said = self._machine.bibliflow(
            "import", "/tmp/large.csv", "--json", user="bibliflow", variables=THERE
        )
        job = json.loads(said.splitlines()[0])["job_id"]
        self.is_under_way(job)
        self._machine.run("systemctl", "stop", "bibliflow")
        assert self.shown("Result") == "success"
        assert "postgres" not in self._machine.run("ps", "-u", "bibliflow", "-o", "comm=", check=False)
        self._machine.run("systemctl", "start", "bibliflow")
        self.is_under_way(job)
        self._machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "bibliflow")
        wait_until(lambda: self.shown("NRestarts") == "1", "started again after a kill")
        self.configure("impatient", "[Service]\nWatchdogSec=4\n")
        self._machine.run("systemctl", "restart", "bibliflow")
        self.is_under_way(job)
        main = self.shown("MainPID")
        # The first that the main process starts is the housekeeper, the next ones are the workers.
        for worker in self._machine.run("pgrep", "-P", main, "-f", "daemon.cli").split()[1:3]:
            self._machine.run("kill", "-STOP", worker)
        wait_until(
            lambda: self.shown("MainPID") not in (main, "0"), "ended by the watchdog, and started again"
        )
        wait_until(lambda: self.status(job)["status"] == "SUCCESS", "imported to the end")
        found = self.status(job)
        assert (found["success_count"], found["error_count"]) == (ROWS, 0), found

    def uninstall(self) -> None:
        """Take it away; what it has stays."""
        self._machine.daemon("service", "uninstall")
        assert self.shown("LoadState") == "not-found"
        assert "spool" in self._machine.run("ls", HOME)

    def is_under_way(self, job: str) -> None:
        """Wait until some of the import is done, and not all of it."""
        begin = self.status(job)["processed_rows"]
        wait_until(lambda: self.status(job)["processed_rows"] > begin, "goes on")
        assert self.status(job)["status"] == "PROCESSING"

    def status(self, job: str) -> dict[str, Any]:
        """How the import stands."""
        found: dict[str, Any] = json.loads(
            self._machine.bibliflow("status", job, "--json", user="bibliflow", variables=THERE)
        )
        return found

    def configure(self, name: str, text: str) -> None:
        """Change the unit as an administrator would."""
        self._machine.write(f"/etc/systemd/system/bibliflow.service.d/{name}.conf", text)
        self._machine.run("systemctl", "daemon-reload")

    def shown(self, name: str) -> str:
        """A property of the service."""
        return self._machine.run("systemctl", "show", "--value", f"--property={name}", "bibliflow").strip()


def main() -> None:
    """Play it all; what is not as it should be is an AssertionError."""
    try:
        with Machine() as machine:
            play = Play(machine)
            for act in (play.install, play.walls, play.inbox, play.interrupted, play.uninstall):
                begin = time.monotonic()
                act()
                print(f"{time.monotonic() - begin:6.1f} s  {act.__doc__}", flush=True)
    except NotHereError as error:
        sys.exit(f"No systemd can be booted here: {error}.")


if __name__ == "__main__":
    main()
