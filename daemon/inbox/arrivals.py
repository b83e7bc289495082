"""What comes into the inbox: looked at, waited for, claimed and handed to the intake."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from daemon import intake
from daemon.catalog import job_lock
from daemon.catalog.database import Connection
from daemon.catalog.ids import uuid7
from daemon.file_check import RefusedError, checked, display_name, open_checked, why_not_opened
from daemon.inbox.claims import Claim, Claims
from daemon.inbox.folder import Entry, Folder, Version
from daemon.inbox.ledger import FileState, Ledger
from daemon.inbox.outcome import Outcomes
from daemon.inbox.settling import Settling
from daemon.intake import SameContentError, Watched
from daemon.logger import Logger
from daemon.queue import JobQueue
from daemon.settings import Paths, Settings

log = Logger(__name__)

AT_ONCE = 100
"""Files that are taken before the folder is looked at again."""


@dataclass(slots=True)
class _Known:
    """What the ledger has of a file that is in the inbox."""

    entry: int
    state: FileState
    reason: str
    version: Version
    job_id: UUID | None
    """Of the job that it has, or was to have."""
    is_sure: bool = True
    """Not while nobody has said that this job is there, whatever the state."""

    @property
    def is_taken(self) -> bool:
        """Whether the file has had its turn, for certain."""
        return self.is_sure and self.state.is_taken


class Arrivals:
    """The files in the inbox. What goes wrong with one of them stops no other."""

    def __init__(
        self,
        folder: Folder,
        settings: Settings,
        paths: Paths,
        ledger: Ledger,
        queue: JobQueue,
        spool_mark: str = "",
    ) -> None:
        """``spool_mark`` is that of the spool where several machines share it."""
        self._folder = folder
        self._settings = settings
        self._paths = paths
        self._ledger = ledger
        self._queue = queue
        self._claims = Claims(folder, paths, spool_mark)
        self._is_shared = bool(spool_mark)
        self._outcomes = Outcomes(settings.watch, paths)
        self._settling = Settling(settings.watch.settle_seconds, folder.is_being_written)
        self._keeps = settings.watch.on_finish == "keep"
        self._known: dict[bytes, _Known] = {}
        self._stuck: dict[bytes, Version] = {}
        """Files that could not be taken: tried again when they change, or at the next look."""
        self._is_behind = False
        """Whether the ledger may not know what became of files."""
        self.has_claims = True
        """Whether there may be claims to be taken up again: after a crash, or while the database was away."""
        self._remember()

    def _remember(self) -> None:
        """Go on where the ledger of the last run ends."""
        for entry in self._ledger.entries(oldest_first=True):
            if not entry.state.is_taken or self._keeps:
                job_id = UUID(entry.job_id) if entry.job_id else None
                is_sure = entry.state is not FileState.QUEUED
                self._known[entry.raw_path] = _Known(
                    entry.id, entry.state, entry.reason, entry.version, job_id, is_sure
                )

    @property
    def is_waiting(self) -> bool:
        """Whether there are files that may be complete soon."""
        return len(self._settling) > 0

    def look(self) -> None:
        """Look at the whole folder. Raises :class:`OSError` if that cannot be read."""
        entries = list(self._folder.look())
        self._stuck.clear()
        self._settling.update(entries)
        with self._ledger.together():
            for entry in entries:
                if entry.ignored:
                    self._note(entry, FileState.IGNORED, entry.ignored)
                elif entry.refused:
                    self._note(entry, FileState.REFUSED, entry.refused)
                elif self._was_taken(entry):
                    self._settling.forget(entry.path)
            for path in self._known.keys() - {entry.path for entry in entries}:
                known = self._known.pop(path)
                if not known.is_taken:
                    self._ledger.forget(known.entry)

    def _was_taken(self, entry: Entry) -> bool:
        """Whether it is a file that stays here, and has not changed since it was imported."""
        known = self._known.get(entry.path)
        return known is not None and known.is_taken and known.version.is_same(entry.version)

    def look_again(self) -> None:
        """Look at the files that are not complete."""
        self._settling.look_again(self._folder.version)

    def explain(self, why_waiting: str = "") -> None:
        """Tell the ledger what the files that are here wait for."""
        with self._ledger.together():
            for entry, reason in self._settling.waiting():
                if reason:
                    self._note(entry, FileState.GROWING, reason)
                elif entry.path not in self._stuck:
                    self._note(entry, FileState.SETTLED, why_waiting)

    def take(self, connection: Connection, is_stopped: Callable[[], bool]) -> bool:
        """Take complete files in, some at a time; whether there were any. Raises what psycopg raises."""
        ready = [entry for entry in self._settling.settled(AT_ONCE) if self._may_be_tried(entry)]
        for entry in ready:
            if is_stopped():
                break
            try:
                self._take(connection, entry)
            except OSError as error:
                self.has_claims = True  # it may be one of them
                self._get_stuck(entry, FileState.SETTLED, f"cannot be taken: {error.strerror or error}")
        if self._is_behind:
            self._outcomes.catch_up(connection)
            self._is_behind = False
        return bool(ready)

    def _may_be_tried(self, entry: Entry) -> bool:
        return self._stuck.get(entry.path) != entry.version

    def _get_stuck(self, entry: Entry, state: FileState, reason: str) -> None:
        self._stuck[entry.path] = entry.version
        if self._note(entry, state, reason):
            log.warning("a file of the inbox cannot be taken", file=display_name(entry.path), reason=reason)

    def _take(self, connection: Connection, entry: Entry) -> None:
        try:
            fd = self._folder.open(entry.path)
        except PermissionError as error:
            self._get_stuck(entry, FileState.REFUSED, why_not_opened(error))
            return
        except FileNotFoundError:
            self._settling.forget(entry.path)
            return
        if self._keeps:
            self._take_copy(connection, entry, fd)
            return
        os.close(fd)
        job_id = uuid7()
        with job_lock.taking_in(connection, job_id):
            claim = self._claims.take(entry.path, entry.version, job_id)
            self._settling.forget(entry.path)
            if claim is not None:
                self._hand_in(connection, claim, entry.version)

    def _take_copy(self, connection: Connection, entry: Entry, fd: int) -> None:
        """Leave the file where it is."""
        tried = self._tried(entry)
        job_id = tried or uuid7()
        name = display_name(entry.path)
        try:
            with checked(fd, name) as file, job_lock.taking_in(connection, job_id) as acquired:
                if not acquired:  # the server still holds what was lost here, or it is being cleaned up
                    self._get_stuck(entry, FileState.SETTLED, "the last try to take it is not over yet")
                    return
                self._note(entry, FileState.QUEUED, "", job_id)
                self._known[entry.path].is_sure = False
                self._submit(connection, file, None, Watched(job_id, entry.path, True, self._mark()))
                self._known[entry.path].is_sure = True
                self._is_behind |= tried is not None  # it may be done, too, before it was noted as queued
        except SameContentError as same:
            if not same.job.status.is_final:
                self._get_stuck(entry, FileState.SETTLED, _waits_for(same))
                return
            self._note(entry, FileState.IMPORTED, _not_again(same), same.job.id)
        except RefusedError as error:
            self._note(entry, FileState.FAILED, str(error))
        self._settling.forget(entry.path)

    def _tried(self, entry: Entry) -> UUID | None:
        """The job that the last try for this file was to make, if nobody knows whether it did."""
        known = self._known.get(entry.path)
        is_open = known and not known.is_taken and known.version.is_same(entry.version)
        return known.job_id if known and is_open else None

    def take_up(self, connection: Connection) -> None:
        """Hand in what was claimed but not handed in. Raises what psycopg raises."""
        self.has_claims = False
        for job_id in self._claims.left():
            with job_lock.taking_in(connection, job_id) as acquired:
                # Those that another machine is at are its own; or the server holds what was lost here.
                if not acquired and not self._is_shared:
                    self.has_claims = True
                for claim in self._claims.of(job_id) if acquired else ():
                    self._take_up(connection, claim)

    def _take_up(self, connection: Connection, claim: Claim) -> None:
        try:
            self._hand_in(connection, claim, Version.of(claim.file.lstat()))
        except OSError as error:
            self.has_claims = True
            log.warning(
                "a claimed file cannot be handed in",
                job_id=str(claim.job_id),
                file=display_name(claim.path),
                error=str(error),
            )

    def _hand_in(self, connection: Connection, claim: Claim, version: Version) -> None:
        """The file is ours: make it a job's, or put it where it belongs."""
        entry = Entry(claim.path, version)
        self._note(entry, FileState.QUEUED, "", claim.job_id)
        self._known.pop(claim.path, None)  # the next file of this name is another one
        try:
            with open_checked(claim.file, display_name(claim.path)) as file:
                self._submit(
                    connection, file, claim.file, Watched(claim.job_id, claim.path, False, self._mark())
                )
        except SameContentError as same:
            if not same.job.status.is_final:
                self._ledger.finish(claim.job_id, claim.path, FileState.SETTLED, _waits_for(same), None)
                self.has_claims = True
                return
            place = None
            if self._settings.watch.on_finish != "delete":
                place = self._outcomes.place(claim.file, claim.path, FileState.IMPORTED, claim.job_id)
            self._ledger.finish(
                claim.job_id, claim.path, FileState.IMPORTED, _not_again(same), place, instead=same.job.id
            )
        except RefusedError as error:
            log.info("a file of the inbox is refused", file=display_name(claim.path), reason=str(error))
            place = self._outcomes.place(claim.file, claim.path, FileState.FAILED, claim.job_id, str(error))
            self._ledger.finish(claim.job_id, claim.path, FileState.FAILED, str(error), place)
        self._claims.close(claim)

    def _mark(self) -> str:
        return self._folder.mark() if self._is_shared else ""

    def _submit(self, connection: Connection, file: BinaryIO, path: Path | None, watched: Watched) -> None:
        intake.submit_watched(
            file,
            path,
            watched,
            settings=self._settings,
            paths=self._paths,
            connection=connection,
            queue=self._queue,
        )

    def _note(self, entry: Entry, state: FileState, reason: str, job_id: UUID | None = None) -> bool:
        """Tell the ledger how a file stands; False if it knew."""
        known = self._known.get(entry.path)
        if known and (known.state, known.reason) == (state, reason) and job_id is None:
            return False
        if job_id is None and known and known.version.is_same(entry.version) and not state.is_taken:
            job_id = known.job_id  # for the next try
        row = self._ledger.note(
            known.entry if known else None, entry.path, entry.version, state, reason, job_id
        )
        self._known[entry.path] = _Known(row, state, reason, entry.version, job_id)
        return True


def _waits_for(same: SameContentError) -> str:
    return f"{same}; it waits until that is done"


def _not_again(same: SameContentError) -> str:
    return f"not imported again: it {same}"
