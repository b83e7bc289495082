"""Whatever dies, and whenever: the same books, errors and counts. `make faults` is the long form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import chunks
from tests.faults import campaign, followups
from tests.faults.followups import SCENES, state
from tests.faults.points import POINTS, is_free, submit, work, work_and_die, work_until_done
from tests.faults.proxy import Cut
from tests.faults.stage import Result, Stage, messy_file, result, wait_until

SEEDS = (4, 9, 11)
"""Of the campaign."""

CUTS = 5
ROWS = 4000


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def expected(stage: Stage) -> Result:
    return stage.undisturbed(campaign.files(stage))


@pytest.fixture(scope="module")
def small(stage: Stage) -> Path:
    return messy_file(stage.directory / "small.csv", 3, ROWS)


@pytest.fixture(scope="module")
def small_expected(stage: Stage, small: Path) -> Result:
    return stage.undisturbed([small])


@pytest.mark.parametrize("seed", SEEDS)
def test_random_faults_change_nothing(stage: Stage, expected: Result, seed: int) -> None:
    differences, history = campaign.play(stage, expected, seed)
    assert differences == [], history


@pytest.fixture(params=["one connection", "two connections"])
def small_chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the rows of a small file are many chunks, as those of a long one."""
    chunks.make_small(monkeypatch.setattr, is_long=request.param == "two connections")


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point(stage: Stage, small: Path, small_expected: Result, point: str) -> None:
    with stage.database() as name, stage.home(name), stage.direct(name) as connection:
        job_id = submit(connection, small)
        deaths = 0
        for times in (1, 2, 3):
            deaths += work_and_die(job_id, POINTS[point], times) != 0
            assert wait_until(lambda: is_free(connection, job_id), 10)
        assert deaths > 0
        assert work_until_done(connection, job_id)
        assert result(connection) == small_expected


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("cut", Cut)
def test_a_commit_in_doubt(stage: Stage, small: Path, small_expected: Result, cut: Cut) -> None:
    """Each time the worker finds out, by lock and checkpoint, whether the chunk is in."""
    for number in range(CUTS):
        with stage.database() as name, stage.home(name), stage.direct(name) as connection:
            job_id = submit(connection, small)
            before = stage.proxy.cuts
            stage.proxy.plan(cut, number)
            assert work_until_done(connection, job_id)
            assert stage.proxy.cuts == before + 1
            assert result(connection) == small_expected


@pytest.mark.parametrize("scene", SCENES)
def test_repairs_and_undos_that_are_killed(stage: Stage, scene: str) -> None:
    begin, points = SCENES[scene]
    with followups.small_chunks():
        with stage.database() as name, stage.home(name) as paths, stage.direct(name) as connection:
            work(begin(connection, paths).id)
            wanted = state(connection)
        with stage.database() as name, stage.home(name) as paths, stage.direct(name) as connection:
            job = begin(connection, paths)
            for point, place in points.items():
                assert work_and_die(job.id, place, 1) != 0, point
                assert wait_until(lambda: is_free(connection, job.id), 10)
            assert work_until_done(connection, job.id)
            assert state(connection) == wanted
