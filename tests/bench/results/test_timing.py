"""One latency: what its numbers rest on, and each doubt at its limit."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.results.contention import CallContention
from bench.results.environment import GpuReading
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.timing import Doubt, DoubtKind, LatencySummary, summarize_latency
from tests.bench.example_records import fail, make_job, make_rounds
from tests.bench.example_results import undisturbed

FIVE = [[1.0, 1.0], [1.0, 1.0], [1.0]]


def summarized(records: Sequence[Record], base: Sequence[Record] = ()) -> LatencySummary:
    timing = summarize_latency(records, base)
    assert timing is not None
    return timing


def doubts(times_s: Sequence[Sequence[float]], **measured: Any) -> list[DoubtKind]:
    return [doubt.kind for doubt in summarized(make_rounds(times_s, **measured)).doubts]


def disturbed(*flags: bool) -> CallContention:
    """Own threads waited in the calls that are marked."""
    return replace(undisturbed(len(flags)), wait_s=tuple(1e3 * flag for flag in flags))


def test_nothing_is_said_of_nothing() -> None:
    failed = [fail(record, Status.OOM, "Full.") for record in make_rounds(FIVE)]
    assert summarize_latency(failed, make_rounds(FIVE)) is None
    assert summarize_latency(make_rounds([[]]), ()) is None


def test_three_processes_and_five_calls_are_enough() -> None:
    assert doubts(FIVE) == []
    assert doubts(FIVE[:2]) == [DoubtKind.FEW_PROCESSES, DoubtKind.FEW_CALLS]
    assert doubts([[1.0] * 5, [1.0] * 5]) == [DoubtKind.FEW_PROCESSES]
    assert doubts([[1.0, 1.0], [1.0], [1.0]]) == [DoubtKind.FEW_CALLS]


@pytest.mark.parametrize(
    ("step", "is_marked", "is_trusted"),
    [(0.03, False, True), (0.05, True, True), (0.09, True, True), (0.11, True, False)],
)
def test_a_wide_interval_is_a_doubt_before_it_takes_the_value(
    step: float, is_marked: bool, is_trusted: bool
) -> None:
    """Half the interval of three logarithms 0, a and -a is 2.48 a, by Student's t."""
    timing = summarized(make_rounds([[1.0] * 5, [math.exp(step)] * 5, [math.exp(-step)] * 5]))
    assert timing.latency.half_width == pytest.approx(math.sinh(2.484 * step), rel=1e-3)
    assert [d.kind for d in timing.doubts] == [DoubtKind.WIDE_INTERVAL] * is_marked
    assert all(d.share == timing.latency.half_width for d in timing.doubts)
    assert timing.latency.is_trusted == is_trusted


def test_only_undisturbed_calls_and_processes_with_one_count() -> None:
    records = make_rounds([[1.0, 9.0]] * 3, contention=disturbed(False, True))
    records += make_rounds([[9.0, 9.0]] * 4, contention=disturbed(True, True))[3:]
    timing = summarized(records)
    assert (timing.latency.value, timing.latency.n_processes, timing.latency.n_samples) == (1, 3, 3)
    assert (timing.n_calls, timing.n_disturbed) == (8, 5)
    (doubt,) = timing.doubts
    assert (doubt.kind, doubt.n, doubt.of) == (DoubtKind.FEW_CALLS, 3, 8)
    assert doubt.example is not None
    assert doubt.example.has_waited


def test_processes_without_an_undisturbed_call_are_told_from_those_that_were_not_there() -> None:
    records = make_rounds([[1.0] * 5] * 2, contention=disturbed(*[False] * 5))
    records += make_rounds([[1.0] * 5] * 4, contention=disturbed(*[True] * 5))[2:]
    assert summarized(records).doubts == (Doubt(DoubtKind.FEW_PROCESSES, 2, 4),)


def test_calls_that_nobody_watched_all_count_and_are_not_said_to_be_undisturbed() -> None:
    timing = summarized(make_rounds(FIVE))
    assert (timing.latency.n_samples, timing.n_calls, timing.n_disturbed) == (5, 5, None)
    assert summarized(make_rounds([[1.0]] * 5, contention=undisturbed(1))).n_disturbed == 0


def test_page_faults_first_calls_and_the_end_are_of_all_processes() -> None:
    first, second, third = make_rounds(
        [[1.0, 1.0]] * 3, page_faults=(10, 30), first_time_s=3.0, stopped_by="budget"
    )
    assert isinstance(third.result, LatencyTimes)
    third = replace(
        third,
        result=replace(
            third.result, page_faults=(50, 70), first_time_s=None, stopped_by="precision"
        ),
    )
    timing = summarized([first, second, third])
    assert (timing.page_faults, timing.first_s, timing.stopped_by) == (30, 3.0, "budget")
    unknown = summarized(make_rounds(FIVE))
    assert (unknown.page_faults, unknown.first_s, unknown.stopped_by) == (None, None, "not known")


def test_percentiles_are_of_undisturbed_calls() -> None:
    half = disturbed(*[index % 2 == 1 for index in range(58)])
    timing = summarized(make_rounds([[1.0, 9.0] * 29], contention=half))
    assert timing.percentiles_s == {0.90: 1.0, 0.95: None, 0.99: None}


def test_parts_are_of_undisturbed_calls_or_of_all_where_there_are_none() -> None:
    parts_s = {"forward": (1.0, 5.0, 2.0), "backward": (2.0, 9.0, 4.0)}
    times = [[3.0, 14.0, 6.0]]
    some = make_rounds(times, parts_s=parts_s, contention=disturbed(False, True, False))
    assert summarized(some).parts_s == {"forward": 1.5, "backward": 3.0}
    none = make_rounds(times, parts_s=parts_s, contention=disturbed(True, True, True))
    assert summarized(none).parts_s == {"forward": 2.0, "backward": 4.0}
    (whole,) = make_rounds(times, contention=disturbed(True, True, True))
    another_round = replace(whole, job=make_job(round_index=1))
    assert summarized([another_round, *none]).parts_s == summarized(none).parts_s
    assert summarized([whole]).parts_s == {}


def test_the_ratio_is_to_the_base_of_the_same_rounds() -> None:
    base = make_rounds([[1.0, 2.0]] * 3, turns=(0, 1))
    ours = make_rounds([[3.0, 6.0]] * 3, turns=(0, 1))
    ratio = summarized(ours, base).ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(3.0)
    assert (ratio.n_processes, ratio.n_samples) == (3, 6)
    assert summarized(ours).ratio is None


def test_a_gpu_that_was_slowed_or_shared_is_a_doubt_of_its_own() -> None:
    slowed = {"gpu_slowed_by": ("power cap",), "gpu_during": GpuReading(n_other_processes=1)}
    assert doubts(FIVE, **slowed) == [DoubtKind.GPU_SLOWED, DoubtKind.GPU_SHARED]
