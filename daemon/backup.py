"""A home's catalogue dumped, restored, and moved to a server of one's own, its daemon out of the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon import control
from daemon.catalog import dumps
from daemon.catalog.database import Database, DatabaseError, connected
from daemon.catalog.dumps import Contents, DumpError, Progress
from daemon.catalog.embedded import EmbeddedServer, ServerError
from daemon.catalog.transfer import TableCopied, TransferError, TransferProgress, transfer
from daemon.control import DaemonLock
from daemon.settings import Paths, Settings
from daemon.whole_file import sync_names, unfinished


@contextmanager
def _server(paths: Paths) -> Iterator[str]:
    """The embedded server's connection string, whatever is in its database. Raises DatabaseError."""
    try:
        with EmbeddedServer(paths.server) as server:
            yield server.conninfo
    except ServerError as error:
        raise DatabaseError(str(error)) from None


def dump(paths: Paths, path: Path, progress: Progress, *, overwrite: bool) -> Contents:
    """Write the embedded server's database to ``path``, readable to its owner only; what it holds.

    The file has its name only when it is complete, on the disk, and was read back. Raises
    :class:`~daemon.catalog.dumps.DumpError`, :class:`~daemon.catalog.database.DatabaseError`, and
    :class:`OSError`, FileExistsError among them.
    """
    if not paths.server.exists():
        raise DumpError(f"There is no database of Bibliflow's own in {paths.server} yet.")
    path = path.absolute()
    with _server(paths) as conninfo, unfinished(path, overwrite=overwrite) as written:
        found = dumps.dump(conninfo, written, progress)
        dumps.verify(written)
    sync_names(path.parent)
    return found


def contents(paths: Paths, path: Path) -> Contents:
    """What :func:`restore` would replace. Raises as that does."""
    dumps.check(path.absolute())
    with _server(paths) as conninfo:
        return dumps.look(conninfo)


def restore(paths: Paths, path: Path, progress: Progress) -> tuple[Contents, bool]:
    """Put the dump at ``path`` in the place of the embedded server's database; what is in it now.

    A daemon that runs is stopped in order, and started again afterwards: the second value says whether one
    was. Raises :class:`~daemon.catalog.dumps.DumpError` and :class:`~daemon.catalog.database.DatabaseError`;
    then the catalogue is as it was.
    """
    path = path.absolute()
    dumps.check(path)
    with _server(paths) as conninfo:

        def refuse_unfinished() -> None:
            if count := dumps.look(conninfo).unfinished:
                raise DumpError(
                    f"Jobs are not finished ({count:,}), and would be lost. Wait for "
                    "them, or cancel them (`bibliflow jobs`, `bibliflow cancel JOB`); then restore again."
                )

        refuse_unfinished()
        with _without_daemon(paths) as was_running:
            restored = dumps.restore(conninfo, path, progress, refuse_unfinished)
    if was_running:
        control.start(paths)
    return restored, was_running


@contextmanager
def _without_daemon(paths: Paths) -> Iterator[bool]:
    """Stop the daemon and let none start meanwhile; whether one ran. After an error it is started again.

    Raises :class:`~daemon.control.DaemonError` if it does not end.
    """
    paths.make_private()
    was_running = control.stop(paths) is not None
    lock = DaemonLock(paths.daemon_lock)
    lock.acquire()
    try:
        yield was_running
    except BaseException:
        lock.release()
        if was_running:
            with suppress(control.DaemonError):
                control.start(paths)
        raise
    lock.release()


def move(
    settings: Settings, paths: Paths, url: str, password: str | None, progress: TransferProgress
) -> list[TableCopied]:
    """Copy the embedded server's catalogue to the empty database at ``url``; what was copied.

    A daemon that runs is stopped in order, and stays so: it would work for the old database. Raises
    :class:`~daemon.catalog.transfer.TransferError`, :class:`~daemon.catalog.database.DatabaseError` (of which
    PasswordNeededError comes before anything is done) and :class:`~daemon.control.DaemonError`.
    """
    if not paths.server.exists():
        raise TransferError(f"There is no database of Bibliflow's own in {paths.server}: nothing to move.")
    with (
        connected(url, password) as target,
        Database(settings, paths) as database,
        _without_daemon(paths),
        database.connect() as source,
    ):
        return transfer(source, target, progress)


def without_password(url: str) -> str:
    """The address ``url`` without the password in it, if there is one, so that it may be shown or kept."""
    url = re.sub(r"^(\w+://[^\s:/@]*):[^\s/]*@", r"\1@", url)
    url = re.sub(r"([?&])password=[^&]*&?", r"\1", url).rstrip("?&")
    return re.sub(r"\s*\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", "", url)
