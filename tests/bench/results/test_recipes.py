"""Recipes are held against the base with the same seeds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.errors import UsageError
from bench.render.tables.recipes import render_recipes
from bench.results.recipes import compare_recipes
from tests.bench.example_trainings import make_line


def write(folder: Path, name: str, values_db: Mapping[int, float], share: float = 1.0) -> None:
    for seed, value in values_db.items():
        line = replace(make_line(step=200, si_sdri_db=value), share=share)
        path = folder / f"{name}-{seed}" / "metrics.jsonl"
        path.parent.mkdir(parents=True)
        early = replace(line, step=100, si_sdri_db=99.0, share=share / 2)
        path.write_text(f"{early.to_json()}\n{line.to_json()}\n")


def test_a_gain_is_over_the_base_of_the_same_seed(tmp_path: Path) -> None:
    """Student's t as scipy has it."""
    base, better = {0: 1.0, 1: 2.0, 2: 3.0}, {0: 1.5, 1: 2.4, 2: 3.9, 3: 50.0}
    write(tmp_path, "base", base)
    write(tmp_path, "short-mixtures", better)
    first, second = compare_recipes(tmp_path)
    assert (first.name, first.gain_db, first.mean_db) == ("base", None, 2.0)
    gains = np.array([better[seed] - base[seed] for seed in base])
    expected = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    assert second.gain_db == pytest.approx(gains.mean())
    assert (second.low_db, second.high_db) == pytest.approx((expected.low, expected.high))
    text = render_recipes((second, first))
    assert text.index("| base |") < text.index("| short-mixtures |")
    assert f"| +0.60 | {expected.low:+.2f} to {expected.high:+.2f} | 4 × 8000 | 200 |" in text


def test_a_training_that_goes_on_is_no_result(tmp_path: Path) -> None:
    write(tmp_path, "base", {0: 1.0, 1: 1.0, 2: 1.0})
    write(tmp_path, "cosine", {0: 3.0, 1: 3.0})
    write(tmp_path / "other", "cosine", {2: 3.0}, share=0.9)
    (tmp_path / "other" / "cosine-2").rename(tmp_path / "cosine-2")
    (_, cosine) = compare_recipes(tmp_path)
    assert sorted(cosine.runs) == [0, 1]
    assert (cosine.gain_db, cosine.low_db) == (2.0, None)
    assert "none: too few seeds" in render_recipes(compare_recipes(tmp_path))


def test_without_a_base_there_is_nothing_to_compare(tmp_path: Path) -> None:
    write(tmp_path, "cosine", {0: 3.0})
    with pytest.raises(UsageError, match=r"no whole training base-SEED .*make recipes"):
        compare_recipes(tmp_path)
