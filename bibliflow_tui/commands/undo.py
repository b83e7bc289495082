"""``bibliflow undo``."""

from __future__ import annotations

import json
from itertools import islice

import click

from bibliflow_tui import follow_up_words
from bibliflow_tui.commands.session import confirm, session
from bibliflow_tui.commands.submitting import ensure_daemon
from bibliflow_tui.commands.waiting import wait_for
from daemon import followups
from daemon.catalog import jobs, kept_books
from daemon.catalog.job import JobStatus
from daemon.exits import ExitCode, explained, fail
from daemon.followups import FollowUpError
from daemon.queue import JobQueue
from daemon.visible import visible

SHOWN_KEPT = 20
"""Books that were kept, as they are listed; --json has all of them."""


@click.command()
@click.argument("job")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@explained
def undo(job: str, yes: bool, as_json: bool) -> None:
    """Take back what the import, or the repair, JOB brought.

    Its books are removed, and what it changed in others is restored. Books that were edited since are kept,
    and listed. The file can be imported again.
    """
    with session() as opened:
        found = jobs.find(opened.connection, job)
        confirm(follow_up_words.undo_question(found), yes)
        opened.paths.make_private()
        with JobQueue.of(opened.settings, opened.paths) as queue:
            try:
                created = followups.undo(opened.connection, queue, found, source="cli")
            except FollowUpError as error:
                fail(str(error), ExitCode.FAILED)
        ensure_daemon(opened)
        done = wait_for(opened, [created])[0]
        if done.status is not JobStatus.SUCCESS:
            reason = done.failure_reason or f"It was cancelled; `bibliflow retry {done.id}` goes on with it"
            fail(reason, ExitCode.FAILED)
        found = jobs.get(opened.connection, found.id)
        kept = kept_books.stream(opened.connection, found.id) if done.skipped_count else ()
        if as_json:
            click.echo(
                json.dumps(
                    {
                        "job_id": str(found.id),
                        "undo_job_id": str(done.id),
                        "undone": done.success_count,
                        "kept": done.skipped_count,
                        "kept_books": [book.as_dict() for book in kept],
                        "undone_at": found.undone_at.isoformat() if found.undone_at else None,
                    }
                )
            )
            return
        click.echo(visible(f"{found.filename}: {follow_up_words.undone(done)}, in {done.seconds:.1f} s"))
        for book in islice(kept, SHOWN_KEPT):
            click.echo(visible(f"  {book.isbn}  {book.title}", limit=200))
