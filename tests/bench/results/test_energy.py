"""Energies of networks over rounds: values, ratios, and how sure they are."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.results.energy import EnergyPoint, find_energy
from bench.results.energy_use import EnergyUse, EnergyWindow
from bench.results.record import Record, Status
from bench.results.statistics import estimate_difference
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.example_results import GPU_READING
from tests.bench.measuring.clock import QUIET

BUSY = replace(QUIET, wall_s=5.0, others_cpu_s=5.0)
ONE, OTHER = "ours", "other"


def window(power_w: float, n_calls: int = 0, **changes: Any) -> EnergyWindow:
    made = EnergyWindow(5.0, {ONE: 5.0 * power_w, OTHER: 5.25 * power_w}, n_calls, QUIET)
    return replace(made, **changes)


def use(
    work_w: float, before_w: float = 10.0, after_w: float = 10.0, update_s: float = 0.0, **more: Any
) -> EnergyUse:
    """Ten calls of half a second for a second of audio each: half of the watts are gross."""
    return EnergyUse(
        ONE,
        update_s,
        audio_s=1.0,
        before=window(before_w),
        work=window(work_w, n_calls=10),
        after=window(after_w),
        **more,
    )


def records(model: str, *uses: EnergyUse) -> list[Record]:
    return [
        make_record(make_job(model, "energy", round_index=index), one)
        for index, one in enumerate(uses)
    ]


def point(*uses: EnergyUse) -> EnergyPoint:
    found = find_energy(records("a", *uses), base="a")
    assert found is not None
    (only,) = found.points
    return only


def test_of_equal_rounds_the_values_are_those_of_one() -> None:
    found = point(use(30.0), use(30.0), use(30.0))
    assert (found.gross.value, found.net.value) == (15.0, 10.0)
    assert found.gross.is_trusted
    assert found.net.is_trusted
    assert (found.gross.n_processes, found.gross.n_samples) == (3, 30)
    assert (found.idle_w, found.power_w) == ((10.0, 10.0), 30.0)


def test_the_interval_is_students_over_processes_and_what_the_steps_leave_open() -> None:
    """A tenth of a second of 5 is 2 % of each window: of 30 W, and of the mean of both rests."""
    found = point(*(use(work_w, update_s=0.1) for work_w in (29.0, 30.0, 31.0)))
    spread = float(stats.t(2).ppf(0.975) * 0.5 / 3**0.5)
    assert found.net.value == pytest.approx(10.0)
    assert found.net.interval is not None
    half = (found.net.interval.high - found.net.interval.low) / 2
    assert half == pytest.approx(spread + 0.02 * (30.0 + 10.0) / 2)
    assert found.gross.interval is not None
    half = (found.gross.interval.high - found.gross.interval.low) / 2
    assert half == pytest.approx(spread + 0.02 * 30.0 / 2)


def test_a_power_at_rest_that_moves_makes_the_net_a_range_and_not_the_gross() -> None:
    """Between 10 and 18 W at rest, 20 W at work: 6 W above, give or take 4."""
    found = point(*[use(20.0, before_w=10.0, after_w=18.0)] * 3)
    assert found.net.value == pytest.approx(3.0)
    assert found.idle_off_j == pytest.approx(2.0)
    assert not found.net.is_trusted
    assert found.net.span == pytest.approx((1.0, 5.0))
    assert found.gross.is_trusted
    assert found.idle_w == (10.0, 18.0)


@given(work_w=st.floats(5.0, 15.0), update_s=st.floats(0.0, 0.4))
def test_work_that_takes_no_more_than_rest_is_never_a_number(
    work_w: float, update_s: float
) -> None:
    """Rests of 15 W: zero or less is left, and no ratio can be formed."""
    found = point(*[use(work_w, 15.0, 15.0, update_s)] * 3)
    assert not found.net.is_trusted
    assert found.net_ratio is None
    assert found.net.span[0] <= found.net.value <= found.net.span[1]


def test_two_processes_are_a_range_of_what_was_seen() -> None:
    found = point(use(30.0, update_s=0.05), use(34.0, update_s=0.05))
    assert not found.gross.is_trusted
    off = 0.01 * 32.0 / 2
    assert found.gross.span == pytest.approx((15.0 - off, 17.0 + off))


@pytest.mark.parametrize("moment", ["before", "work", "after"])
def test_a_disturbed_process_counts_only_where_no_other_is_left(moment: str) -> None:
    busy = replace(use(90.0), **{moment: replace(getattr(use(90.0), moment), contention=BUSY)})
    found = point(use(30.0), busy, use(30.0), use(30.0))
    assert (found.gross.value, found.gross.n_processes, found.n_disturbed) == (15.0, 3, 1)
    alone = point(busy, busy, busy)
    assert (alone.gross.n_processes, alone.n_disturbed) == (0, 3)
    assert alone.gross.value == 45.0
    assert not alone.gross.is_trusted


def test_ratios_are_of_the_same_rounds() -> None:
    """Both took twice as much in the second: their ratio is the same."""
    base = [use(30.0), use(50.0), use(30.0)]
    ours = [use(50.0), use(90.0), use(50.0)]
    found = find_energy([*records("base", *base), *records("ours", *ours)], "base")
    assert found is not None
    one = found.point_of("ours", "inference")
    assert one is not None
    assert one.net_ratio is not None
    assert one.net_ratio.value == pytest.approx(2.0)
    assert one.net_ratio.half_width == pytest.approx(0.0)
    assert one.gross_ratio is not None
    assert one.gross_ratio.value == pytest.approx((50 / 30 + 90 / 50 + 50 / 30) / 3)
    without = find_energy(records("ours", *ours), "base")
    assert without is not None
    assert without.points[0].net_ratio is None


def test_what_a_ratio_leaves_open_is_what_both_values_do() -> None:
    base, ours = [use(30.0, update_s=0.05)] * 3, [use(50.0, update_s=0.05)] * 3
    found = find_energy([*records("base", *base), *records("ours", *ours)], "base")
    assert found is not None
    one = found.point_of("ours", "inference")
    assert one is not None
    assert one.gross_ratio is not None
    assert one.gross_ratio.half_width == pytest.approx(0.02)
    assert one.net_ratio is not None
    assert one.net_ratio.half_width == pytest.approx(0.01 * (60 / 40 + 40 / 20))


def test_two_ways_are_held_against_each_other_at_work_and_at_rest() -> None:
    before = window(10.0, energies_j={ONE: 50.0, OTHER: 60.0})
    after = window(10.0, energies_j={ONE: 50.0})
    both = replace(use(30.0, other_counter=OTHER), before=before, after=after)
    found = point(both, both, both)
    assert found.apart == pytest.approx(0.05)
    assert found.idle_apart == pytest.approx(0.2)
    assert (point(use(30.0)).apart, point(use(30.0)).idle_apart) == (None, None)


def test_a_gpu_that_others_compute_on_is_shared() -> None:
    others = replace(GPU_READING, n_other_processes=1, n_other_graphics=0)
    assert point(use(30.0, gpu=others)).is_shared
    assert not point(use(30.0, gpu=replace(others, n_other_processes=0))).is_shared


def test_failures_are_by_phase_and_network_and_nothing_is_a_summary_of_nothing() -> None:
    failed = fail(records("a", use(1.0))[0], Status.UNSUPPORTED, "No counter.")
    found = find_energy([failed], "a")
    assert found is not None
    assert found.points == ()
    assert found.failures == {("inference", "a"): (Status.UNSUPPORTED, "No counter.")}
    assert find_energy([make_record(make_job("a"))], "a") is None


@given(values=st.lists(st.floats(-100, 100), min_size=1, max_size=12), bound=st.floats(0, 10))
def test_a_difference_is_widened_by_its_bound_to_both_sides(
    values: list[float], bound: float
) -> None:
    plain, wide = (estimate_difference(values, off, 7) for off in (0.0, bound))
    assert wide.value == plain.value
    assert wide.n_samples == 7
    assert wide.seen == pytest.approx((min(values) - bound, max(values) + bound))
    assert (wide.interval is None) == (len(values) < 3)
    if wide.interval and plain.interval:
        assert wide.interval.low == pytest.approx(plain.interval.low - bound)
        assert wide.interval.high == pytest.approx(plain.interval.high + bound)
