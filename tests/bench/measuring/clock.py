"""A clock for tests of timing: calls cost what a list says."""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

from bench.measuring.repetition import Sample
from bench.measuring.step import Run
from bench.measuring.stopwatch import CallTiming
from bench.results.contention import Contention

QUIET = Contention(
    wall_s=1.0,
    threads=1,
    n_cpus=2,
    wait_s=0.0,
    involuntary_switches=0,
    others_cpu_s=0.0,
    steal_s=0.0,
    pressure_s=None,
    n_others_running=0,
)


class Clock:
    """Takes samples whose runs cost what a list says, the last cost for ever."""

    def __init__(self, costs_s: Iterable[float]) -> None:
        *first, last = costs_s
        self.costs_s: Iterator[float] = chain(first, repeat(last))
        self.n_runs = 0

    def stopwatch(self, run: Run) -> CallTiming:
        run()
        self.n_runs += 1
        cost_s = next(self.costs_s)
        return CallTiming(cost_s, [cost_s], cost_s)

    def __call__(self, run: Run) -> Sample:
        return Sample(self.stopwatch(run), QUIET, page_faults=0)
