"""Every score of every source, unrounded, in a table that stands alone."""

import csv
import io
from dataclasses import replace

import pytest

from bench.render.tables.scores_csv import render_scores
from bench.results.scores import MixtureScore, SourceScore
from tests.bench.example_evaluations import EVALUATION, make_score


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_scores_are_written_unrounded() -> None:
    scores = [make_score(n, ("a", f"b{n}"), n / 7, n / 3) for n in range(30)]
    found = read(render_scores(EVALUATION, scores))
    assert len(found) == 30
    assert float(found[5]["improvement_db"]) == scores[5].improvement_db
    assert float(found[5]["snr_db"]) == 5 / 3
    assert found[5]["mixture"] == "5"


@pytest.mark.parametrize("n_src", [1, 2, 3])
def test_each_source_has_its_scores_and_its_estimate(n_src: int) -> None:
    """Those of a mixture are the means of its sources'."""
    sources = tuple(SourceScore(f"s{k}", n_src - k, k / 3, k / 7 + 2) for k in range(n_src))
    record = replace(EVALUATION, n_src=n_src)
    (row,) = read(render_scores(record, [MixtureScore(0, 1.5, sources)]))
    for k, source in enumerate(sources, start=1):
        assert row[f"source{k}_label"] == source.label
        assert row[f"source{k}_estimate"] == str(source.estimate)
        gained_db = float(row[f"source{k}_output_db"]) - float(row[f"source{k}_input_db"])
        assert gained_db == float(row[f"source{k}_improvement_db"]) == source.improvement_db
    for name in ("input_db", "output_db", "improvement_db"):
        mean = sum(float(row[f"source{k}_{name}"]) for k in range(1, n_src + 1)) / n_src
        assert float(row[name]) == pytest.approx(mean, abs=1e-12)


def test_each_row_says_of_what_it_is() -> None:
    for record, name in (
        (EVALUATION, "SuDoRM-RF 0.25x"),
        (replace(EVALUATION, name="long"), "long"),
    ):
        (row,) = read(render_scores(record, [make_score(0, ("a", "b"), 1.0)]))
        assert (row["name"], row["digest"]) == (name, EVALUATION.digest)
        assert (row["corpus"], row["split"]) == ("corpus-speech", "test")
