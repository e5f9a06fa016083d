"""Own qualities filled, published ones hollow, one above the other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bench.registry import TABLE1
from bench.render.figures import figure3
from bench.render.figures.figure3 import write_figure3
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.quality import EvaluationRecord, pick_own
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import complete_run, fail, make_job, make_rounds

OWN = {
    ("sudormrf-0.25x", "speech"): EVALUATION,
    ("conv-tasnet", "sounds"): replace(
        EVALUATION, separator="conv-tasnet", task="sounds", si_sdri_mean_db=2.0, si_sdri_low_db=None
    ),
}


class Kept(Canvas):
    """The canvas that was drawn last, for a look at it."""

    last: Canvas

    def savefig(self, *arguments: object, **options: object) -> None:
        Kept.last = self
        super().savefig(*arguments, **options)  # type: ignore[arg-type]


def draw(
    records: list[Record],
    own: dict[tuple[str, str], EvaluationRecord],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[Axes]:
    monkeypatch.setattr(figure3, "Canvas", Kept)
    paths = write_figure3(summarize(records), own, folder / "figure3")
    assert [path.name for path in paths] == ["figure3.svg", "figure3.png"]
    return Kept.last.axes


def heights(axis: Axes, *, filled: bool) -> list[float]:
    def is_filled(line: Line2D) -> bool:
        return line.get_fillstyle() != "none"

    return [float(np.asarray(one.get_ydata())[0]) for one in axis.lines if is_filled(one) == filled]


def test_published_are_hollow_and_own_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = draw(list(complete_run()), OWN, tmp_path, monkeypatch)
    assert len(axes) == 6
    for axis in axes[:3]:
        assert heights(axis, filled=True) == [4.1]
        assert heights(axis, filled=False) == [PUBLISHED[e.name].si_sdri_speech_db for e in TABLE1]
    for axis in axes[3:]:
        assert heights(axis, filled=True) == [2.0]
        assert heights(axis, filled=False) == [
            PUBLISHED[e.name].si_sdri_nonspeech_db for e in TABLE1
        ]
    own, *_ = (line for line in axes[0].lines if line.get_fillstyle() != "none")
    published = axes[0].lines[6]
    assert np.array_equal(np.asarray(own.get_xdata()), np.asarray(published.get_xdata()))
    # The interval of a quality, and in panels of time one of it at each quality.
    assert [len(axis.collections) for axis in axes] == [1, 1, 1 + 8, 0, 0, 8]


def test_a_network_with_a_noisy_time_has_bars_and_no_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "sudormrf-0.25x"
    noisy = make_rounds([[0.1], [0.2]] * 3, make_job(name))
    records = [r for r in complete_run() if (r.job.model, r.job.probe) != (name, "latency")]
    axes = draw([*records, *noisy], OWN, tmp_path, monkeypatch)
    time, operations = axes[2], axes[0]
    assert heights(operations, filled=True) == [4.1]
    marks = [line for line in time.lines if line.get_marker() == "*"]
    assert len(marks) == 2  # the other sizes
    thick = [c for c in time.collections if np.asarray(c.get_linewidth()) > 2]
    assert len(thick) == 2  # at the published and at the own quality


def test_corpora_stand_in_the_title(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(list(complete_run()), OWN, tmp_path, monkeypatch)
    title = Kept.last.get_suptitle()
    assert "corpus-speech" in title
    assert "WSJ0-2mix and ESC-50" in title


def test_a_network_without_a_cost_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        fail(one, Status.OOM, "Full.") if one.job.probe == "memory" else one
        for one in complete_run()
    ]
    axes = draw(records, OWN, tmp_path, monkeypatch)
    assert [len(axis.lines) for axis in axes[:3]] == [8, 0, 8]


def test_a_network_of_the_corpus_goes_before_one_of_another() -> None:
    mine = replace(EVALUATION, training={"corpus": EVALUATION.corpus}, n_mixtures=10)
    foreign = replace(EVALUATION, training={"corpus": "shipped-speech"})
    assert pick_own([foreign, mine, foreign]) == {("sudormrf-0.25x", "speech"): mine}


def test_the_caption_tells_training_from_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {("sudormrf-0.25x", "speech"): replace(EVALUATION, training={"corpus": "shipped-speech"})}
    draw(complete_run(), own, tmp_path, monkeypatch)
    caption = Kept.last.get_suptitle()
    assert "trained here on shipped-speech" in caption
    assert "evaluated on corpus-speech" in caption


def test_the_largest_and_latest_test_of_a_network_is_shown() -> None:
    small = replace(EVALUATION, n_mixtures=10, si_sdri_mean_db=9.0)
    later = replace(EVALUATION, si_sdri_mean_db=4.5)
    others = [
        replace(EVALUATION, split="val", n_mixtures=9999),
        replace(EVALUATION, kind="oracle", separator="ideal ratio mask"),
    ]
    assert pick_own([EVALUATION, later, small, *others]) == {("sudormrf-0.25x", "speech"): later}
