"""Several processes as one profile: means add up, and intervals are those over processes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.results.costs import Costs
from bench.results.joined_profiles import join_profiles
from bench.results.lined_up import Profiled, line_up_sections
from bench.results.profile import MemoryTimeline, Profile
from bench.results.statistics import LEVEL
from tests.bench.example_results import undisturbed
from tests.bench.made_up_profiles import make_profile, make_row

times = st.lists(st.floats(0.01, 1), min_size=4, max_size=4)
PATHS = ("encoder", "separator.blocks.0", "decoder")


@st.composite
def made_processes(draw: st.DrawFn) -> list[Profile]:
    """Of one network; a row may be in some of them only."""
    processes = []
    for _ in range(draw(st.integers(1, 5))):
        paths = [PATHS[0], *draw(st.lists(st.sampled_from(PATHS[1:]), unique=True))]
        rows = [make_row(path, "mm", draw(times), macs=10) for path in paths]
        processes.append(make_profile(rows, draw(st.floats(0, 1))))
    return processes


def step_s(profile: Profile) -> float:
    return Costs(profile).whole_s


@given(made_processes())
def test_the_joined_step_is_the_mean_of_the_processes(processes: list[Profile]) -> None:
    joined = join_profiles(processes)
    expected = sum(map(step_s, processes)) / len(processes)
    assert step_s(joined) == pytest.approx(expected)
    for path in PATHS:
        found = [Costs(one).by(lambda place: place.module).get(path) for one in processes]
        mean_s = sum(cost.time_s for cost in found if cost) / len(processes)
        cost = Costs(joined).by(lambda place: place.module).get(path)
        assert (cost.time_s if cost else 0) == pytest.approx(mean_s)


def test_an_interval_is_over_processes_however_steady_their_steps_are() -> None:
    levels = [0.010, 0.011, 0.013, 0.012]
    processes = [make_profile([make_row("encoder", "mm", [level] * 20)]) for level in levels]
    cost = Costs(join_profiles(processes)).of([0])
    low, high = stats.ttest_1samp(levels, 0).confidence_interval(LEVEL)
    assert cost.time_s * cost.half_width == pytest.approx((high - low) / 2)


def test_what_is_counted_is_the_first_ones() -> None:
    """Rows keep their numbers, by which the memory names them."""
    memory = MemoryTimeline(0, (1,), (8,), (1,), (0,))
    encoder, decoder = (make_row(path, "mm", [1.0] * 3, macs=10) for path in PATHS[::2])
    first = make_profile([encoder, decoder], memory=memory)
    more = replace(encoder, macs=11)
    other = make_profile([make_row("new", "mm", [1.0] * 3, macs=5), decoder, more])
    joined = join_profiles([first, other])
    assert [row.place.module for row in joined.rows] == ["encoder", "decoder", "new"]
    assert [row.macs for row in joined.rows] == [10, 10, 5]
    assert Costs(joined).of([1]).allocated_bytes == 8


def test_disturbed_steps_count_in_no_process() -> None:
    calm = make_profile([make_row("encoder", "mm", [0.5] * 4)])
    waits = replace(undisturbed(4), wait_s=(0.0, 0.0, 0.0, 8.0))
    slow = make_profile([make_row("encoder", "mm", [0.5, 0.5, 0.5, 8.0])])
    slow = replace(slow, profiled_contention=waits, plain_contention=waits)
    joined = join_profiles([calm, slow])
    assert joined.profiled_times_s == (0.5, 0.5)
    assert joined.plain_times_s == (0.25, 0.25)
    assert joined.rows[0].times_s == (0.5, 0.5)


def test_one_slow_process_is_noise_and_not_a_difference() -> None:
    def process(level: float) -> Profile:
        steps = [level * factor for factor in (0.999, 1.0, 1.001, 1.0)]
        return make_profile([make_row("encoder", "mm", steps)])

    base = Profiled.of("old", [process(level) for level in (1.0, 1.01, 0.99, 1.0)])
    head = Profiled.of("new", [process(level) for level in (1.01, 1.0, 0.99, 1.5)])
    found = line_up_sections(base, head)
    assert found.n_processes == (4, 4)
    assert found.most_different is None
    alone = line_up_sections(Profiled("old", process(1.0)), Profiled("new", process(1.5)))
    assert alone.most_different is not None
