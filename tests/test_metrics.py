"""The daemon's figures for Prometheus."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daemon import control, settings
from daemon.board import Board
from daemon.metrics import Exporter, Facts
from daemon.settings import MetricsSettings
from tests.managed import log
from tests.processes import bibliflow, wait_until


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def samples(text: str) -> dict[str, float]:
    """By name and labels, as they are written."""
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_file_and_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "bibliflow.prom"
    port = free_port()
    monkeypatch.setenv("BIBLIFLOW_METRICS__FILE", str(file))
    monkeypatch.setenv("BIBLIFLOW_METRICS__LISTEN", f"127.0.0.1:{port}")
    name = "secret name.csv"
    (home / name).write_text("title,author,isbn\nA,B,9780141439976\nC,D,bad\nE,F,9780141439976\n")
    control.start(settings.paths())
    assert bibliflow("import", home / name, "--wait", "--on-duplicate", "skip").returncode == 0

    def found() -> dict[str, float]:
        return samples(file.read_text()) if file.exists() else {}

    wait_until(lambda: found().get("bibliflow_jobs/success") == 1)
    figures = found()
    rows = [figures[f"bibliflow_rows_total/{what}"] for what in ("imported", "rejected", "skipped")]
    assert rows == [1, 1, 1]
    assert figures["bibliflow_database_up"] == 1
    assert 0 < figures["bibliflow_database_latency_seconds"] < 5
    assert (figures["bibliflow_queue_depth"], figures["bibliflow_workers"]) == (0, 2)
    assert figures["bibliflow_disk_free_bytes/spool"] > 0
    assert figures["bibliflow_build_info/" + re.findall(r'version="(.*?)"', file.read_text())[0]] == 1
    assert file.stat().st_mode & 0o777 == 0o644
    wait_until(lambda: not list(home.glob(".*.part")))  # it is written again and again
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert samples(text).keys() == figures.keys()
    assert "secret" not in text + file.read_text()


def test_what_cannot_be_given_away_is_said_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("BIBLIFLOW_METRICS__LISTEN", f"127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("BIBLIFLOW_METRICS__FILE", str(home / "none" / "x.prom"))
        control.start(settings.paths())
        wait_until(lambda: log().count("the metrics cannot be given away") == 2)
        assert "Address already in use" in log()
        assert "No such file or directory" in log()
    wanted = MetricsSettings(file=str(home / "none" / "x.prom"))
    exporter = Exporter(wanted, Board(1))
    exporter.update(Facts())
    (home / "none").mkdir()
    exporter.update(Facts())
    assert (home / "none" / "x.prom").exists()
