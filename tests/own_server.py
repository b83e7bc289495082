"""A PostgreSQL of one's own, as the system's packages bring it: with passwords, over the network."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

OWNER, PASSWORD = "librarian", "s3kr1t-of-the-owner"

_numbers = count()


def binaries() -> Path:
    """Of the oldest version that is installed; skips the test where there is none from 15 on."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if int(path.parent.name) >= 15]
    if not found:
        pytest.skip("no PostgreSQL 15 or newer is installed in /usr/lib/postgresql")
    return min(found, key=lambda path: int(path.parent.name))


@contextmanager
def running() -> Iterator[str]:
    """The server's address as its superuser, without a database."""
    programs = binaries()
    directory = Path(tempfile.mkdtemp(prefix="bibliflow-own-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        with (directory / "log").open("ab") as log:  # no pipe: the server would keep it open
            subprocess.run(
                [programs / program, "-D", directory / "data", *arguments],
                cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, **user,
            )  # fmt: skip

    (directory / "password").write_text(PASSWORD)
    (directory / "password").chmod(0o644)
    options = ["--auth=scram-sha-256", f"--pwfile={directory / 'password'}", f"--username={OWNER}"]
    run("initdb", *options, "--encoding=UTF8", "--locale=C", "--no-sync")
    settings = f"-c fsync=off -c listen_addresses=127.0.0.1 -c port={port}"
    run("pg_ctl", "start", "-w", "-o", f"{settings} -c unix_socket_directories={directory}")
    try:
        yield f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{port}"
    finally:
        run("pg_ctl", "stop", "-w", "-m", "immediate")
        shutil.rmtree(directory)


@contextmanager
def database(address: str, **options: str) -> Iterator[str]:
    """An empty database on the server at ``address``."""
    name = f"library_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as admin:
        words = [sql.SQL("{} {}").format(sql.SQL(key), sql.Literal(value)) for key, value in options.items()]
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(
                sql.Identifier(name), sql.SQL(" ").join(words)
            )
        )
        yield f"{address}/{name}"
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
