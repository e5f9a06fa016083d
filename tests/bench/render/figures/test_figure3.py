"""Own qualities filled, published ones hollow, one above the other."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bench.registry import TABLE1
from bench.render.figures.figure3 import draw_figure3, write_figure3
from bench.render.figures.paper import ONE_COLUMN, TWO_COLUMNS
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.quality import EvaluationRecord, pick_own
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import complete_run, fail, make_job, make_rounds

Own = Mapping[tuple[str, str], EvaluationRecord]
OWN = {
    ("sudormrf-0.25x", "speech"): EVALUATION,
    ("conv-tasnet", "sounds"): replace(
        EVALUATION, separator="conv-tasnet", task="sounds", si_sdri_mean_db=2.0, si_sdri_low_db=None
    ),
}


def draw(records: list[Record], own: Own = OWN, width: float = TWO_COLUMNS) -> Canvas:
    return draw_figure3(summarize(records), own, width)


def test_it_is_written_for_two_columns_and_for_one(tmp_path: Path) -> None:
    paths = write_figure3(summarize(complete_run()), OWN, tmp_path / "figure3")
    suffixes = (".svg", ".png", ".pdf", "-column.pdf")
    assert [path.name for path in paths] == [f"figure3{suffix}" for suffix in suffixes]


def test_in_one_column_the_panels_are_turned_and_there_is_no_title() -> None:
    wide, narrow = draw(complete_run()), draw(complete_run(), width=ONE_COLUMN)
    turned = [wide.axes[row * 3 + column] for column in range(3) for row in range(2)]
    assert [axis.get_xlabel() for axis in narrow.axes] == [axis.get_xlabel() for axis in turned]
    for one, other in zip(narrow.axes, turned, strict=True):
        assert heights(one, filled=True) == heights(other, filled=True)
        assert heights(one, filled=False) == heights(other, filled=False)
    assert wide.get_suptitle()
    assert not narrow.get_suptitle()


def heights(axis: Axes, *, filled: bool) -> list[float]:
    def is_filled(line: Line2D) -> bool:
        return line.get_fillstyle() != "none"

    return [float(np.asarray(one.get_ydata())[0]) for one in axis.lines if is_filled(one) == filled]


def test_published_are_hollow_and_own_filled() -> None:
    axes = draw(complete_run()).axes
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


def test_a_network_with_a_noisy_time_has_bars_and_no_mark() -> None:
    name = "sudormrf-0.25x"
    noisy = make_rounds([[0.1], [0.2]] * 3, make_job(name))
    records = [r for r in complete_run() if (r.job.model, r.job.probe) != (name, "latency")]
    axes = draw([*records, *noisy]).axes
    time, operations = axes[2], axes[0]
    assert heights(operations, filled=True) == [4.1]
    marks = [line for line in time.lines if line.get_marker() == "*"]
    assert len(marks) == 2  # the other sizes
    thick = [c for c in time.collections if np.asarray(c.get_linewidth()) > 2]
    assert len(thick) == 2  # at the published and at the own quality


def test_a_bar_has_the_name_of_its_network() -> None:
    """No marker says whose it is."""
    noisy = make_rounds([[0.1], [0.2]] * 3, make_job("demucs"))
    records = [r for r in complete_run() if (r.job.model, r.job.probe) != ("demucs", "latency")]
    axes = draw([*records, *noisy]).axes
    named = ["Demucs" in {text.get_text() for text in axis.texts} for axis in axes]
    assert named == [False, False, True] * 2


def test_corpora_stand_in_the_title() -> None:
    title = draw(complete_run()).get_suptitle()
    assert "corpus-speech" in title
    assert "WSJ0-2mix and ESC-50" in title


def test_a_network_without_a_cost_is_left_out() -> None:
    records = [
        fail(one, Status.OOM, "Full.") if one.job.probe == "memory" else one
        for one in complete_run()
    ]
    axes = draw(records).axes
    assert [len(axis.lines) for axis in axes[:3]] == [8, 0, 8]


def test_a_network_of_the_corpus_goes_before_one_of_another() -> None:
    mine = replace(EVALUATION, training={"corpus": EVALUATION.corpus}, n_mixtures=10)
    foreign = replace(EVALUATION, training={"corpus": "shipped-speech"})
    assert pick_own([foreign, mine, foreign]) == {("sudormrf-0.25x", "speech"): mine}


def test_the_caption_tells_training_from_evaluation() -> None:
    own = {("sudormrf-0.25x", "speech"): replace(EVALUATION, training={"corpus": "shipped-speech"})}
    caption = draw(complete_run(), own).get_suptitle()
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
