"""Values of several runs: laws of quotients, coverage in a simulation, orders by counting pairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.registry import NULL, TABLE1
from bench.results.record import Status
from bench.results.side_by_side import (
    base_of,
    divide,
    list_entries,
    ratio_within,
    to_value,
    value_in,
)
from bench.results.statistics import LEVEL, WIDEST, Estimate, Interval, estimate
from bench.results.summary import NOT_MEASURED, Value, summarize
from bench.results.timing import Doubt, DoubtKind
from tests.bench.example_records import fail, make_job, make_record, make_rounds
from tests.bench.made_up_runs import NETWORKS, make_run, on_machine

MEMORY = "peak_rss_bytes_inference"
TIME = "latency_s_inference"

sizes = st.floats(1e-6, 1e9)
shares = st.floats(0.0, 0.2)
numbers = st.builds(Value, sizes)
times = st.builds(
    lambda value, below, above: Value(
        value, interval=Interval(value * (1 - below), value * (1 + above), LEVEL)
    ),
    sizes,
    shares,
    shares,
)
ranges = st.builds(lambda low, wide: Value(None, span=(low, low * (1 + wide))), sizes, shares)
values = numbers | times | ranges


@given(numbers | times)
def test_the_ratio_of_a_value_to_itself_is_one(value: Value) -> None:
    found = divide(value, value)
    assert found
    if found.value is None:
        assert found.span
        assert found.span[0] < 1 < found.span[1]
    else:
        assert found.value == 1.0


@given(values, values)
def test_exchanged_runs_have_one_over_the_ratio_and_its_ends(one: Value, other: Value) -> None:
    there, back = divide(one, other), divide(other, one)
    assert there
    assert back
    if there.value is not None and back.value is not None:
        assert back.value == pytest.approx(1 / there.value, rel=1e-9)
    low, high = ends(there)
    assert ends(back) == pytest.approx((1 / high, 1 / low), rel=1e-9)


def ends(value: Value) -> tuple[float, float]:
    if value.span:
        return value.span
    if value.interval:
        return value.interval.low, value.interval.high
    assert value.value is not None
    return value.value, value.value


@given(times, times)
def test_the_interval_holds_the_ratio_and_is_wider_than_either_and_narrower_than_both(
    one: Value, other: Value
) -> None:
    found = divide(one, other)
    assert found
    assert one.value
    assert other.value
    low, high = ends(found)
    assert low <= one.value / other.value * (1 + 1e-12)
    assert high >= one.value / other.value * (1 - 1e-12)
    own, by = (high_ / low_ for low_, high_ in (ends(one), ends(other)))
    assert max(own, by) * (1 - 1e-9) <= high / low <= own * by * (1 + 1e-9)


@given(ranges, values)
def test_the_ratio_of_a_range_is_from_the_smallest_to_the_largest_quotient(
    one: Value, other: Value
) -> None:
    found = divide(one, other)
    assert found
    assert (found.value, found.interval) == (None, None)
    quotients = [mine / theirs for mine in ends(one) for theirs in ends(other)]
    assert found.span == (min(quotients), max(quotients))


def test_a_ratio_that_is_known_too_badly_is_its_interval() -> None:
    wide = Value(1.0, interval=Interval(0.8, 1.24, LEVEL))
    found = divide(wide, wide)
    assert found
    assert found.value is None
    assert found.span
    low, high = found.span
    assert (high - low) / 2 >= WIDEST
    assert low == pytest.approx(math.exp(-math.hypot(math.log(1 / 0.8), math.log(1.24))))


@pytest.mark.parametrize(
    "missing",
    [
        Value(None, Status.OOM, "Full."),
        NOT_MEASURED,
        Value(0.0),
        Value(None, span=(0.0, 1.0)),
    ],
)
def test_without_a_value_or_with_none_above_zero_there_is_no_ratio(missing: Value) -> None:
    assert divide(missing, Value(1.0)) is None
    assert divide(Value(1.0), missing) is None


def test_doubts_are_those_of_both_once() -> None:
    wide, few = Doubt(DoubtKind.WIDE_INTERVAL, share=0.1), Doubt(DoubtKind.FEW_CALLS, 1, 2)
    found = divide(Value(1.0, doubts=(wide, few)), Value(2.0, doubts=(wide,)))
    assert found == Value(0.5, doubts=(wide, few))


@pytest.mark.parametrize("n_rounds", [(3, 3), (3, 12), (5, 8), (12, 12)])
@pytest.mark.parametrize("deviations", [(0.02, 0.02), (0.005, 0.05)])
def test_intervals_of_ratios_cover_the_true_one(
    n_rounds: tuple[int, int], deviations: tuple[float, float]
) -> None:
    """Times of rounds are drawn around two true ones; either interval alone covers its own in 95 %.

    Equal deviations are covered more often: half widths by Student's t of few rounds are added up
    as if they were those of many.
    """
    random, n_trials, truth = np.random.default_rng(0), 1000, (0.2, 0.3)
    n_covered = 0
    for _ in range(n_trials):
        first, second = (
            to_value(estimate([[t] for t in true_s * np.exp(random.normal(0, deviation, n))]))
            for true_s, deviation, n in zip(truth, deviations, n_rounds, strict=True)
        )
        found = divide(with_its_interval(second), with_its_interval(first))
        assert found
        low, high = ends(found)
        n_covered += low <= truth[1] / truth[0] <= high
    error = (LEVEL * (1 - LEVEL) / n_trials) ** 0.5
    assert n_covered / n_trials > LEVEL - 3 * error


def with_its_interval(value: Value) -> Value:
    """Also of a draw that happened to be too wide for a number, or of too few calls."""
    if value.span is None:
        return value
    low, high = value.span
    return Value(math.sqrt(low * high), interval=Interval(low, high, LEVEL))


def test_equal_runs_have_ratios_of_one() -> None:
    run, same = on_machine("A"), on_machine("B")
    for entry in list_entries((run, same)):
        for metric in run.metrics:
            value, by = (value_in(r, entry.name, metric.name) for r in (run, same))
            assert value
            assert by
            found = divide(value, by)
            if value.value != 0:
                assert found
                assert found.value == 1.0


def test_what_takes_twice_as_long_has_a_ratio_of_two_and_the_same_ratios_within() -> None:
    run, slow = on_machine("A"), on_machine("B", factor=2.0)
    for entry in NETWORKS:
        value, by = (value_in(r, entry.name, TIME) for r in (slow, run))
        assert value
        assert by
        found = divide(value, by)
        assert found
        assert found.value == pytest.approx(2.0, rel=1e-12)
        assert ratio_within(slow, entry.name, TIME) == ratio_within(run, entry.name, TIME)


@pytest.mark.parametrize("metric", [TIME, "latency_s_update", MEMORY, "peak_rss_bytes_update"])
def test_ratios_within_a_run_are_to_its_base(metric: str) -> None:
    """The networks cost 1, 2 and 3 times the first, and the second is the base."""
    run = on_machine("A")
    assert base_of(run) == "sudormrf-1.0x"
    for entry, cost in zip(NETWORKS, (1, 2, 3), strict=True):
        found = ratio_within(run, entry.name, metric)
        assert found
        assert found.value == pytest.approx(cost / 2, rel=1e-6)


def test_the_ratio_within_of_times_is_that_of_turns() -> None:
    """A slow round slows both: the ratio is known exactly, and the times are not."""
    ours, base = (
        make_rounds([[size * t] * 2 for t in (1.0, 1.5, 1.2)], make_job(name), turns=(0, 1))
        for name, size in (("dprnn", 3.0), ("sudormrf-1.0x", 1.0))
    )
    run = summarize([*ours, *base])
    found = ratio_within(run, "dprnn", TIME)
    assert found
    assert found.value == pytest.approx(3.0, rel=1e-12)
    assert found.interval
    assert found.interval.relative_width(3.0) < 1e-9


def test_a_network_of_another_run_has_no_value_and_no_ratio_within() -> None:
    run = on_machine("A")
    assert value_in(run, "demucs", TIME) is None
    assert ratio_within(run, "demucs", TIME) is None
    assert value_in(run, NETWORKS[0].name, "latency_s_gpu_inference") is NOT_MEASURED
    assert ratio_within(run, NETWORKS[0].name, "latency_s_gpu_inference") is None


def test_of_counts_alone_the_reference_is_the_base_too() -> None:
    counts = [r for r in make_run() if r.job.probe in ("operations", "memory")]
    run = summarize(counts)
    assert run.base is None
    assert base_of(run) == "sudormrf-1.0x"
    found = ratio_within(run, NETWORKS[2].name, MEMORY)
    assert found
    assert found.value == pytest.approx(1.5, rel=1e-6)
    assert ratio_within(run, NETWORKS[2].name, TIME) is None


def test_a_base_that_failed_leaves_no_ratio() -> None:
    records = [
        fail(r, Status.OOM, "Full.") if r.job.model == "sudormrf-1.0x" else r for r in make_run()
    ]
    run = summarize(records)
    assert base_of(run) == NETWORKS[0].name  # of times the first that has some
    gone = summarize([r for r in records if r.job.probe != "latency"])
    assert base_of(gone) == "sudormrf-1.0x"
    assert ratio_within(gone, NETWORKS[0].name, MEMORY) is None


def test_entries_are_those_of_any_run_in_one_order_whatever_that_of_the_runs() -> None:
    own = [make_record(make_job(name, factory=name)) for name in ("z:z", "a:a")]
    runs = [summarize(own), summarize(make_run(TABLE1[:2])), on_machine("A")]
    names = [entry.name for entry in list_entries(runs)]
    assert names == [*(e.name for e in (*TABLE1[:2], *NETWORKS)), "a:a", "z:z"]
    assert list_entries(runs[::-1]) == list_entries(runs)
    assert NULL.name not in names


def test_an_estimate_that_can_not_be_trusted_is_a_range() -> None:
    few = Estimate(1.0, None, 1, 9, (0.9, 1.2))
    assert to_value(few) == Value(None, span=(0.9, 1.2))
    sure = Estimate(1.0, Interval(0.9, 1.1, LEVEL), 5, 9, (0.8, 1.3))
    assert to_value(sure) == Value(1.0, interval=Interval(0.9, 1.1, LEVEL))
