"""The dashboard: wiring only. What is seen is in ``screens`` and ``widgets``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click
from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from bibliflow_tui.followed import Followed
from bibliflow_tui.habits import HabitFile
from bibliflow_tui.job_words import name_of
from bibliflow_tui.key_names import key_of
from bibliflow_tui.live import (
    AWAY,
    DaemonChanged,
    DatabaseChanged,
    JobsChanged,
    LinkFailed,
    Live,
    WorkloadChanged,
)
from bibliflow_tui.palette import Actions
from bibliflow_tui.screens.imports import ImportsScreen
from bibliflow_tui.sturdy import SturdyApp
from daemon import log, settings
from daemon.catalog import books
from daemon.catalog.database import Connection, is_out_of_reach
from daemon.catalog.job import Job
from daemon.catalog.roles import RoleError
from daemon.exits import ExitCode, fail
from daemon.queue_error import QueueError
from daemon.settings import Paths, Settings

if TYPE_CHECKING:
    from daemon.request import Request

# What only some actions need is loaded when they are done: the first screen is sooner there.

Result = TypeVar("Result")

NO_TERMINAL = "The dashboard needs a terminal. `bibliflow --help` lists the commands, which need none."

PATIENCE = 1.0
"""Seconds that a retry waits for whoever has the job: it keeps one of the few connections meanwhile."""

LAST_FOLDERS = 8
"""Folders that are remembered."""


def _later(module: str, name: str) -> Screen[Any]:
    """A place whose modules are loaded when somebody goes there: the first one is sooner on the screen."""
    place: Screen[Any] = getattr(import_module(f"bibliflow_tui.screens.{module}"), name)()
    return place


class Dashboard(SturdyApp):
    """Shows the imports, and enqueues new ones."""

    TITLE = "Bibliflow"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "imports": ImportsScreen,
        "books": partial(_later, "books", "BooksScreen"),
        "inbox": partial(_later, "inbox", "InboxScreen"),
        "log": partial(_later, "log", "LogScreen"),
    }
    DEFAULT_MODE = "imports"
    CSS_PATH = Path(__file__).parent / "styles" / "place.tcss"
    COMMANDS = App.COMMANDS | {Actions}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "question_mark", "help", "Help", tooltip="Show or hide the keys of this place", id="app.help"
        ),
        Binding("1", "go('imports')", "Imports", tooltip="To the imports", id="app.imports", show=False),
        Binding("2", "go('books')", "Books", tooltip="To the books", id="app.books", show=False),
        Binding("3", "go('inbox')", "Inbox", tooltip="To the watched folder", id="app.inbox", show=False),
        Binding("4", "go('log')", "Log", tooltip="To what the daemon did", id="app.log", show=False),
        Binding("q", "quit", "Quit", tooltip="Leave; imports go on in the daemon", id="app.quit"),
    ]

    def __init__(self, loaded: Settings, paths: Paths, offered: Sequence[Path] = ()) -> None:
        super().__init__(loaded, paths)
        self.database_state: DatabaseChanged | None = None
        self.daemon_state: DaemonChanged | None = None
        self.workload_state: WorkloadChanged | None = None
        """What was heard of them last."""
        self.habits = HabitFile(paths.habits)
        self._remembers_theme = False
        """Whether the theme is one that the user chooses."""
        self.live = Live(loaded, paths, self._pass_on)
        self.followed = Followed()
        """Repairs and undos that were begun here."""
        self.offered = offered
        """Files to choose from that the command line named; absolute paths."""
        self.last_folders: list[Path] = []
        """Where files were last taken from, the newest first."""

    def on_mount(self) -> None:
        """Paint first; then open the database."""
        self.set_keymap(self.settings.dashboard.keys)
        if self.habits.now.theme in self.available_themes:
            self.theme = self.habits.now.theme
        elif self.settings.dashboard.theme:
            self._use_theme(self.settings.dashboard.theme)
        self._remembers_theme = True
        self.call_after_refresh(self._go_live)

    def watch_theme(self, theme: str) -> None:
        """The palette has others."""
        if self._remembers_theme:
            self.remember(theme=theme)

    def remember(self, **choices: str) -> None:
        """What the user chose, by the names of :class:`Habits`: for the next time."""
        if self.habits.change(**choices):
            self._save_habits()

    @work(thread=True, group="habits", exit_on_error=False)
    def _save_habits(self) -> None:
        self.habits.save()

    def _use_theme(self, name: str) -> None:
        if name in self.available_themes:
            self.theme = name
        else:
            known = ", ".join(sorted(self.available_themes))
            self.toast(f"dashboard.theme: there is no theme {name}; there are {known}", "warning")

    def let_go(self) -> None:
        """Let the link's thread end, and write what no worker has come to."""
        self.live.stop()
        self.habits.save()

    @work(thread=True, group="live", exit_on_error=False)
    def _go_live(self) -> None:
        self.live.run()

    def _pass_on(self, message: Message) -> None:
        """From the link's thread to the app, and from there to every screen of the place that is shown."""
        self.post_message(message)

    @on(DatabaseChanged)
    @on(DaemonChanged)
    @on(WorkloadChanged)
    @on(JobsChanged)
    def _tell(self, event: Message) -> None:
        match event:
            case DatabaseChanged():
                self.database_state = event
            case DaemonChanged():
                self.daemon_state = event
            case WorkloadChanged():
                self.workload_state = event
        for screen in self.screen_stack:
            screen.post_message(event)
        if self.followed and isinstance(event, JobsChanged):
            self._look_at_followed()

    @on(DaemonChanged)
    def _complain(self, event: DaemonChanged) -> None:
        if event.error:
            self.toast(event.error, "error")

    @on(LinkFailed)
    def _tell_link_fault(self, event: LinkFailed) -> None:
        self.tell_fault("live", event.error)

    def ask(self, question: Callable[[Connection], Result]) -> Result | None:
        """In a worker: put ``question`` to the catalogue; None if that is out of reach.

        Raises :class:`RoleError` for what the role may not do; a worker that lets it pass shows it.
        """
        try:
            with self.live.connection() as connection:
                return question(connection)
        except Exception as error:
            if not is_out_of_reach(error):
                raise
            return None

    def known(self, isbns: Sequence[str]) -> set[str] | None:
        """In a worker: which of these ISBNs the catalogue has; None if it is out of reach."""
        return self.ask(lambda connection: books.existing(connection, isbns))

    @property
    def places(self) -> list[Path]:
        """Folders in which to look for files: those used lately, then the usual ones."""
        inbox = self.paths.inbox(self.settings.watch)
        return list(dict.fromkeys([*self.last_folders, Path.cwd(), inbox, Path.home()]))

    def remember_folder(self, folder: Path) -> None:
        """Files were taken from it."""
        self.last_folders = list(dict.fromkeys([folder, *self.last_folders]))[:LAST_FOLDERS]

    @work(thread=True, group="submit", exit_on_error=False)
    def submit(self, files: Sequence[tuple[Path, Request]]) -> None:
        """Take files in, each as it is wanted, and say what came of it."""
        from daemon import intake
        from daemon.file_check import RefusedError
        from daemon.queue import JobQueue

        queued, refused = 0, []
        try:
            with JobQueue.of(self.settings, self.paths) as queue, self.live.connection() as connection:
                for path, request in files:
                    try:
                        job = intake.submit(
                            path,
                            settings=self.settings,
                            paths=self.paths,
                            connection=connection,
                            queue=queue,
                            source="dashboard",
                            request=request,
                        )
                        queued += 1
                        if request.corrects:
                            self.followed.add(job)
                    except RefusedError as error:
                        refused.append(str(error))
        except (QueueError, RoleError) as error:
            refused.append(str(error))
        except Exception as error:
            if not is_out_of_reach(error):
                raise
            left = len(files) - queued
            refused.append(f"{AWAY}; see when it is back which of {left} files are added: {error}")
        if queued:
            self.toast(f"{queued} file{'s' if queued > 1 else ''} queued")
            self.live.ensure_daemon()
        if refused:
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            self.toast(f"{refused[0]}{more}", "error")

    @work(thread=True, group="actions", exit_on_error=False)
    def cancel(self, job: Job) -> None:
        """Stop a job, and say what came of it."""
        from daemon import job_actions

        self._act(
            lambda connection: job_actions.cancel(connection, job),
            f"{name_of(job)}: cancelled, {key_of(self, 'imports.retry')} goes on with it",
        )

    @work(thread=True, group="actions", exit_on_error=False)
    def retry(self, job: Job) -> None:
        """Let a job go on, and say what came of it."""
        from daemon import job_actions
        from daemon.queue import JobQueue

        def again(connection: Connection) -> None:
            with JobQueue.of(self.settings, self.paths) as queue:
                job_actions.retry(connection, queue, self.settings, self.paths, job, patience=PATIENCE)

        if self._act(again, f"{name_of(job)}: queued again"):
            self.live.ensure_daemon()

    @work(thread=True, group="actions", exit_on_error=False)
    def undo(self, job: Job) -> None:
        """Take back what a job brought, and say what comes of it."""
        from daemon import followups
        from daemon.queue import JobQueue

        def take_back(connection: Connection) -> None:
            with JobQueue.of(self.settings, self.paths) as queue:
                self.followed.add(followups.undo(connection, queue, job, source="dashboard"))

        done = f"{name_of(job)}: taking it back; {key_of(self, 'app.imports')} shows how far that is"
        if self._act(take_back, done):
            self.live.ensure_daemon()

    @work(thread=True, group="followed", exit_on_error=False)
    def _look_at_followed(self) -> None:
        from bibliflow_tui import follow_up_words

        for job, target in self.ask(self.followed.ended) or ():
            self.toast(*follow_up_words.ended(job, target, partial(key_of, self)))

    def _act(self, action: Callable[[Connection], None], done: str) -> bool:
        """Do it and say so, or why not; whether it was done."""
        from daemon.catalog.jobs import NoSuchJobError
        from daemon.followups import FollowUpError
        from daemon.job_actions import ActionError

        try:
            with self.live.connection() as connection:
                action(connection)
        except (ActionError, FollowUpError, NoSuchJobError, QueueError, RoleError) as error:
            self.toast(str(error), "error")
        except Exception as error:
            if not is_out_of_reach(error):
                raise
            self.toast(f"{AWAY}; see when it is back whether it is done: {error}", "error")
        else:
            self.toast(done)
            return True
        return False

    @work(thread=True, group="daemon", exit_on_error=False)
    def start_daemon(self) -> None:
        """Start the daemon, if none runs."""
        self.live.start_daemon()

    def action_go(self, place: str) -> None:
        """To one of the places; each is as it was left."""
        self.switch_mode(place)

    def action_help(self) -> None:
        """Show or hide the keys of this place."""
        if self.screen.query("HelpPanel"):
            self.action_hide_help_panel()
        else:
            self.action_show_help_panel()


def run_dashboard(files: Sequence[Path] = ()) -> None:
    """Open the dashboard, with ``files`` offered for import, if there are any.

    Says afterwards if a daemon that it started goes on, and what ended the dashboard if that was a fault of
    its own: then the exit code is 1. Raises SettingsError.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # Textual reads from one and writes to the other
        fail(NO_TERMINAL, ExitCode.USAGE)
    loaded, paths = settings.load()
    paths.make_private()
    app = Dashboard(loaded, paths, [Path(os.path.normpath(Path.cwd() / file)) for file in files])
    # The terminal is the dashboard's: what would go to standard error goes into a file beside the daemon's.
    log_file = os.open(paths.dashboard_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(log_file, "a", encoding="utf-8") as stream:
        log.configure(quiet=True, stream=stream)
        try:
            app.run()
        except Exception as error:
            app.fall(error)
    if app.live.daemon_started:
        click.echo(
            f"The daemon goes on importing, process {app.live.daemon_started.pid}; "
            "`bibliflow-daemon stop` ends it.",
            err=True,
        )
    if app.crash:
        click.echo("\n".join(app.crash.lines()), err=True)
        sys.exit(ExitCode.FAILED)
