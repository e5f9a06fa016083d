"""Means over sources; the bootstrap against its closed form."""

import numpy as np
import pytest

from bench.results.scores import MixtureScore, SourceScore, mean_without, summarize_scores
from tests.bench.example_evaluations import make_scores


def test_a_mixture_is_the_mean_of_its_sources() -> None:
    sources = (SourceScore("a", 2, -1.0, 5.0), SourceScore("b", 1, 1.0, 3.0))
    score = MixtureScore(0, 0.0, sources)
    assert [source.improvement_db for source in sources] == [6, 2]
    assert (score.input_db, score.output_db, score.improvement_db) == (0, 4, 4)
    assert score.labels == ("a", "b")


def test_the_interval_of_independent_pairs_is_the_textbooks() -> None:
    """One mixture a pair: 1.96 standard errors, within a tenth."""
    improvements = np.random.default_rng(0).normal(5, 3, 400)
    labels = [(f"a{number}", f"b{number}") for number in range(400)]
    summary = summarize_scores(make_scores(improvements.tolist(), labels))
    half = 1.96 * improvements.std() / 20
    assert summary.low_db == pytest.approx(improvements.mean() - half, abs=0.1 * half)
    assert summary.high_db == pytest.approx(improvements.mean() + half, abs=0.1 * half)
    assert summary.mean_db == pytest.approx(improvements.mean())
    assert summary.median_db == pytest.approx(np.median(improvements))
    assert summary.n_pairs == 400


def test_equal_mixtures_of_a_pair_are_one_observation() -> None:
    """Ten copies of each score widen nothing and narrow nothing, in whatever order labels are."""
    improvements = np.random.default_rng(1).normal(5, 3, 50).tolist()
    labels = [(f"a{number}", f"b{number}") for number in range(50)]
    once = summarize_scores(make_scores(improvements, labels))
    turned = [(b, a) for a, b in labels]
    often = summarize_scores(make_scores(improvements * 10, labels * 5 + turned * 5))
    assert often.n_pairs == 50
    assert often.low_db == pytest.approx(once.low_db)
    assert often.high_db == pytest.approx(once.high_db)


def test_one_pair_has_no_interval() -> None:
    summary = summarize_scores(make_scores([1.0, 3.0], [("a", "b"), ("b", "a")]))
    assert summary == (2.0, 2.0, None, None, 1)


def test_mean_without_some_labels() -> None:
    scores = make_scores([1.0, 3.0, 10.0], [("a", "b"), ("b", "c"), ("c", "d")])
    assert mean_without(scores, {"d"}) == (2, 2.0)
    assert mean_without(scores, ()) == (3, 14 / 3)
    assert mean_without(scores, {"a", "c"}) == (0, None)
