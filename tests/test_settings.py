"""config.toml and the environment."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from daemon import settings
from daemon.settings import Settings, SettingsError

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIBLIFLOW_HOME", str(tmp_path))
    return tmp_path / "config.toml"


def test_without_anything_the_defaults_hold(config: Path) -> None:
    loaded, paths = settings.load()
    assert loaded == Settings()
    assert paths.config == config
    assert paths.state.parent == paths.spool.parent == paths.server.parent == config.parent


def test_file_and_environment_are_merged(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(
        '[import]\non_duplicate = "skip"\nisbn_check = "format"\n[import.columns]\nauthor = "Nom"\n'
    )
    monkeypatch.setenv("BIBLIFLOW_IMPORT__ISBN_CHECK", "checksum")
    importing = settings.load()[0].importing
    assert (importing.on_duplicate, importing.isbn_check) == ("skip", "checksum")
    assert importing.columns == {"author": "Nom"}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[daemon]\nworkers = 0\n", "daemon.workers"),
        ("[daemon]\nworker = 2\n", "daemon.worker "),
        ("[watcher]\nfolder = 'x'\n", "watcher"),
        ("[import.columns]\npublisher = 'x'\n", "import.columns.publisher"),
        ("[import\n", "not valid TOML"),
        ('[metrics]\nlisten = "0.0.0.0:9464"\n', "metrics.public"),
        ('[metrics]\nlisten = "db.example.org:9464"\n', "is no address"),
        ('[metrics]\nlisten = "127.0.0.1:0"\n', "no port 0"),
        ('[metrics]\nfile = "metrics.prom"\n', "metrics.file"),
        ('[log]\nlevel = "loud"\n', "log.level: should be 'debug'"),
        ('[import]\nmax_file_size = "much"\n', "import.max_file_size: no size; write a number of bytes"),
        ('[queue]\nurl = "amqp://ann:secret@host"\n', "neither a postgresql:// nor a redis:// address"),
    ],
)
def test_a_wrong_file_is_one_line_naming_the_key(config: Path, text: str, key: str) -> None:
    config.write_text(text)
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert key in str(error.value)
    assert str(config) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "variable", ["BIBLIFLOW_DAEMON__WORKERS", "BIBLIFLOW_DAEMON__WORKRES", "BIBLIFLOW_NOTHING"]
)
def test_a_wrong_variable_is_named(config: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "many")
    with pytest.raises(SettingsError, match=variable):
        settings.load()


def test_addresses_of_metrics(config: Path) -> None:
    for text, address in {
        "127.0.0.1:9464": ("127.0.0.1", 9464),
        "localhost:80": ("127.0.0.1", 80),
        "[::1]:9464": ("::1", 9464),
    }.items():
        config.write_text(f'[metrics]\nlisten = "{text}"\n')
        assert settings.load()[0].metrics.address == address
    config.write_text('[metrics]\nlisten = "0.0.0.0:9464"\npublic = true\n')
    assert settings.load()[0].metrics.address == ("0.0.0.0", 9464)


def test_no_message_repeats_a_password(config: Path) -> None:
    config.write_text('[database]\nurl = ["postgresql://ann:secret@host/db"]\n')
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert "secret" not in str(error.value)


def test_database_url_comes_last(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///last")
    assert settings.load()[0].database.url.get_secret_value() == "postgresql:///last"
    config.write_text('[database]\nurl = "postgresql:///file"\n')
    assert settings.load()[0].database.url.get_secret_value() == "postgresql:///file"
    assert "///file" not in repr(settings.load()[0])


def test_the_example_has_every_setting_with_its_default() -> None:
    example = tomllib.loads(EXAMPLE.read_text())
    defaults = Settings()
    for section, field in settings.sections().items():
        assert set(example[section]) == set(type(field.default).model_fields), section
    assert Settings(**example) == defaults


def test_private_directories_are_closed(config: Path) -> None:
    paths = settings.paths()
    paths.make_private()
    assert [directory.stat().st_mode & 0o777 for directory in (paths.state, paths.spool)] == [0o700, 0o700]


def test_a_shared_queue_wants_a_shared_database(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[queue]\nurl = "postgresql://ann:secret@host/queue"\n')
    with pytest.raises(SettingsError, match=r"database\.url is not.*db move") as error:
        settings.load()
    assert "secret" not in str(error.value)
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/library")
    assert settings.load()[0].queue.is_shared
    config.write_text(
        '[queue]\nurl = "postgres://host/queue"\n[watch]\non_finish = "keep"\nreimport = true\n'
    )
    with pytest.raises(SettingsError, match="once per machine"):
        settings.load()


def test_a_spool_that_is_named_is_not_made(config: Path, tmp_path: Path) -> None:
    config.write_text(f'[daemon]\nspool = "{tmp_path / "share" / "spool"}"\n')
    paths = settings.load()[1]
    assert paths.spool == tmp_path / "share" / "spool"
    with pytest.raises(FileNotFoundError, match="mount what it is on"):
        paths.make_private()
    paths.spool.mkdir(parents=True, mode=0o755)
    paths.make_private()
    assert paths.spool.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="has no folder in which nobody may make one")
def test_a_home_that_cannot_be_made() -> None:
    with pytest.raises(OSError, match="make it writable for you, or set BIBLIFLOW_HOME"):
        settings.paths_below(Path("/proc/books")).make_private()
