"""An order of networks is stated where differences on the same mixtures allow it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from bench.render.tables.quality import render_quality
from bench.render.tables.scores_csv import render_scores
from bench.results.quality import EvaluationRecord
from bench.results.ranking import rank_networks
from tests.bench.example_evaluations import EVALUATION, make_scores

N_MIXTURES = 200
LABELS = [(f"voice{number % 40}", f"voice{50 + number % 30}") for number in range(N_MIXTURES)]


def evaluated(name: str, gains_db: Sequence[float], folder: Path) -> EvaluationRecord:
    record = replace(EVALUATION, separator=name, digest=name, si_sdri_mean_db=fmean(gains_db))
    folder.mkdir(exist_ok=True)
    scores = make_scores(gains_db, LABELS)
    (folder / f"{name}.csv").write_text(render_scores(record, scores))
    return record


def test_a_small_difference_on_every_mixture_is_an_order(tmp_path: Path) -> None:
    """Mixtures differ by 3 dB, which is in both: alone, the intervals of the means overlap."""
    random = np.random.default_rng(0)
    common, noise = random.normal(5, 3, N_MIXTURES), random.normal(0, 0.5, (2, N_MIXTURES))
    low = evaluated("low", list(common + noise[0]), tmp_path)
    high = evaluated("high", list(common + noise[1] + 0.3), tmp_path)
    (step,) = rank_networks([low, high], tmp_path)
    assert (step.better, step.worse) == (high, low)
    expected = float(np.mean(noise[1] - noise[0])) + 0.3
    assert step.difference_db == pytest.approx(expected, abs=1e-9)
    half = 1.96 * float(np.std(noise[1] - noise[0])) / N_MIXTURES**0.5
    assert (step.high_db - step.low_db) / 2 == pytest.approx(half, rel=0.3)  # pairs of labels
    assert step.is_certain
    assert "| high | low | 0." in render_quality([low, high], [step])


def test_networks_that_mixtures_do_not_tell_apart_have_no_order(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    gains = random.normal(5, 1, (2, N_MIXTURES))
    gains -= gains.mean(1, keepdims=True)
    one, other = (
        evaluated(name, list(row + 5 + shift), tmp_path)
        for name, row, shift in zip(("one", "other"), gains, (0.02, 0), strict=True)
    )
    (step,) = rank_networks([one, other], tmp_path)
    assert step.difference_db == pytest.approx(0.02, abs=1e-9)
    assert not step.is_certain
    assert "**no**: not told apart" in render_quality([one, other], [step])


def test_only_networks_with_scores_of_the_same_mixtures_are_ranked(tmp_path: Path) -> None:
    gains = [1.0] * N_MIXTURES
    ranked = evaluated("ranked", gains, tmp_path)
    unknown = replace(ranked, digest="none", separator="unknown")
    stale = replace(evaluated("stale", gains, tmp_path), si_sdri_mean_db=2.0)
    oracle = replace(evaluated("oracle", gains, tmp_path), kind="oracle")
    elsewhere = replace(evaluated("elsewhere", gains, tmp_path), mixtures_digest="ff")
    assert rank_networks([ranked, unknown, stale, oracle, elsewhere], tmp_path) == []
    assert "In this order" not in render_quality([ranked])
