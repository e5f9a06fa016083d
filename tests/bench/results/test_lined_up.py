"""Profiles side by side: lines add up to the step, and sides are told apart where they differ."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.results.lined_up import (
    REST,
    WHOLE,
    LinedUp,
    LinedUpLine,
    Profiled,
    Where,
    kind_of,
    line_up,
    line_up_modules,
    line_up_sections,
)
from bench.results.profile import BETWEEN, MemoryTimeline, Profile, ProfileRow
from tests.bench.example_results import undisturbed
from tests.bench.made_up_profiles import make_profile, make_row

MODULES = (
    "",
    "encoder",
    "encoder.0",
    "separator.bottleneck",
    "separator.blocks.0.expand",
    "separator.blocks.1",
    "separator.mask_head",
    "decoder",
)
OPERATORS = (BETWEEN, "convolution", "convolution_backward", "add_", "add", "native_group_norm")
N_STEPS = 4
WAYS: dict[str, Callable[[Profiled, Profiled], LinedUp]] = {
    "sections": line_up_sections,
    **{f"depth {depth}": partial(line_up_modules, depth=depth) for depth in (1, 2, 3)},
}
ways = pytest.mark.parametrize("way", WAYS)


@st.composite
def made_rows(draw: st.DrawFn) -> ProfileRow:
    part = draw(st.sampled_from(("forward", "loss", "backward", "optimiser")))
    is_in_module = part in ("forward", "backward")
    times_s = draw(st.lists(st.floats(0, 1), min_size=N_STEPS, max_size=N_STEPS))
    return make_row(
        draw(st.sampled_from(MODULES)) if is_in_module else "",
        draw(st.sampled_from(OPERATORS)),
        times_s,
        part,
        calls=draw(st.integers(0, 9)),
        macs=draw(st.integers(0, 1000)),
        bytes_read=draw(st.integers(0, 1000)),
    )


@st.composite
def made_profiles(draw: st.DrawFn) -> Profile:
    """Of a network with an encoder, whose steps take some time that no row has."""
    rows = draw(st.lists(made_rows(), min_size=0, max_size=8))
    encoder = make_row("encoder", "convolution", draw(st.sampled_from(([1.0] * 4, [1, 2, 1, 2]))))
    return make_profile([*rows, encoder], draw(st.floats(0, 1)))


def compare(way: str, base: Profile, head: Profile) -> LinedUp:
    return WAYS[way](Profiled("old", base), Profiled("new", head))


def by_where(lines: Sequence[LinedUpLine]) -> dict[Where, LinedUpLine]:
    assert len({line.where for line in lines}) == len(lines)
    return {line.where: line for line in lines}


def assert_add_up(lines: Sequence[LinedUpLine], total: LinedUpLine) -> None:
    for side in ("base", "head"):
        spent, whole = [getattr(line, side) for line in lines], getattr(total, side)
        costs = [one.cost for one in spent if one]
        whole_s = whole.cost.time_s if whole else 0
        assert sum(cost.time_s for cost in costs) == pytest.approx(whole_s, abs=1e-9)
        for count in ("calls", "macs", "bytes_moved"):
            n = sum(getattr(cost, count) for cost in costs)
            assert n == (getattr(whole.cost, count) if whole else 0)
    difference_s = sum(line.time.value_s for line in lines)
    assert difference_s == pytest.approx(total.time.value_s, abs=1e-9)


@ways
@given(base=made_profiles(), head=made_profiles())
def test_lines_add_up_to_the_step(way: str, base: Profile, head: Profile) -> None:
    found = compare(way, base, head)
    assert_add_up(found.lines, found.total)
    for side, profile in ((found.total.base, base), (found.total.head, head)):
        assert side is not None
        mean_s = sum(profile.profiled_times_s) / N_STEPS
        assert side.cost.time_s == pytest.approx(mean_s)


@ways
@given(base=made_profiles(), head=made_profiles())
def test_operators_add_up_to_their_line(way: str, base: Profile, head: Profile) -> None:
    found = compare(way, base, head)
    if found.most_different:
        assert_add_up(found.operators, found.most_different)
    else:
        assert found.operators == ()


@ways
@given(base=made_profiles(), head=made_profiles())
def test_swapped_sides_negate_all_differences(way: str, base: Profile, head: Profile) -> None:
    there, back = compare(way, base, head), compare(way, head, base)
    others = by_where(back.lines)
    assert by_where(there.lines).keys() == others.keys()
    for line in there.lines:
        other = others[line.where]
        assert (line.base, line.head) == (other.head, other.base)
        assert line.time.value_s == -other.time.value_s
    assert there.plain.value_s == -back.plain.value_s


@ways
@given(profile=made_profiles())
def test_a_profile_differs_from_itself_nowhere(way: str, profile: Profile) -> None:
    found = compare(way, profile, profile)
    assert {line.time.value_s for line in (*found.lines, found.total)} == {0.0}
    assert all(line.time.is_within_noise for line in (*found.lines, found.total))
    assert found.most_different is None


@ways
@given(base=made_profiles(), head=made_profiles())
def test_what_costs_most_more_comes_first(way: str, base: Profile, head: Profile) -> None:
    found = compare(way, base, head)
    differences_s = [line.time.value_s for line in found.lines]
    assert differences_s == sorted(differences_s, reverse=True)
    for n in (1, 3, 100):
        largest = found.largest(n)
        assert len(largest) == min(n, len(found.lines))
        least = min(abs(line.time.value_s) for line in largest)
        left_out = [line for line in found.lines if line not in largest]
        assert all(abs(line.time.value_s) <= least for line in left_out)


TICK_S = 2**-10
"""Multiples of it are added without rounding."""


def steady(n_ticks: int, n_steps: int = 5) -> list[float]:
    return [n_ticks * TICK_S] * n_steps


OLD = make_profile(
    [
        make_row("encoder", "convolution", steady(10)),
        make_row("separator.blocks.0", "convolution", steady(10)),
        make_row("separator.blocks.0", "native_batch_norm", steady(5)),
        make_row("separator.blocks.0", "add_", steady(1)),
        make_row("separator.blocks.0", BETWEEN, steady(2)),
        make_row("decoder", "convolution", steady(10)),
    ],
    rest_s=4 * TICK_S,
)


def changed(module: str, operator: str, times_s: Sequence[float], profile: Profile) -> Profile:
    """The same with other times of one row."""
    rows = [
        replace(row, times_s=tuple(times_s))
        if (row.place.module, row.place.operator) == (module, operator)
        else row
        for row in profile.rows
    ]
    return make_profile(rows, rest_s=4 * TICK_S)


NEW = changed(
    "separator.blocks.0",
    "convolution",
    steady(13),
    changed("separator.blocks.0", "native_batch_norm", steady(4), OLD),
)


@ways
def test_a_known_difference_is_found_where_it_is(way: str) -> None:
    found = compare(way, OLD, NEW)
    line = found.most_different
    assert line is found.lines[0]
    assert line.time.value_s == 2 * TICK_S
    assert [one for one in found.lines if not one.time.is_within_noise] == [line]
    kinds = {one.where.name: one.time.value_s for one in found.operators}
    expected = {"convolution": 3 * TICK_S, "batch norm": -TICK_S, "add": 0.0, BETWEEN: 0.0}
    assert kinds == expected
    assert next(iter(kinds)) == "convolution"
    assert found.total.where == WHOLE
    assert found.total.time.value_s == 2 * TICK_S
    assert found.plain.value_s == TICK_S


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("convolution_backward", "convolution"),
        ("native_group_norm", "group norm"),
        ("_native_batch_norm_legit", "batch norm legit"),
        ("add_", "add"),
        (BETWEEN, ""),
    ],
)
def test_ways_to_run_an_operator_are_one_kind(operator: str, kind: str) -> None:
    assert kind_of(operator) == kind


def test_the_parts_of_a_step_are_lines_of_their_own() -> None:
    rows = [
        make_row("encoder", "convolution", steady(10), part) for part in ("forward", "backward")
    ]
    rows += [make_row("", "add", steady(10), part) for part in ("loss", "backward", "optimiser")]
    found = compare("sections", make_profile(rows), make_profile(rows))
    assert by_where(found.lines).keys() == {
        Where("forward", "encoder"),
        Where("backward", "encoder"),
        Where("backward", ""),
        Where("loss", ""),
        Where("optimiser", ""),
        Where(REST, ""),
    }


def test_a_difference_within_the_scatter_is_no_difference() -> None:
    wide = changed("encoder", "convolution", [0.006, 0.014, 0.010, 0.008, 0.018], OLD)
    line = by_where(compare("sections", OLD, wide).lines)[Where("forward", "encoder")]
    assert line.time.value_s > 0
    assert line.time.is_within_noise


def test_a_path_of_one_side_stands_alone() -> None:
    old = make_profile([make_row("encoder", "convolution", steady(10))])
    new = make_profile([*old.rows, make_row("encoder.gate.0", "mul", steady(1))])
    lines = by_where(compare("depth 2", old, new).lines)
    alone = lines[Where("forward", "encoder.gate")]
    assert alone.base is None
    assert alone.time.value_s == TICK_S
    assert lines[Where("forward", "encoder")].time.value_s == 0


def test_networks_without_a_common_part_are_told_with_the_parts_of_both() -> None:
    waves = make_profile(
        [make_row("decoder", "mm", steady(10)), make_row("encoder", "mm", steady(10))]
    )
    spectra = make_profile(
        [make_row("lstm", "lstm", steady(10)), make_row("fc.0", "mm", steady(10))]
    )
    with pytest.raises(UsageError) as caught:
        line_up(Profiled("waves", waves), Profiled("spectra", spectra), 2)
    assert "waves has encoder, decoder, and spectra has lstm, fc." in str(caught.value)


def test_equal_modules_are_lined_up_by_path_and_others_by_section() -> None:
    deeper = make_profile([*OLD.rows, make_row("separator.blocks.1", "convolution", steady(10))])
    old = Profiled("old", OLD)
    same, other = (line_up(old, Profiled("new", profile), 3) for profile in (NEW, deeper))
    assert Where("forward", "separator.blocks.0") in by_where(same.lines)
    line = by_where(other.lines)[Where("forward", "blocks")]
    assert line.time.value_s == 10 * TICK_S
    assert line.base is not None


def test_the_peak_of_a_line_is_the_most_alive_while_its_operators_run() -> None:
    """The encoder's operator makes 10 and 20 bytes, the decoder's frees the first and makes 5."""
    rows = [make_row(module, "convolution", steady(10)) for module in ("encoder", "decoder")]
    memory = MemoryTimeline(100, (0, 1), (10, 20, 5), (1, 2, -1, 3), (0, 0, 1, 1))
    profile = make_profile(rows, memory=memory)
    found = compare("sections", profile, profile)
    lines = by_where(found.lines)
    spent = [lines[Where("forward", name)].base for name in ("encoder", "decoder")]
    spent += [lines[Where(REST, "")].base, found.total.base]
    assert [one.peak_bytes for one in spent if one] == [130, 125, None, memory.peak_bytes]
    assert [one.cost.allocated_bytes for one in spent if one] == [30, 5, 0, 35]


def test_disturbed_steps_count_on_neither_side() -> None:
    """The last of four waited for a processor all the time."""
    rows = [make_row("encoder", "convolution", steady(10, 4))]
    slow = [make_row("encoder", "convolution", [*steady(10, 3), 1.0])]
    waits = replace(undisturbed(4), wait_s=(0.0, 0.0, 0.0, 1.0))
    disturbed = replace(make_profile(slow), profiled_contention=waits, plain_contention=waits)
    found = compare("sections", make_profile(rows), disturbed)
    assert found.total.time.value_s == 0
    assert found.plain.value_s == 0
