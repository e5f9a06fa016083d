"""Turns: ratios against a plain reference, and undisturbed calls that say what is true."""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator

from bench.results.contention import CallContention
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.statistics import estimate
from bench.results.turns import estimate_ratio, estimate_time, ratios_of_turns, times_by_round
from tests.bench.example_records import fail, make_job, make_record, make_rounds
from tests.bench.example_results import undisturbed

Call = tuple[int, float, bool]  # turn, seconds, disturbed


def waiting(shares: Sequence[float], times_s: Sequence[float]) -> CallContention:
    """Each call waited a share of its time for a processor."""
    waits_s = tuple(share * time_s for share, time_s in zip(shares, times_s, strict=True))
    return replace(undisturbed(len(times_s)), wait_s=waits_s)


def of_calls(calls: Sequence[Call]) -> LatencyTimes:
    times_s = tuple(time_s for _, time_s, _ in calls)
    shares = [0.5 if is_disturbed else 0.0 for _, _, is_disturbed in calls]
    turns = tuple(turn for turn, _, _ in calls)
    return LatencyTimes(times_s, contention=waiting(shares, times_s), turns=turns)


def calls_of_a_process() -> st.SearchStrategy[list[Call]]:
    """Of some of eight turns, in their order."""
    call = st.tuples(st.integers(0, 7), st.floats(1e-3, 10), st.booleans())
    return st.lists(call, min_size=1, max_size=8, unique_by=lambda call: call[0]).map(sorted)


@given(calls_of_a_process(), calls_of_a_process())
def test_ratios_are_of_the_turns_that_both_made_undisturbed(
    ours: list[Call], base: list[Call]
) -> None:
    expected = [
        our_s / base_s
        for turn, our_s, is_ours_disturbed in ours
        for base_turn, base_s, is_base_disturbed in base
        if turn == base_turn and not is_ours_disturbed and not is_base_disturbed
    ]
    assert ratios_of_turns(of_calls(ours), of_calls(base)) == expected


@given(st.lists(st.floats(0.5, 50), min_size=3, max_size=8), st.floats(0.1, 10))
def test_what_slows_a_whole_turn_cancels(speeds: list[float], ratio: float) -> None:
    base = LatencyTimes(tuple(speeds), turns=tuple(range(len(speeds))))
    ours = replace(base, times_s=tuple(ratio * speed for speed in speeds))
    assert ratios_of_turns(ours, base) == pytest.approx([ratio] * len(speeds))


def test_processes_without_turns_have_the_ratio_of_their_undisturbed_medians() -> None:
    ours = replace(of_calls([(0, 2.0, False), (1, 9.0, True), (2, 4.0, False)]), turns=None)
    base = of_calls([(0, 1.0, False), (1, 2.0, False), (2, 90.0, False)])
    assert ratios_of_turns(ours, replace(base, turns=None)) == [1.5]
    assert ratios_of_turns(ours, base) == ratios_of_turns(base, ours) == []  # one ran alone
    assert ratios_of_turns(of_calls([(0, 1.0, True)]), base) == []


def in_rounds(rounds: dict[int, list[Call]]) -> list[Record]:
    return [
        make_record(make_job(round_index=index), of_calls(calls)) for index, calls in rounds.items()
    ]


def test_rounds_are_matched_by_their_number_and_those_without_a_pair_left_out() -> None:
    ours = in_rounds({0: [(0, 2.0, False)], 1: [(0, 3.0, False)], 2: [(0, 9.0, True)]})
    base = in_rounds({3: [(0, 7.0, False)], 2: [(0, 1.0, False)], 1: [(0, 1.0, False)]})
    ratio = estimate_ratio(ours, base)
    assert ratio is not None
    assert (ratio.value, ratio.n_processes, ratio.n_samples) == (3.0, 1, 1)
    assert estimate_ratio(ours[:1], base) is None
    assert estimate_ratio(ours[2:], base) is None


def test_a_turn_that_short_calls_fill_is_one_ratio_of_their_median() -> None:
    """Also where the other network makes one call in it."""
    short = of_calls([(0, 1.0, False), (0, 9.0, True), (0, 2.0, False), (0, 3.0, False)])
    long = of_calls([(0, 4.0, False)])
    assert ratios_of_turns(short, long) == [0.5]
    assert ratios_of_turns(long, short) == [2.0]


def test_a_ratio_to_itself_is_one_without_doubt() -> None:
    records = make_rounds([[1.0, 1.3, 0.9]] * 4, turns=(0, 1, 2))
    ratio = estimate_ratio(records, records)
    assert ratio is not None
    assert ratio.interval is not None
    assert (ratio.value, ratio.interval.low, ratio.interval.high) == (1, 1, 1)


def test_only_rounds_that_measured_something_are_there() -> None:
    first, second, third = make_rounds([[1.0], [2.0], []])
    found = times_by_round([first, fail(second, Status.TIMEOUT, "Slow."), third])
    assert {index: times.times_s for index, times in found.items()} == {0: (1.0,)}


def test_a_time_is_of_undisturbed_calls_alone() -> None:
    quiet, mixed, loud = (
        of_calls([(turn, time_s, is_disturbed) for turn, is_disturbed in enumerate(flags)])
        for time_s, flags in ((1.0, [False] * 3), (2.0, [True, False]), (9.0, [True]))
    )
    assert estimate_time([quiet, mixed, loud]) == estimate([[1.0] * 3, [2.0]])


def test_a_time_without_an_undisturbed_call_is_where_all_calls_lie_and_rests_on_none() -> None:
    loud = [of_calls([(0, time_s, True), (1, time_s + 1, True)]) for time_s in (1.0, 2.0, 4.0)]
    time = estimate_time(loud)
    assert (time.n_processes, time.n_samples, time.is_trusted) == (0, 0, False)
    assert time.span == (1.0, 5.0)


# Replays: calls of a known time, of which others slow some by a known part.

N_ROUNDS, N_CALLS = 8, 25


def replay(
    rng: Generator, true_s: float, is_slowed: np.ndarray, flags: np.ndarray | None
) -> list[LatencyTimes]:
    """Rounds of calls that scatter by 3 % and, where slowed, took half as long again.

    ``flags`` are the calls during which the counters show something.
    """
    scatter = rng.normal(0, 0.02, (N_ROUNDS, 1)) + rng.normal(0, 0.02, (N_ROUNDS, N_CALLS))
    times_s = (true_s * np.exp(scatter) * np.where(is_slowed, 1.5, 1.0)).tolist()
    if flags is None:
        return [LatencyTimes(tuple(times)) for times in times_s]
    return [
        LatencyTimes(tuple(times), contention=crowded(true_s, marks, times))
        for times, marks in zip(times_s, flags, strict=True)
    ]


def crowded(true_s: float, marks: np.ndarray, times_s: list[float]) -> CallContention:
    """What counters show beside short calls (who ran at their ends) and long ones (a share)."""
    if true_s < 1:
        running = tuple(int(mark) for mark in marks)
        return replace(undisturbed(len(times_s)), n_others_running=running)
    return waiting([0.3 if mark else 0.04 for mark in marks], times_s)


def error_of(rounds: Sequence[LatencyTimes], true_s: float) -> float:
    return math.log(estimate_time(rounds).value / true_s)


LENGTHS = [pytest.param(0.03, id="short calls"), pytest.param(6.0, id="long calls")]


@pytest.mark.parametrize("true_s", LENGTHS)
def test_leaving_out_slowed_calls_gives_the_time_without_a_neighbour(true_s: float) -> None:
    """Six calls of ten are slowed: the median of all would be off by 40 %."""
    rng = np.random.default_rng(1)
    errors, errors_of_all = [], []
    for _ in range(100):
        is_slowed = rng.random((N_ROUNDS, N_CALLS)) < 0.6
        state = rng.bit_generator.state
        errors.append(error_of(replay(rng, true_s, is_slowed, is_slowed), true_s))
        rng.bit_generator.state = state
        errors_of_all.append(error_of(replay(rng, true_s, is_slowed, None), true_s))
    assert np.mean(errors) == pytest.approx(0, abs=3 * float(np.std(errors)) / 10)
    assert np.mean(errors_of_all) > 0.3


@pytest.mark.parametrize("true_s", LENGTHS)
def test_marks_that_have_nothing_to_do_with_times_move_nothing(true_s: float) -> None:
    """Counters choose, not times: what is left of calls that nothing slowed is a fair sample."""
    rng = np.random.default_rng(2)
    nothing = np.zeros((N_ROUNDS, N_CALLS), dtype=bool)
    errors = []
    for _ in range(300):
        flags = rng.random((N_ROUNDS, N_CALLS)) < 0.6
        errors.append(error_of(replay(rng, true_s, nothing, flags), true_s))
    assert np.mean(errors) == pytest.approx(
        0, abs=3 * float(np.std(errors)) / math.sqrt(len(errors))
    )


def test_choosing_by_time_would_move_it() -> None:
    """That the test above can tell: without the slowest half of the calls, the time is too low."""
    rng = np.random.default_rng(3)
    nothing = np.zeros((N_ROUNDS, N_CALLS), dtype=bool)
    errors = []
    for _ in range(100):
        rounds = replay(rng, 0.03, nothing, None)
        chosen = [LatencyTimes(tuple(sorted(r.times_s)[: N_CALLS // 2])) for r in rounds]
        errors.append(error_of(chosen, 0.03))
    assert np.mean(errors) < -3 * np.std(errors) / 10


@pytest.mark.parametrize("true_s", LENGTHS)
def test_the_interval_of_undisturbed_calls_covers_the_time_without_a_neighbour(
    true_s: float,
) -> None:
    """Though a third of the calls were slowed, 95 % of 400 runs less 2.5 %."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(400):
        is_slowed = rng.random((N_ROUNDS, N_CALLS)) < 0.33
        interval = estimate_time(replay(rng, true_s, is_slowed, is_slowed)).interval
        assert interval is not None
        covered.append(interval.low <= true_s <= interval.high)
    assert np.mean(covered) >= 0.925


def test_a_ratio_of_turns_is_right_where_both_drift_and_a_neighbour_comes_and_goes() -> None:
    """The machine's speed doubles within a round; a third of the calls is slowed and marked."""
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(60):
        ours: list[Record] = []
        base: list[Record] = []
        for index in range(N_ROUNDS):
            drift = np.linspace(1, 2, N_CALLS)
            for true_s, records in ((0.9, ours), (0.3, base)):
                flags = rng.random(N_CALLS) < 0.33
                times_s = true_s * drift * np.exp(rng.normal(0, 0.02, N_CALLS))
                times_s *= np.where(flags, 1.5, 1.0)
                calls = list(zip(range(N_CALLS), times_s.tolist(), flags.tolist(), strict=True))
                records.append(make_record(make_job(round_index=index), of_calls(calls)))
        ratio = estimate_ratio(ours, base)
        assert ratio is not None
        errors.append(math.log(ratio.value / 3))
    assert np.mean(errors) == pytest.approx(
        0, abs=3 * float(np.std(errors)) / math.sqrt(len(errors))
    )
    assert np.std(errors) < 0.005
    of_medians = [median(r.result.times_s) for r in ours if isinstance(r.result, LatencyTimes)]
    assert median(of_medians) > 1.2  # the times themselves are far off
