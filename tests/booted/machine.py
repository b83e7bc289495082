"""A systemd that is booted for tests, in namespaces of its own and on a copy of this machine's files.

What it changes is in an overlay, and gone with it. It sees neither this machine's processes nor its services.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

SOURCE = Path(__file__).parent.parent.parent
PLACE = "/opt/bibliflow-source"
"""Where the source is, in there."""

BOOT_SECONDS = 30

INSIDE = """
set -e
base=$1 root=$1/root
mount -t overlay overlay -o lowerdir=/,upperdir=$base/upper,workdir=$base/work $root
mkdir -p $root{place}
mount --bind {source} $root{place}
mount -t proc proc $root/proc
mount -t sysfs -o ro sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
for place in run tmp dev dev/shm; do
    mkdir -p $root/$place
    mount -t tmpfs -o mode=1777 tmpfs $root/$place
done
chmod 755 $root/run $root/dev
for device in null zero full random urandom tty; do
    touch $root/dev/$device
    mount --bind /dev/$device $root/dev/$device
done
ln -s /proc/self/fd $root/dev/fd
ln -s pts/ptmx $root/dev/ptmx
mkdir -p $root/dev/pts $root/run/systemd/system $root/run/old
cat > $root/run/systemd/system/few.target <<END
[Unit]
DefaultDependencies=no
Requires=systemd-journald.service
Wants=dbus.service
After=systemd-journald.service
END
cd $root
pivot_root . run/old
umount -l /run/old
# The service's user must get at this Python, which may be in root's own directory.
python=$(readlink -f {python})
while [ "$python" != / ]; do python=$(dirname "$python"); chmod a+x "$python"; done
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --system --unit=few.target --log-target=journal --show-status=no
"""


class NotHereError(Exception):
    """This machine cannot boot another one. The message says why."""


class Machine:
    """The machine, for as long as the ``with`` block lasts."""

    def __init__(self) -> None:
        for program in ("unshare", "nsenter", "/lib/systemd/systemd", "setpriv"):
            if not shutil.which(program):
                raise NotHereError(f"{program} is missing (Debian packages systemd and util-linux)")
        if os.geteuid() != 0:
            raise NotHereError("only root can boot one")
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        groups = [Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"]
        if not groups:
            raise NotHereError("there are no control groups of version 2")
        self._group = groups[0] / f"bibliflow-test-{os.getpid()}"
        self._base = Path(tempfile.mkdtemp(prefix="bibliflow-machine-", dir="/var/tmp"))
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Self:
        for name in ("upper", "work", "root"):
            (self._base / name).mkdir()
        self._group.mkdir()
        script = self._base / "inside.sh"
        script.write_text(INSIDE.format(place=PLACE, source=SOURCE, python=sys.executable))
        # In a control group of its own before it gets a namespace of them: that is then its root.
        enter = f'echo $$ > {self._group}/cgroup.procs; exec unshare -mpCiu --propagation private --fork "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", enter, "bash", "bash", script, self._base],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # unshare complains when its child is killed, as it will be
        )
        try:
            self._wait_for_boot()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait_for_boot(self) -> None:
        assert self._process
        deadline = time.monotonic() + BOOT_SECONDS
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise NotHereError("its namespaces cannot be made")
            self._init = int((children.read_text().split() or ["0"])[0])
            if self._init and "running" in self.run("systemctl", "is-system-running", check=False):
                return
            time.sleep(0.1)
        raise NotHereError(f"systemd did not get ready within {BOOT_SECONDS} s")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._init:
            os.kill(self._init, 9)  # and with it, everything in there
        if self._process:
            self._process.wait(BOOT_SECONDS)
        for directory in sorted(self._group.rglob("*/"), reverse=True):
            directory.rmdir()
        self._group.rmdir()
        shutil.rmtree(self._base)

    def run(
        self,
        *command: object,
        user: str = "root",
        check: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command in there and return what it said."""
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user != "root" else []
        given = [f"{name}={value}" for name, value in (variables or {}).items()]
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"PYTHONPATH={PLACE}", *given]
        enter = ["nsenter", f"--target={self._init}", "-m", "-p", "-C", "-i", "-u", "-r", "-w"]
        done = subprocess.run(
            [*enter, *environment, *become, *map(str, command)],
            capture_output=True, text=True, errors="replace", timeout=120, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def daemon(
        self, *arguments: object, user: str = "root", variables: Mapping[str, str] | None = None
    ) -> str:
        """Run ``bibliflow-daemon`` in there."""
        return self.run(sys.executable, "-m", "daemon.cli", *arguments, user=user, variables=variables)

    def bibliflow(
        self,
        *arguments: object,
        user: str = "root",
        check: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run ``bibliflow`` in there."""
        command = (sys.executable, "-m", "bibliflow_tui.cli", *arguments)
        return self.run(*command, user=user, check=check, variables=variables)

    def write(self, path: str, text: str) -> None:
        """Make a file in there."""
        self.run("bash", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"', "bash", path, text)
