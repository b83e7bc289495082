"""config.toml and the environment, as one checked object.

Precedence, highest first: ``BIBLIFLOW_SECTION__KEY`` environment variables, ``config.toml``, the defaults
below; ``DATABASE_URL`` is looked at last, when nothing else names a database.
"""

from __future__ import annotations

import ipaddress
import os
import pwd
import re
import tomllib
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

# For all who have to do with settings, these come from here.
from daemon.paths import APP_NAME as APP_NAME
from daemon.paths import Paths as Paths
from daemon.paths import paths_below as paths_below
from daemon.paths import usual_paths
from daemon.values import (
    BookField,
    ColumnName,
    DuplicatePolicy,
    Encoding,
    IsbnCheck,
    LogLevel,
    MaxErrors,
)

ENV_PREFIX = "BIBLIFLOW_"
HOME_VARIABLE = "BIBLIFLOW_HOME"


class SettingsError(Exception):
    """A setting is wrong. The message is one line and names the key."""


class Section(BaseModel):
    """One table of config.toml; unknown keys are errors, so that typing mistakes are noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(Section):
    """``[database]``."""

    url: SecretStr = SecretStr("")
    """postgresql:// address of your own server, 15 or newer; empty starts a private one."""


class QueueSettings(Section):
    """``[queue]``."""

    url: SecretStr = SecretStr("")
    """postgresql:// or redis:// address of a queue that machines share; empty is a file of the home."""

    @property
    def kind(self) -> Literal["sqlite", "postgresql", "redis"]:
        """What keeps the queue. Raises ValueError if the address is none."""
        match self.url.get_secret_value().partition("://")[0]:
            case "":
                return "sqlite"
            case "postgresql" | "postgres":
                return "postgresql"
            case "redis" | "rediss":
                return "redis"
        raise ValueError("queue.url is neither a postgresql:// nor a redis:// address")

    @property
    def is_shared(self) -> bool:
        """Whether daemons of other machines may use it too."""
        return self.kind != "sqlite"

    @model_validator(mode="after")
    def _check(self) -> Self:
        _ = self.kind
        return self


class DaemonSettings(Section):
    """``[daemon]``."""

    workers: int = Field(default=2, ge=1, le=64)
    """How many files are imported at the same time; each import can use a core of its own."""

    spool: str = ""
    """Folder for copies of the files being imported, which machines with one queue share; empty is ``spool``
    in the home."""

    host: str = Field(default="", max_length=100)
    """What this machine is called where several are listed; empty is its host name."""


class DashboardSettings(Section):
    """``[dashboard]``."""

    theme: str = ""
    """One of the themes that the command palette (Ctrl-P) offers; empty is the usual dark one. What is chosen
    there is remembered and goes before it."""

    keys: dict[str, str] = Field(default_factory=dict)
    """Other keys for what the dashboard does, by names such as "imports.add"; several with commas."""


class ImportSettings(Section):
    """``[import]``."""

    isbn_check: IsbnCheck = "format"
    """"format" looks at the form of an ISBN only; "checksum" rejects wrong check digits too."""

    on_duplicate: DuplicatePolicy = "error"
    """What to do with an ISBN that is in the catalogue already: "error", "skip", "update" or "fill"."""

    max_errors: MaxErrors = ""
    """An import with more rejected rows is stopped: a number like "100" or a share like "5%"; "" never."""

    take_back: bool = False
    """What such an import brought until then is taken back."""

    max_file_size: ByteSize = ByteSize(100_000_000)
    """Larger files are refused, packed ones by what is in them; a number of bytes or like "100MB"."""

    encoding: Literal["auto"] | Encoding = "auto"
    """Encoding of your files, such as "cp1252"; "auto" finds out for each file."""

    columns: dict[BookField, ColumnName] = Field(default_factory=dict)
    """Names of columns in your files, where Bibliflow does not know them by itself."""


class WatchSettings(Section):
    """``[watch]``."""

    enabled: bool = True
    """Whether files in the inbox are imported."""

    folder: str = ""
    """The inbox; empty is ``inbox`` in the home."""

    recursive: bool = True
    """Also the folders in it."""

    settle_seconds: float = Field(default=2.0, ge=0.1, le=3600)
    """A file that did not change for so long is complete."""

    poll: bool = False
    """Look every second instead of being told of changes: for folders on other machines."""

    on_finish: Literal["archive", "delete", "keep"] = "archive"
    """What happens to imported files: "archive" moves them to ``imported`` in the inbox, "delete" removes
    them, "keep" leaves them where they are."""

    reimport: bool = False
    """Whether a file is imported although another one with the same content was."""

    ignore: tuple[str, ...] = ()
    """Patterns of names that are left alone, such as "*.bak"; temporary names are anyway."""

    any_owner: bool = False
    """Whether files of other users are taken too: for folders that several people share."""


class LogSettings(Section):
    """``[log]``."""

    format: Literal["auto", "console", "json"] = "auto"
    """Form of what the daemon writes on standard error: "console" for people, "json" for machines, "auto" for
    whoever is there. Its own file is JSON always, as commands and the dashboard read it."""

    level: LogLevel = "info"
    """Lines of less weight are left out: "debug", "info", "warning" or "error"."""


class MetricsSettings(Section):
    """``[metrics]``."""

    file: str = ""
    """File for node_exporter's textfile collector, renewed every few seconds; its name ends in ".prom"."""

    listen: str = ""
    """Address at which Prometheus asks for the same, such as "127.0.0.1:9464"."""

    public: bool = False
    """Whether ``listen`` may be an address that other machines reach: anybody there can read the figures."""

    @property
    def address(self) -> tuple[str, int] | None:
        """``listen`` as host and port; None if it is empty."""
        return _address(self.listen) if self.listen else None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.file and not (Path(self.file).expanduser().is_absolute() and self.file.endswith(".prom")):
            raise ValueError('metrics.file must be a whole path that ends in ".prom", or nobody reads it')
        if self.address and not self.public and not ipaddress.ip_address(self.address[0]).is_loopback:
            raise ValueError(
                f"metrics.listen: other machines can reach {self.address[0]}, and there is no password. "
                "Listen on 127.0.0.1, or set metrics.public = true if that is meant"
            )
        return self


def _address(text: str) -> tuple[str, int]:
    """Host and port in "127.0.0.1:9464", "localhost:9464" or "[::1]:9464". Raises ValueError."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):(\d{1,5})", text)
    host = (match[1] or match[2]) if match else ""
    host = "127.0.0.1" if host == "localhost" else host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f'metrics.listen: {text!r} is no address and port like "127.0.0.1:9464"') from None
    port = int(match[3]) if match else 0
    if not 0 < port < 65536:
        raise ValueError(f"metrics.listen: there is no port {port}")
    return host, port


class Settings(BaseSettings):
    """Everything that can be configured. Build it with :func:`load`."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    database: DatabaseSettings = DatabaseSettings()
    queue: QueueSettings = QueueSettings()
    daemon: DaemonSettings = DaemonSettings()
    watch: WatchSettings = WatchSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    dashboard: DashboardSettings = DashboardSettings()
    importing: ImportSettings = Field(
        default=ImportSettings(),
        # "import" is a word of Python, and an alias takes env_prefix away: so both names, in full.
        validation_alias=AliasChoices("import", f"{ENV_PREFIX}import"),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over config.toml (which :func:`load` passes as initial values); nothing else."""
        return env_settings, init_settings


def paths(*, root_may_look: bool = False) -> Paths:
    """The program's paths, from ``BIBLIFLOW_HOME`` or else the platform's own directories.

    Raises :class:`SettingsError` for root in the home of another user, unless ``root_may_look``.
    """
    if home := os.environ.get(HOME_VARIABLE):
        found = paths_below(Path(home).expanduser().absolute())
        if not root_may_look:
            _refuse_root(found)
        return found
    return usual_paths()


def _refuse_root(where: Paths) -> None:
    """Root could do all there, and leave files behind that the home's own daemon cannot use."""
    if os.geteuid() != 0 or not where.state.exists() or (owner := where.state.stat().st_uid) == 0:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    home = where.state.parent
    raise SettingsError(
        f"{home} belongs to the user {name}, and what root does there would lock that user out. "
        f"Try: sudo -u {name} {HOME_VARIABLE}={home} ..."
    )


def load() -> tuple[Settings, Paths]:
    """Read config.toml and the environment.

    Raises :class:`SettingsError` with one line that names the file or variable, the key and what is wrong.
    """
    where = paths()
    values = _read_toml(where.config)
    _refuse_unknown_variables()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError(_one_line(error, where.config)) from None
    except Exception as error:  # pydantic-settings has errors of its own for values that are not JSON
        raise SettingsError(f"Environment: {error}") from None
    fallback = os.environ.get("DATABASE_URL", "")
    if not settings.database.url.get_secret_value() and fallback:
        database = DatabaseSettings(url=SecretStr(fallback))
        settings = settings.model_copy(update={"database": database})
    _check_sharing(settings)
    if settings.daemon.spool:
        where = replace(where, spool=Path(settings.daemon.spool).expanduser().absolute(), is_spool_given=True)
    return settings, where


def _check_sharing(settings: Settings) -> None:
    """Raise :class:`SettingsError` for what several machines cannot have in common."""
    if not settings.queue.is_shared:
        return
    if not settings.database.url.get_secret_value():
        raise SettingsError(
            "queue.url is set, but database.url is not: machines that share a queue must share the database "
            "too, and the private one is for one machine. Name your PostgreSQL server in database.url; "
            "before queue.url is set, `bibliflow db move` brings the books there."
        )
    if settings.queue.kind == "redis" and find_spec("redis") is None:
        raise SettingsError(
            "queue.url names a Redis server, and its client is not installed: pip install 'bibliflow[redis]'"
        )
    if settings.watch.enabled and settings.watch.on_finish == "keep" and settings.watch.reimport:
        raise SettingsError(
            'queue.url is set, and with it watch.on_finish = "keep" and watch.reimport = true would import '
            "each file of a shared inbox once per machine. Change one of the two."
        )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None


def sections() -> dict[str, FieldInfo]:
    """The tables of config.toml by name, with their pydantic fields."""
    names = {"importing": "import"}
    return {names.get(name, name): field for name, field in Settings.model_fields.items()}


def _refuse_unknown_variables() -> None:
    """pydantic-settings ignores variables whose first part it does not know; a typing mistake should show."""
    known = {name.upper() for name in sections()}
    for variable in os.environ:
        name = variable.upper()
        if not name.startswith(ENV_PREFIX) or name == HOME_VARIABLE:
            continue
        if name.removeprefix(ENV_PREFIX).partition("__")[0] not in known:
            raise SettingsError(
                f"Environment: unknown variable {variable}; the sections are {', '.join(sorted(known))}"
            )


def _one_line(error: ValidationError, config: Path) -> str:
    """The first problem of ``error``; never its input value, which may be a password."""
    problem = error.errors(include_url=False, include_input=False)[0]
    location = [str(part).removeprefix(ENV_PREFIX) for part in problem["loc"] if part != "[key]"]
    variable = ENV_PREFIX + "__".join(location).upper()
    from_environment = variable in {name.upper() for name in os.environ}
    where = f"Environment: {variable}" if from_environment else f"{config}: {'.'.join(location)}"
    if problem["type"] == "extra_forbidden":
        return f"{where} is not a setting; there are {_beside(location)}"
    return f"{where}: {_words(problem)}"


def _words(problem: ErrorDetails) -> str:
    if problem["type"].startswith("byte_size"):
        return 'no size; write a number of bytes, or one with a unit, such as "100MB"'
    words = problem["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    return words.partition(", unable to ")[0]


def _beside(location: list[str]) -> str:
    """The names that the last of ``location``, a key of config.toml, could have been."""
    section = sections().get(location[0])
    if section is None:
        return ", ".join(sections())
    names = type(section.default).model_fields if len(location) == 2 else get_args(BookField)
    return ", ".join(f"{'.'.join(location[:-1])}.{name}" for name in names)
