"""Files taken out of the inbox, on their way into the spool.

A claim is one rename, so that of two daemons on one share one gets the file. The folder that it is renamed
into is named after the job that it will have, and below that the file keeps its path: whoever finds it there
after a crash knows all there is to know. Machines that share spool and inbox share the claims, too: each goes
on with what another one has left, under the right to take in (``job_lock.taking_in``).
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from daemon.inbox import leases, names
from daemon.inbox.folder import Folder, Version
from daemon.settings import Paths


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that is ours."""

    job_id: UUID
    """Of the job that it will have."""
    path: bytes
    """Where it was, relative to the inbox."""
    file: Path
    """Where it is."""
    base: Path
    """The claim's own folder."""


class Claims:
    """The claims of one daemon, or of those who share spool and inbox."""

    def __init__(self, folder: Folder, paths: Paths, spool_mark: str = "") -> None:
        self._folder = folder
        self._spool = paths.spool
        self._spool_mark = spool_mark

    @property
    def _roots(self) -> tuple[Path, Path]:
        """Where they are: in the spool, or if the inbox is on another file system there."""
        private = self._folder.root / os.fsdecode(names.PRIVATE)
        # The inbox may be away for a while, or exchanged.
        if self._spool_mark and (inbox_mark := self._folder.mark()):
            return self._spool / f"claims-{inbox_mark}", private / self._spool_mark
        spool = hashlib.sha256(os.fsencode(self._spool)).hexdigest()[:8]
        return self._spool / "claims", private / f"{socket.gethostname()}-{spool}"

    def take(self, path: bytes, version: Version, job_id: UUID) -> Claim | None:
        """Take the file at ``path`` for the job that is to be; None if it is gone, or no longer as it was.

        The caller holds the right to take it in. Raises :class:`OSError`.
        """
        roots = self._roots
        for root in roots:
            base = root / str(job_id)
            claim = Claim(job_id, path, base / os.fsdecode(path), base)
            claim.file.parent.mkdir(parents=True, mode=0o700)
            try:
                self._folder.move_out(path, claim.file)
            except FileNotFoundError:
                self.close(claim)
                return None
            except OSError as error:
                self.close(claim)
                if error.errno == errno.EXDEV and root is not roots[-1]:
                    continue
                raise
            if self._is_as_it_was(claim, version):
                return claim
            self.give_back(claim)
            return None
        raise AssertionError("unreachable")

    def _is_as_it_was(self, claim: Claim, version: Version) -> bool:
        status = claim.file.lstat()
        if not stat.S_ISREG(status.st_mode) or Version.of(status) != version:
            return False
        # Nobody can open it under its old name any more: so this answer stays true.
        try:
            fd = os.open(claim.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return True  # whoever takes it in says why it cannot be read
        try:
            return not leases.is_open_elsewhere(fd)
        finally:
            os.close(fd)

    def left(self) -> Iterator[UUID]:
        """The jobs of claims that were not closed: by a crash, or as the database was away; or not yet."""
        for root in self._roots:
            with suppress(FileNotFoundError):
                for base in sorted(root.iterdir()):
                    with suppress(ValueError):
                        yield UUID(base.name)

    def of(self, job_id: UUID) -> Iterator[Claim]:
        """The claims for this job; the caller holds the right to take it in."""
        for base in (root / str(job_id) for root in self._roots):
            files = [Path(folder) / name for folder, _, found in os.walk(base) for name in found]
            for file in files:
                yield Claim(job_id, os.fsencode(file.relative_to(base)), file, base)
            if not files:
                shutil.rmtree(base, ignore_errors=True)

    def give_back(self, claim: Claim) -> bytes:
        """Put the file back into the inbox; where, if something else has its place."""
        place = self._folder.put(claim.file, claim.path, key=str(claim.job_id))
        self.close(claim)
        return place

    def close(self, claim: Claim) -> None:
        """The file is in the spool, or somewhere else: forget the claim."""
        claim.file.unlink(missing_ok=True)
        # Folder by folder, and only empty ones: never anything that is not known to be ours.
        for folder in (claim.file, *claim.file.parents):
            if folder == claim.base.parent:
                break
            with suppress(OSError):
                folder.rmdir()
