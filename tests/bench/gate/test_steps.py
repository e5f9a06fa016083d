"""Lasting changes over commits: found where they are, and hardly ever where there is none."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from bench.errors import UsageError
from bench.gate.steps import MIN_POINTS, find_steps
from bench.results.metrics import METRICS
from bench.results.series import Point, Series
from tests.bench.example_records import make_job

N = 30


def series(values: np.ndarray) -> Series:
    points = [Point(f"c{i}", "2026", float(v), None, 1) for i, v in enumerate(values)]
    return Series("dprnn", METRICS[-2], "machine", make_job().workload, tuple(points))


def noise(seed: int, n: int = N) -> np.ndarray:
    """Two percent from commit to commit, with heavy tails."""
    return np.exp(0.015 * np.random.default_rng(seed).standard_t(3, n))


def test_without_a_step_hardly_any_is_found() -> None:
    """One series in fifty is said; three standard errors more of 40 are allowed."""
    assert sum(bool(find_steps(series(noise(seed)))) for seed in range(40)) <= 4


@pytest.mark.parametrize("change", [0.10, -0.10])
def test_a_step_of_ten_percent_is_found_where_it_is(change: float) -> None:
    right = 0
    for seed in range(30):
        values = noise(seed)
        values[12:] *= 1 + change
        steps = find_steps(series(values))
        if [step.point.commit for step in steps] == ["c12"]:
            assert steps[0].change == pytest.approx(change, abs=0.03)
            right += 1
    assert right >= 24


def test_one_bad_run_is_no_step() -> None:
    values = noise(1)
    before = len(find_steps(series(values)))
    values[10] *= 3
    assert len(find_steps(series(values))) == before == 0


def test_counts_have_no_noise_and_every_lasting_change_is_a_step() -> None:
    values = np.array([1000.0] * 5 + [1010.0] * 4 + [900.0] * 3)
    steps = find_steps(series(values))
    assert [(s.point.commit, round(s.change, 3)) for s in steps] == [("c5", 0.01), ("c9", -0.109)]


@pytest.mark.parametrize("values", [[0.0] * 8, [0.0] * 4 + [5.0] * 4])
def test_what_is_zero_has_no_steps(values: list[float]) -> None:
    """As the gradients of inference: they have no logarithm."""
    assert find_steps(series(np.array(values))) == []


def test_points_without_a_figure_are_passed_over() -> None:
    found = series(np.array([1000.0] * 5 + [2000.0] * 5))
    gap = Point("gap", "2026", None, None, 0, "No room.")
    steps = find_steps(replace(found, points=(*found.points[:6], gap, *found.points[6:])))
    assert [step.point.commit for step in steps] == ["c5"]


def test_few_points_tell_nothing() -> None:
    assert find_steps(series(np.array([1.0, 2.0] * (MIN_POINTS // 2))[: MIN_POINTS - 1])) == []


def test_without_ruptures_the_user_reads_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruptures", None)
    with pytest.raises(UsageError, match=r"pip install 'separation-bench\[history\]'"):
        find_steps(series(noise(0)))
