"""Several daemons on one queue: few files and few kills; ``make machines`` has many."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from daemon.catalog import daemons, jobs
from daemon.catalog.database import Connection, connected
from daemon.catalog.job import JobStatus
from daemon.catalog.job_list import count_by_status
from tests.files import table_of
from tests.machines.fleet import Fleet, Machine, assert_once, done, fleet, written_files
from tests.own_redis import PASSWORD, Redis
from tests.processes import wait_until

ROWS = 300


def health(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.bibliflow("health", "--json").stdout)
    return found


def at_work(this: Fleet) -> set[str]:
    found = health(this.machines[0])["machines"]["daemons"]
    return {one["host"] for one in found if not one["away"]}


def test_they_share_the_work(own_database: str, queue_url: str) -> None:
    """Two daemons, one of them killed in the middle, and a third machine without one."""
    with fleet(own_database, queue_url, "abc", BIBLIFLOW_DAEMON__WORKERS="1") as this:
        a, b, c = this.machines
        a.spawn()
        b.spawn()
        wait_until(lambda: a.is_ready() and b.is_ready())
        files = written_files(this.inbox, range(8), ROWS)
        mine = written_files(this.base / "lists", range(8, 20), ROWS)
        result = c.bibliflow("import", *mine)
        assert result.returncode == 0, result.stderr
        assert "those on other machines do it: host-a, host-b" in result.stderr
        with connected(own_database) as connection:
            wait_until(lambda: done(connection) >= 3)
            b.kill()
            b.start()
            wait_until(lambda: done(connection) == 20)
            spread = assert_once(connection, this, files + mine, ROWS)
        assert set(spread) == {"host-a", "host-b"}
        (last,) = written_files(this.base / "last", range(30, 31), 5)
        assert c.bibliflow("import", last, "--wait").returncode == 0
        assert c.daemon is None
        b.stop()
        found = health(c)
        assert {one["host"] for one in found["machines"]["daemons"]} == {"host-a"}
        assert (found["status"], found["workers"]["message"]) == ("ok", "none here")
        archived = {path.name for path in (this.inbox / "imported").iterdir()}
        assert archived >= {path.name for path in files} | {f"{path.stem}.errors.csv" for path in files}


def waiting_job(machine: Machine, connection: Connection, path: Path) -> None:
    """A job that no task is waiting for."""
    job = jobs.create(connection, filename=path.name, source="cli", options={})
    spooled = Path(machine.environment["BIBLIFLOW_DAEMON__SPOOL"]) / f"{job.id}.csv"
    spooled.write_bytes(path.read_bytes())


def test_a_queue_that_goes_and_comes_back(own_database: str, redis: Redis, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(table_of(range(5)))
    with fleet(own_database, redis.url, "a") as this:
        (machine,) = this.machines
        machine.start()
        pid = machine.daemon
        redis.stop()
        refused = machine.bibliflow("import", path)
        assert refused.returncode == 3
        assert "The queue cannot be used (queue.url, on Redis)" in refused.stderr
        assert "see that its server runs" in refused.stderr
        found = health(machine)
        assert (found["queue"]["ok"], found["database"]["ok"], found["daemon"]["ok"]) == (False, True, True)
        assert PASSWORD not in refused.stderr + json.dumps(found)
        with connected(own_database) as connection:
            waiting_job(machine, connection, path)
            wait_until(lambda: "the queue is out of reach" in machine.log)
            assert count_by_status(connection) == {JobStatus.PENDING: 1}
            redis.start()  # and knows nothing
            wait_until(lambda: done(connection) == 1)
        assert machine.daemon == pid
        assert PASSWORD not in machine.log


def test_another_spool_or_clock_is_noticed(own_database: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(table_of(range(5)))
    other = tmp_path / "spool"
    with fleet(own_database, own_database, "ab") as this:
        a, b = this.machines
        a.start()
        b.environment["BIBLIFLOW_DAEMON__SPOOL"] = str(other)
        missing = b.bibliflow("import", path)
        assert (missing.returncode, "mount what it is on" in missing.stderr) == (1, True)
        other.mkdir(mode=0o700)
        words = "is not the folder that the daemons on host-a use"
        refused = b.bibliflow("import", path)
        assert (refused.returncode, words in refused.stderr) == (2, True)
        started = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "run"],
            env=os.environ | b.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (started.returncode, words in started.stderr) == (1, True)
        b.environment["BIBLIFLOW_DAEMON__SPOOL"] = str(this.spool)
        late = (
            "import time; now = time.time; time.time = lambda: now() - 7200;"
            "from daemon.cli import main; main()"
        )
        started = subprocess.run(
            [sys.executable, "-c", late, "run"],
            env=os.environ | b.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (started.returncode, "differs from the database's by 2.0 hours" in started.stderr) == (1, True)
        assert at_work(this) == {"host-a"}


def test_a_spool_that_is_away_for_a_while(own_database: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(table_of(range(5)))
    with fleet(own_database, own_database, "a") as this, connected(own_database) as connection:
        (machine,) = this.machines
        machine.start()
        away = this.spool.rename(this.base / "away")
        this.spool.mkdir(mode=0o700)  # where it was mounted
        waiting_job(machine, connection, path)
        (this.inbox / "dropped.csv").write_text(table_of(range(5, 9)))
        wait_until(lambda: "the spool is not there" in machine.log)
        wait_until(lambda: {one.spool_mark for one in daemons.known(connection)} == {""})
        wait_until(lambda: "the spool is not there" in machine.bibliflow("watch", "--json").stdout)
        assert done(connection) == 0
        assert not health(machine)["machines"]["ok"]
        for file in this.spool.iterdir():
            file.rename(away / file.name)
        this.spool.rmdir()
        away.rename(this.spool)
        wait_until(lambda: done(connection) == 2)
