"""The figure of memory shows what the timeline says: its areas add up, its peak is the peak."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bench.render.figures import profile_memory
from bench.render.figures.profile_memory import (
    leave_out_unseen,
    spread,
    thin_out,
    write_memory_figure,
)
from bench.results.alive import Stacks, finer_group_of, stack_up
from bench.results.profile import Profile
from tests.bench.example_profiles import (
    CHAIN,
    Layer,
    MadeUpStep,
    make_profile,
    profile_inference,
    profile_update,
    sudormrf_like,
)

SHARES = st.floats(0, 1)
PROFILES = [profile_inference(CHAIN), profile_update(CHAIN), profile_update(sudormrf_like(2))]


class Kept(Canvas):
    """The canvas that was drawn last, for a look at it."""

    last: Canvas

    def savefig(self, *arguments: object, **options: object) -> None:
        Kept.last = self
        super().savefig(*arguments, **options)  # type: ignore[arg-type]


def draw(profile: Profile, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Axes:
    monkeypatch.setattr(profile_memory, "Canvas", Kept)
    paths = write_memory_figure(profile, "A network", folder / "memory-0.25x")
    assert [path.name for path in paths] == [
        f"memory-0.25x{suffix}" for suffix in (".svg", ".png", ".pdf")
    ]
    return Kept.last.axes[0]


def heights(area: PolyCollection, at: float) -> tuple[float, float]:
    """The lower and the upper edge of an area at a place between two of its corners."""
    xs, ys = np.asarray(area.get_paths()[0].vertices).T
    crossed = [
        float(ys[n]) for n in range(len(xs) - 1) if min(xs[n : n + 2]) < at < max(xs[n : n + 2])
    ]
    return min(crossed), max(crossed)


def shown(profile: Profile) -> Stacks:
    stacks = stack_up(profile.memory, profile.rows, finer_group_of).merge_small()
    return leave_out_unseen(stacks, profile)


def points(line: Line2D) -> list[tuple[float, float]]:
    xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


@pytest.mark.parametrize("profile", PROFILES)
def test_areas_stand_on_each_other_and_add_up_to_what_is_alive(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = draw(profile, tmp_path, monkeypatch)
    areas = [area for area in axis.collections if isinstance(area, PolyCollection)]
    stacks = shown(profile)
    assert [area.get_label() for area in areas] == list(stacks.groups)
    for column, sizes in enumerate(stacks.alive, start=1):
        below = 0.0
        for area, size in zip(areas, sizes, strict=True):
            assert heights(area, column) == pytest.approx((below, below + size))
            below += size


@pytest.mark.parametrize("profile", PROFILES)
def test_the_peak_is_marked_where_it_is_and_named_with_its_value(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = draw(profile, tmp_path, monkeypatch)
    memory = profile.memory
    operator = memory.moments[memory.live_bytes.index(max(memory.live_bytes))]
    column = shown(profile).operators.index(operator) + 1
    marks = [line for line in axis.lines if line.get_marker() == "v"]
    assert [points(mark) for mark in marks] == [[(column, memory.peak_bytes)]]
    assert axis.get_ylim()[1] > memory.peak_bytes


def test_the_peaks_label_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axis = draw(profile_update(CHAIN), tmp_path, monkeypatch)
    assert "peak 3.46 kB, operator 7" in [text.get_text() for text in axis.texts]
    assert axis.get_ylabel() == "memory alive (kB)"


@pytest.mark.parametrize("profile", [*PROFILES, profile_update(sudormrf_like(16))])
def test_operators_are_left_out_only_where_nothing_is_seen_to_change(profile: Profile) -> None:
    everything = stack_up(profile.memory, profile.rows)
    left = leave_out_unseen(everything, profile)
    columns = dict(zip(everything.operators, everything.alive, strict=True))
    least = 0.002 * profile.memory.peak_bytes
    assert max(map(sum, left.alive)) == profile.memory.peak_bytes
    for operator, sizes in columns.items():
        before = columns[max(one for one in left.operators if one <= operator)]
        assert all(abs(a - b) < least for a, b in zip(sizes, before, strict=True))
    parts = [profile.rows[row].place.part for row in profile.memory.rows]
    assert {parts[operator] for operator in left.operators} == set(parts)


def test_hundreds_of_operators_that_change_next_to_nothing_are_left_out() -> None:
    step = MadeUpStep()
    step.run("forward", "a", "relu")
    step.make(1_000_000)
    for _ in range(300):
        step.run("optimiser", "", "add_")
        step.free(step.make(4))
    profile = make_profile(step, 0)
    left = leave_out_unseen(stack_up(profile.memory, profile.rows), profile)
    assert left.operators == (0, 1)


def test_a_peak_that_is_higher_by_next_to_nothing_is_shown() -> None:
    step = MadeUpStep()
    for n_bytes in (1_000_000, 1, 1):
        step.run("forward", "a", "relu")
        step.make(n_bytes)
    profile = make_profile(step, 0)
    left = leave_out_unseen(stack_up(profile.memory, profile.rows), profile)
    assert left.operators == (0, 2)


def test_ticks_are_numbers_of_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = profile_update(sudormrf_like(2))
    axis = draw(profile, tmp_path, monkeypatch)
    operators = shown(profile).operators
    for place, label in zip(axis.get_xticks(), axis.get_xticklabels(), strict=True):
        assert label.get_text() == f"{operators[int(place) - 1] + 1:,}"


def test_parts_of_a_training_step_are_separated_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = draw(profile_update(CHAIN), tmp_path, monkeypatch)
    names = [text.get_text() for text in axis.texts if not text.get_text().startswith("peak")]
    assert names == ["forward", "loss", "backward", "optimiser"]
    upright = [[(end, 0.0), (end, 1.0)] for end in (4.5, 5.5, 10.5)]
    assert [found for line in axis.lines if (found := points(line)) in upright] == upright


def test_names_of_short_parts_do_not_overlap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = draw(profile_update(sudormrf_like(4)), tmp_path, monkeypatch)
    names = [text for text in axis.texts if not text.get_text().startswith("peak")]
    boxes = [text.get_window_extent() for text in names]
    assert [text.get_text() for text in names] == ["forward", "loss", "backward", "optimiser"]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


WIDTHS = st.lists(st.floats(0.01, 0.2), min_size=1, max_size=5)


@given(WIDTHS.flatmap(lambda w: st.tuples(st.just(w), st.lists(SHARES, min_size=len(w)))))
def test_what_is_spread_keeps_its_order_and_does_not_overlap(
    drawn: tuple[list[float], list[float]],
) -> None:
    widths, shares = drawn
    places = spread(sorted(shares)[: len(widths)], widths)
    ends = [(place - w / 2, place + w / 2) for place, w in zip(places, widths, strict=True)]
    assert all(left[1] <= right[0] + 1e-9 for left, right in pairwise(ends))
    assert ends[0][0] >= -1e-9
    assert ends[-1][1] <= 1 + 1e-9


def test_what_has_space_stays_where_it_is() -> None:
    assert spread([0.2, 0.5, 0.8], [0.1, 0.2, 0.1]) == [0.2, 0.5, 0.8]


def test_inference_has_no_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axis = draw(profile_inference(CHAIN), tmp_path, monkeypatch)
    assert len(axis.texts) == 1


def test_the_legend_reads_as_the_stack_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(profile_inference(CHAIN), tmp_path, monkeypatch)
    names = [text.get_text() for text in Kept.last.legends[0].get_texts()]
    assert names == ["decoder", "blocks", "encoder", "held before the step"]


def test_parts_of_a_network_with_other_names_have_colours_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = [Layer(name, "relu", 600) for name in ("stem", "trunk", "head")]
    axis = draw(profile_update(layers), tmp_path, monkeypatch)
    colours = {tuple(np.asarray(area.get_facecolor())[0]) for area in axis.collections}
    assert len(colours) == len(axis.collections)


def test_the_same_profile_gives_the_same_figure(tmp_path: Path) -> None:
    first, again = (
        write_memory_figure(profile_update(CHAIN), "A network", tmp_path / name)[0].read_bytes()
        for name in ("one", "two")
    )
    assert first == again


def test_a_step_that_allocates_nothing_has_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = MadeUpStep()
    step.run("forward", "a", "view")
    axis = draw(make_profile(step, 5), tmp_path, monkeypatch)
    assert [text.get_text() for text in axis.texts] == ["peak 5 B, operator 1"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1), st.integers(1, 9))
def test_fewer_columns_keep_the_peak_and_cover_every_operator(
    alive: list[tuple[int, int]], most: int
) -> None:
    columns = list(thin_out(alive, most))
    assert len(columns) <= most
    assert max(sum(sizes) for _, sizes in columns) == max(map(sum, alive))
    ends = [first for first, _ in columns[1:]] + [len(alive)]
    assert columns[0][0] == 0
    for (first, sizes), end in zip(columns, ends, strict=True):
        assert sum(sizes) == max(map(sum, alive[first:end]))
