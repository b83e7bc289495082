"""The long form: ``python -m tests.faults --seeds 200``."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from daemon import log
from tests import chunks
from tests.faults.campaign import files, play
from tests.faults.followups import SCENES, Scene, small_chunks, state
from tests.faults.points import POINTS, is_free, submit, work, work_and_die, work_until_done
from tests.faults.proxy import Cut
from tests.faults.stage import Result, Stage, messy_file, result, wait_until


def main() -> None:
    """Play it all, say what happened, and end with 1 if anything was different."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--kills", type=int, default=50, help="at each named point of the pipeline")
    parser.add_argument("--cuts", type=int, default=100, help="COMMITs whose reply is lost")
    arguments = parser.parse_args()
    log.configure(quiet=True)
    stage = Stage()
    try:
        wrong = play_seeds(stage, range(arguments.first, arguments.first + arguments.seeds))
        chunks.make_small(setattr, is_long=True)
        small = messy_file(stage.directory / "small.csv", 3, 4000)
        expected = stage.undisturbed([small])
        for point in POINTS if arguments.kills else ():
            wrong += kill_at(stage, small, expected, point, arguments.kills)
        for name, scene in SCENES.items() if arguments.kills else ():
            wrong += kill_scene(stage, name, scene, arguments.kills)
        wrong += cut_replies(stage, small, expected, arguments.cuts)
    finally:
        stage.close()
    say(f"{wrong} different" if wrong else "all the same")
    sys.exit(bool(wrong))


def play_seeds(stage: Stage, seeds: range) -> int:
    """How many of the seeds ended otherwise than an undisturbed import."""
    wrong = []
    expected = stage.undisturbed(files(stage))
    for seed in seeds:
        begun = time.monotonic()
        differences, history = play(stage, expected, seed)
        word = "DIFFERENT" if differences else "same"
        say(f"seed {seed}: {word} in {time.monotonic() - begun:.1f} s; {', '.join(history)}")
        for difference in differences:
            say(f"    {difference}")
        wrong += [seed] if differences else []
    say(f"{len(seeds)} seeds, {len(wrong)} different {wrong or ''}")
    return len(wrong)


def kill_at(stage: Stage, file: Path, expected: Result, point: str, kills: int) -> int:
    """How many imports ended otherwise, of as many as it takes to be killed that often at this point."""
    wrong = killed = 0
    while killed < kills:
        with stage.database() as name, stage.home(name), stage.direct(name) as connection:
            job_id = submit(connection, file)
            for times in (1, 2, 3, 4, 5):
                killed += work_and_die(job_id, POINTS[point], times) != 0
                wait_until(partial(is_free, connection, job_id), 10)
            same = work_until_done(connection, job_id) and result(connection) == expected
            wrong += not same
    say(f"killed {killed} times where {point}: {wrong} different")
    return wrong


def kill_scene(stage: Stage, name: str, scene: Scene, kills: int) -> int:
    """How many of a scene's jobs ended otherwise, killed that often at each of its points."""
    wrong = killed = 0
    with small_chunks():
        with (
            stage.database() as database,
            stage.home(database) as paths,
            stage.direct(database) as connection,
        ):
            work(scene.begin(connection, paths).id)
            wanted = state(connection)
        for point in scene.points.values():
            for times in range(1, kills + 1):
                with (
                    stage.database() as database,
                    stage.home(database) as paths,
                    stage.direct(database) as connection,
                ):
                    job_id = scene.begin(connection, paths).id
                    # At the first, second, third ... chunk, and then at the one after that.
                    for nth in (times % 4 + 1, 1):
                        killed += work_and_die(job_id, point, nth) != 0
                        wait_until(partial(is_free, connection, job_id), 10)
                    same = work_until_done(connection, job_id) and state(connection) == wanted
                    wrong += not same
    say(f"{name}: killed {killed} times at {len(scene.points)} points: {wrong} different")
    return wrong


def cut_replies(stage: Stage, file: Path, expected: Result, cuts: int) -> int:
    """How many imports ended otherwise, each with the reply to one COMMIT lost."""
    wrong = 0
    before = stage.proxy.cuts
    for number in range(cuts):
        with stage.database() as name, stage.home(name), stage.direct(name) as connection:
            job_id = submit(connection, file)
            stage.proxy.plan(Cut.REPLY, number % 9)
            same = work_until_done(connection, job_id) and result(connection) == expected
            wrong += not same
    say(f"{stage.proxy.cuts - before} replies to COMMIT lost: {wrong} different")
    return wrong


def say(line: str) -> None:
    """Print, also into a pipe, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
