"""Evaluation records survive storing; the bootstrap against its closed form."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UsageError
from bench.results.quality import (
    EvaluationRecord,
    MixtureScore,
    append_evaluation,
    mean_without,
    read_evaluations,
    summarize_scores,
)

RECORD = EvaluationRecord(
    separator="sudormrf-0.25x",
    kind="network",
    corpus="corpus-speech",
    task="speech",
    split="test",
    mixtures_digest="0123456789abcdef",
    n_mixtures=500,
    n_pairs=300,
    si_sdri_mean_db=4.1,
    si_sdri_median_db=4.0,
    si_sdri_low_db=3.9,
    si_sdri_high_db=4.3,
    input_mean_db=0.01,
    output_mean_db=4.11,
    n_without_leaks=400,
    si_sdri_without_leaks_db=3.8,
    training={"corpus": "corpus-speech", "step": 5000, "cpu_s": 3600.0, "macs": 10**15},
    code={"commit": "unknown", "is_modified": False},
    started_at="2026-01-01T00:00:00Z",
)


def make_scores(improvements_db: list[float], labels: list[tuple[str, str]]) -> list[MixtureScore]:
    pairs = zip(improvements_db, labels, strict=True)
    return [
        MixtureScore(number, pair, 0.0, 0.0, gain, gain)
        for number, (gain, pair) in enumerate(pairs)
    ]


def test_a_record_comes_back_as_it_was() -> None:
    assert EvaluationRecord.from_json(RECORD.to_json()) == RECORD


def test_the_newest_of_each_separator_and_set_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "evaluations.jsonl"
    other_corpus = replace(RECORD, corpus="WSJ0-2mix")
    other_separator = replace(RECORD, separator="mixture", kind="mixture", training=None)
    newer = replace(RECORD, si_sdri_mean_db=5.0)
    for record in (RECORD, other_corpus, other_separator, newer):
        append_evaluation(path, record)
    assert set(map(EvaluationRecord.to_json, read_evaluations(path))) == {
        record.to_json() for record in (other_corpus, other_separator, newer)
    }


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        "no JSON",
        RECORD.to_json().replace('"schema": 1', '"schema": 2'),
        json.dumps({"schema": 1, "separator": "a"}),
        RECORD.to_json().replace('"corpus"', '"korpus"'),
    ],
)
def test_a_line_that_is_none_is_named_and_left_out(
    tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evaluations.jsonl"
    path.write_text(f"{RECORD.to_json()}\n{line}\n")
    assert read_evaluations(path) == (RECORD,)
    assert f"{path}, line 2, is left out: " in capsys.readouterr().err


def test_a_torn_line_spoils_no_later_one(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.jsonl"
    path.write_text(RECORD.to_json()[:50])
    append_evaluation(path, RECORD)
    assert read_evaluations(path) == (RECORD,)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"python -m bench\.evaluate"):
        read_evaluations(tmp_path / "none.jsonl")


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
