"""Spread and coverage over runs, on made-up runs whose ratios are known."""

import numpy as np
import pytest

from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.repeatability import Repeatability, summarize_runs
from tests.bench.example_records import fail, make_job, make_record


def a_run(ratios: list[float], speed: float = 1.0) -> list[Record]:
    """One round for each ratio of the network to the base."""
    return [
        make_record(make_job(name, round_index=index), LatencyTimes((speed * value,)))
        for index, ratio in enumerate(ratios)
        for name, value in (("dprnn", ratio), ("demucs", 1.0))
    ]


def summarized(runs: list[list[Record]]) -> Repeatability:
    found = summarize_runs(runs, "dprnn", "demucs")
    assert found is not None
    return found


def test_a_machine_that_slows_down_moves_the_time_and_not_the_ratio() -> None:
    found = summarized([a_run([0.5] * 6, speed) for speed in (1, 2, 3)])
    assert found.pooled == 0.5
    assert (found.spread, found.deviation, found.n_covering) == (0, 0, 3)
    assert found.latency_spread == pytest.approx((1.5 - 0.5) / 1.0)


def test_the_spread_is_from_the_smallest_to_the_largest_run() -> None:
    found = summarized([a_run([value] * 3) for value in (0.9, 1.0, 1.1)])
    assert found.spread == pytest.approx(0.2)
    assert found.deviation == pytest.approx(0.1)
    assert found.n_covering == 1  # runs without any scatter claim to be exact


def test_intervals_of_like_runs_cover_the_pooled_value_about_as_often_as_they_say() -> None:
    """200 runs of six rounds; three standard errors of 95 % are 4.6 %."""
    rng = np.random.default_rng(5)
    runs = [a_run(list(np.exp(rng.normal(0, 0.05, 6)))) for _ in range(200)]
    found = summarized(runs)
    assert found.n_covering / 200 >= 0.95 - 0.046


def drifting_run() -> list[Record]:
    """Ratio 1/2 in each of four rounds, while the machine slows down; one side of two failed."""
    records = [record for k in range(4) for record in a_round(k, 4.0**k)]
    return [fail(r, Status.TIMEOUT, "Slow.") if lost(r) else r for r in records]


def a_round(index: int, speed: float) -> list[Record]:
    return [
        make_record(make_job(name, round_index=index), LatencyTimes((speed * value,)))
        for name, value in (("dprnn", 0.5), ("demucs", 1.0))
    ]


def lost(record: Record) -> bool:
    return (record.job.model, record.job.round) in {("dprnn", 0), ("demucs", 2)}


def test_times_are_compared_within_their_round_where_other_rounds_failed() -> None:
    """By position, a time would meet that of a machine four times slower or faster."""
    found = summarized([drifting_run(), drifting_run()])
    assert (found.pooled, found.spread) == (0.5, 0)
    assert [run.n_processes for run in found.runs] == [2, 2]


def test_a_run_without_a_common_round_does_not_count() -> None:
    apart = [r for r in a_run([0.5] * 2) if (r.job.model == "dprnn") == (r.job.round == 0)]
    assert summarize_runs([apart, a_run([0.5])], "dprnn", "demucs") is None
    found = summarized([apart, a_run([0.5]), a_run([0.5])])
    assert len(found.runs) == 2
