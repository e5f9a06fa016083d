"""Repeating a step: warm-up, and the calls that are timed.

Around each timed call, outside the timed region, the kernel's counters say whether something
else used the processors meanwhile, and how many pages the process was given.
"""

import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bench.machine.contention import contention_between, read_counters
from bench.measuring.step import PARTS, Run
from bench.measuring.stopwatch import CallTiming, Stopwatch
from bench.results.contention import CallContention, Contention
from bench.results.measurements import LatencyTimes
from bench.results.statistics import LONG_CALL_S

WARMUP_S = 0.5
"""When this is spent, and enough calls are made, no further call warms up."""
LEAST_CALLS = 2
"""That warm up; one of a long call. A training step's second still asks the kernel for pages."""
LEAST_ON_GPU = 3
"""The same on a GPU, where libraries load further kernels after the first call."""
STABLE_WITHIN = 0.05
"""The last three calls lie within this share of the smallest: the warm-up is over."""
TURN_S = 0.005
MOST_CALLS = 50
"""In one turn; shorter calls are repeated until they fill it, or so often."""


@dataclass(frozen=True)
class Sample:
    """One timed call and what went on around it."""

    timing: CallTiming
    contention: Contention
    page_faults: int
    processor_s: float = 0.0  # that the process used, all its threads


Sampler = Callable[[Run], Sample]
"""Takes one sample of a step."""


def sampler(stopwatch: Stopwatch, threads: int) -> Sampler:
    """Samples with a stopwatch, the kernel's counters read before and after."""

    def take(run: Run) -> Sample:
        faults = _page_faults()
        before = read_counters()
        start_s, used_s = time.perf_counter(), time.process_time()
        timing = stopwatch(run)
        used_s = time.process_time() - used_s
        beside_s = time.perf_counter() - start_s - timing.host_s  # in which the clocks are read
        processor_s = max(0.0, used_s - max(0.0, beside_s))
        after = read_counters()
        contention = contention_between(before, after, timing.host_s, threads)
        return Sample(timing, contention, _page_faults() - faults, processor_s)

    return take


def _page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def is_stable(times_s: Sequence[float]) -> bool:
    """Whether the last three times lie within the share of their smallest."""
    last = times_s[-3:]
    return len(last) == 3 and max(last) - min(last) <= STABLE_WITHIN * min(last)


def warm_up(run: Run, sample: Sampler, is_on_gpu: bool = False) -> list[float]:
    """Seconds of the calls that are not counted: until they are stable, or enough.

    The first call of a process is none of them: it loads libraries, perhaps for seconds.
    """
    times_s: list[float] = []
    while not is_stable(times_s):
        times_s.append(sample(run).timing.total_s)
        n_least = 1 if times_s[-1] > LONG_CALL_S else LEAST_CALLS
        n_least = LEAST_ON_GPU if is_on_gpu else n_least
        if len(times_s) >= n_least and sum(times_s) >= WARMUP_S:
            break
    return times_s


def calls_in_turn(call_s: float) -> int:
    """How many calls fill a turn."""
    return min(MOST_CALLS, max(1, math.ceil(TURN_S / call_s)))


@dataclass
class CallSeries:
    """The calls of one process, as they are made."""

    samples: list[Sample] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)

    def add(self, sample: Sample, turn: int) -> None:
        """One more call, made in this turn of the round."""
        self.samples.append(sample)
        self.turns.append(turn)

    def added_to(self, known: LatencyTimes) -> LatencyTimes:
        """What is known of the process, and its calls, as they are stored."""
        timings = [sample.timing for sample in self.samples]
        times_s = tuple(timing.total_s for timing in timings)
        host_s = tuple(timing.host_s for timing in timings)
        return replace(
            known,
            times_s=times_s,
            parts_s=_parts(timings),
            host_times_s=None if host_s == times_s else host_s,
            contention=CallContention.of([sample.contention for sample in self.samples]),
            turns=tuple(self.turns),
            page_faults=tuple(sample.page_faults for sample in self.samples),
            processor_s=tuple(sample.processor_s for sample in self.samples),
        )


def _parts(timings: Sequence[CallTiming]) -> dict[str, tuple[float, ...]]:
    """Seconds of each part of a training step by its name; nothing for a step without parts."""
    columns = list(zip(*(timing.parts_s for timing in timings), strict=True))
    return dict(zip(PARTS, columns, strict=True)) if len(columns) == len(PARTS) else {}
