"""python -m bench.neighbour: a process that keeps one processor busy half of the time.

In random bursts of 0.2 to 5 s, with pauses of the same lengths: a neighbour as machines have them,
for trials of measurements beside one. It ends with the process that started it.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

SHORTEST_S = 0.2
LONGEST_S = 5.0


class Burst(NamedTuple):
    """Seconds of work, and of the pause after it."""

    busy_s: float
    pause_s: float


def schedule(seed: int) -> Iterator[Burst]:
    """The bursts of one seed, without end."""
    random = Random(seed)
    while True:
        yield Burst(*(random.uniform(SHORTEST_S, LONGEST_S) for _ in range(2)))


@contextmanager
def neighbour(is_wanted: bool, seed: int) -> Iterator[None]:
    """A neighbour meanwhile, if one is wanted."""
    if not is_wanted:
        yield
        return
    command = [sys.executable, "-P", __file__, "--seed", str(seed)]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.kill()


def main(argv: Sequence[str] | None = None) -> int:
    """Work and rest on the last processor that is available, until the parent process ends."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.neighbour",
        description="Keep one processor busy in random bursts, half of the time.",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the bursts (default: 0)")
    arguments = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    parent = os.getppid()
    for burst in schedule(arguments.seed):
        if os.getppid() != parent:
            break
        end = time.monotonic() + burst.busy_s
        while time.monotonic() < end:
            pass
        time.sleep(burst.pause_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
