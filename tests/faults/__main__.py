"""The long form: ``python -m tests.faults --seeds 200``."""

from __future__ import annotations

import argparse
import sys
import time

from daemon import log
from tests.faults.campaign import files, play
from tests.faults.stage import Stage


def main() -> None:
    """Play the seeds, say what happened, and end with 1 if anything was different."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    arguments = parser.parse_args()
    log.configure(quiet=True)
    stage = Stage()
    wrong = []
    try:
        expected = stage.undisturbed(files(stage))
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            begun = time.monotonic()
            differences, history = play(stage, expected, seed)
            word = "DIFFERENT" if differences else "same"
            say(f"seed {seed}: {word} in {time.monotonic() - begun:.1f} s; {', '.join(history)}")
            for difference in differences:
                say(f"    {difference}")
            wrong += [seed] if differences else []
    finally:
        stage.close()
    say(f"{arguments.seeds} seeds, {len(wrong)} different {wrong or ''}")
    sys.exit(bool(wrong))


def say(line: str) -> None:
    """Print, also into a pipe, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
