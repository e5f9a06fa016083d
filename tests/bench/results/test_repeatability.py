"""Deviation, coverage and marks over runs, against plain computations on made-up runs."""

from statistics import geometric_mean, median, stdev

import numpy as np
import pytest

from bench.results.contention import CallContention
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.repeatability import FAR, Repeatability, is_marked, repeat_ratio, repeat_time
from bench.results.statistics import LEVEL, Estimate, Interval
from bench.results.timing import NOISY_WIDTH
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.example_results import undisturbed


def a_round(index: int, ratio: float, speed: float = 1.0) -> list[Record]:
    """Two turns of the network and of the base."""
    return [
        make_record(
            make_job(name, round_index=index), LatencyTimes((speed * value,) * 2, turns=(0, 1))
        )
        for name, value in (("dprnn", ratio), ("demucs", 1.0))
    ]


def a_run(ratios: list[float], speed: float = 1.0) -> list[Record]:
    """One round for each ratio of the network to the base."""
    return [record for k, ratio in enumerate(ratios) for record in a_round(k, ratio, speed)]


def repeated(runs: list[list[Record]], selects: bool = True) -> Repeatability:
    found = repeat_ratio(runs, "dprnn", "demucs", selects)
    assert found is not None
    return found


def test_a_machine_that_slows_down_moves_the_time_and_not_the_ratio() -> None:
    runs = [a_run([0.5] * 3, speed) for speed in (1, 2, 4)]
    ratio, time = repeated(runs), repeat_time(runs, "dprnn")
    assert time is not None
    assert ratio.pooled == pytest.approx(0.5)
    assert (ratio.deviation, ratio.n_covering) == (0, 3)
    assert [run.value for run in time.runs] == pytest.approx([0.5, 1.0, 2.0])
    assert time.deviation == pytest.approx(stdev([0.5, 1.0, 2.0]) / time.pooled)


def test_the_pooled_value_is_over_all_rounds_and_the_deviation_over_runs() -> None:
    found = repeated([a_run([ratio]) for ratio in (1.0, 1.1, 1.3)])
    pooled = geometric_mean((1.0, 1.1, 1.3))
    assert found.pooled == pytest.approx(pooled)
    assert found.deviation == pytest.approx(stdev([1.0, 1.1, 1.3]) / pooled)


def test_widths_coverage_and_marks_are_those_of_the_runs() -> None:
    def run(value: float, half_width: float, n_processes: int = 3) -> Estimate:
        interval = Interval(value * (1 - half_width), value * (1 + half_width), LEVEL)
        return Estimate(value, interval, n_processes, 9, (value, value))

    runs = [
        run(1.0, 0.01),
        run(1.0 + 0.9 * FAR, 0.99 * NOISY_WIDTH),
        run(1.0 + 1.1 * FAR, 0.05),  # far, and nothing says so
        run(1.0 - 1.1 * FAR, 0.05),  # the same to the other side
        run(1.0 + 1.1 * FAR, 1.1 * NOISY_WIDTH),  # far, and marked
        run(1.0, 0.01, n_processes=2),  # a range
        Estimate(2.0, None, 1, 9, (2.0, 2.0)),
    ]
    found = Repeatability(runs, pooled=1.0)
    assert [is_marked(r) for r in runs] == [False, False, False, False, True, True, True]
    assert (found.n_marked, found.n_wrong) == (3, 2)
    assert found.n_covering == 4
    assert found.half_width == pytest.approx(median(r.half_width for r in runs))


def test_intervals_of_like_runs_cover_the_pooled_value_about_as_often_as_they_say() -> None:
    """100 runs of six rounds; three standard errors of 95 % are 6.5 %."""
    rng = np.random.default_rng(5)
    found = repeated([a_run(list(np.exp(rng.normal(0, 0.05, 6)))) for _ in range(100)])
    assert found.n_covering / 100 >= 0.95 - 0.065


def drifting_run() -> list[Record]:
    """Ratio 1/2 in each of four rounds, while the machine slows down; one side of two failed."""
    records = [record for k in range(4) for record in a_round(k, 0.5, 4.0**k)]
    return [fail(r, Status.TIMEOUT, "Slow.") if lost(r) else r for r in records]


def lost(record: Record) -> bool:
    return (record.job.model, record.job.round) in {("dprnn", 0), ("demucs", 2)}


def test_times_are_compared_within_their_round_where_other_rounds_failed() -> None:
    """By position, a time would meet that of a machine four times slower or faster."""
    found = repeated([drifting_run(), drifting_run()])
    assert found.pooled == pytest.approx(0.5)
    assert found.deviation == 0
    assert [run.n_processes for run in found.runs] == [2, 2]


def test_a_run_without_a_common_round_does_not_count() -> None:
    apart = [r for r in a_run([0.5] * 2) if (r.job.model == "dprnn") == (r.job.round == 0)]
    assert repeat_ratio([apart, a_run([0.5])], "dprnn", "demucs") is None
    assert len(repeated([apart, a_run([0.5]), a_run([0.5])]).runs) == 2


def test_one_run_says_nothing_of_how_runs_differ() -> None:
    assert repeat_ratio([a_run([0.5])], "dprnn", "demucs") is None
    assert repeat_time([a_run([0.5]), []], "dprnn") is None


def test_without_selection_disturbed_calls_count_too() -> None:
    """The second turn of the network was disturbed, and took five times as long."""
    quiet = undisturbed(2)
    waits_s = (0.0, 1.0)
    contention = CallContention(**{**vars(quiet), "wait_s": waits_s})
    disturbed = LatencyTimes((0.5, 2.5), turns=(0, 1), contention=contention)
    run = [replace_result(r, disturbed) for r in a_round(0, 0.5)]
    selected, plain = (repeated([run, run], selects) for selects in (True, False))
    assert [estimate.value for estimate in selected.runs] == [0.5, 0.5]
    assert [estimate.value for estimate in plain.runs] == [median((0.5, 2.5))] * 2
    for selects, value in ((True, 0.5), (False, 1.5)):
        time = repeat_time([run, run], "dprnn", selects)
        assert time is not None
        assert time.pooled == pytest.approx(value)


def replace_result(record: Record, result: LatencyTimes) -> Record:
    return make_record(record.job, result) if record.job.model == "dprnn" else record
