"""python -m bench.neighbour: keep one processor busy half of the time, in random bursts.

What a shared machine's other users look like to a benchmark. Runs until it is ended.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

SHORTEST_S, LONGEST_S = 0.2, 5.0


def draw_bursts(seed: int) -> Iterator[tuple[float, float]]:
    """Without end: seconds of work and seconds of rest after it, both uniformly random."""
    random = Random(seed)
    while True:
        yield random.uniform(SHORTEST_S, LONGEST_S), random.uniform(SHORTEST_S, LONGEST_S)


@contextmanager
def neighbour(is_wanted: bool, seed: int = 0) -> Iterator[None]:
    """Have one beside whatever runs meanwhile, if it is wanted."""
    if not is_wanted:
        yield
        return
    command = [sys.executable, __file__, "--seed", str(seed)]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.kill()


def main(argv: Sequence[str] | None = None) -> None:
    """Work and rest until somebody ends it."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbour", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the bursts (default: 0)")
    for busy_s, rest_s in draw_bursts(parser.parse_args(argv).seed):
        end = time.monotonic() + busy_s
        while time.monotonic() < end:
            pass
        time.sleep(rest_s)


if __name__ == "__main__":
    main()
