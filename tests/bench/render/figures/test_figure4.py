"""Figure 4 holds every validation of every training where its costs say."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.figures import figure4
from bench.render.figures.figure4 import ENDED, describe_steps, write_figure4
from bench.results.training import TrainingLine
from tests.bench.example_trainings import make_line, make_training


class Kept(Canvas):
    """The canvas that was drawn last, for a look at it."""

    last: Canvas

    def savefig(self, *arguments: object, **options: object) -> None:
        Kept.last = self
        super().savefig(*arguments, **options)  # type: ignore[arg-type]


def draw(
    trainings: Sequence[Sequence[TrainingLine]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Axes]:
    monkeypatch.setattr(figure4, "Canvas", Kept)
    paths = write_figure4(trainings, folder / "figure4")
    assert [path.name for path in paths] == ["figure4.svg", "figure4.png", "figure4.pdf"]
    assert "<dc:date>" not in paths[0].read_text()
    return Kept.last.axes


def curve(axis: Axes, number: int = 0) -> list[tuple[float, float]]:
    line = axis.lines[number]
    xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def test_a_point_for_each_validation_and_none_for_other_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = [
        make_line(step=50, si_sdri_db=None),
        make_line(step=60, si_sdri_db=1.0),
        make_line(step=100, si_sdri_db=None),
        make_line(step=120, si_sdri_db=2.0),
    ]
    operations, time = draw([training], tmp_path, monkeypatch)
    assert curve(operations) == [(60 * 1e9, 1.0), (120 * 1e9, 2.0)]
    assert curve(time) == [(60 * 0.25, 1.0), (120 * 0.25, 2.0)]
    assert operations.get_xscale() == time.get_xscale() == "log"


def test_a_filterbanks_training_is_no_separation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = [
        make_line(step=60, si_sdri_db=20.0, phase="filterbank"),
        make_line(step=120, si_sdri_db=2.0),
    ]
    operations, _ = draw([training], tmp_path, monkeypatch)
    assert curve(operations) == [(120 * 1e9, 2.0)]


def test_a_row_for_each_corpus_and_a_curve_for_each_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = [
        make_training("sudormrf-0.25x", "speech"),
        make_training("conv-tasnet", "speech"),
        make_training("sudormrf-0.25x", "sounds"),
    ]
    axes = draw(trainings, tmp_path, monkeypatch)
    assert [len(axis.lines) for axis in axes] == [1, 1, 2, 2]
    assert ["sounds" in axes[0].get_ylabel(), "speech" in axes[2].get_ylabel()] == [True, True]
    names = [text.get_text() for text in Kept.last.legends[0].get_texts()]
    assert names == ["SuDoRM-RF 0.25x (4 × 8000 samples)", "Conv-TasNet (4 × 8000 samples)"]


def test_energy_has_a_column_where_it_was_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training without a counter is not in it, and in the others."""
    counted = [replace(line, energy_j=line.step * 2.0) for line in make_training("dprnn", "speech")]
    axes = draw([counted, make_training("conv-tasnet", "speech")], tmp_path, monkeypatch)
    assert [axis.get_xlabel().split(",")[0] for axis in axes] == [
        "Multiply-adds of training steps",
        "Processor time",
        "Energy",
    ]
    assert curve(axes[2])[0] == (120.0, curve(axes[0])[0][1])
    assert curve(axes[2], 1) == []


def test_a_training_that_ended_before_its_budget_is_marked_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [replace(line, share=line.step / 360) for line in make_training("dprnn", "speech")]
    ended = [replace(line, share=line.step / 720) for line in make_training("demucs", "speech")]
    operations, _ = draw([ended, whole], tmp_path, monkeypatch)
    marks = [line for line in operations.lines if line.get_label() == ENDED]
    assert len(marks) == 1
    assert curve(operations, 2) == curve(operations, 0)[-1:]


def test_what_equal_operations_mean_is_said_where_steps_differ() -> None:
    many, few = make_training("sudormrf-0.25x", "speech"), make_training("dprnn", "speech", 1)
    (sentence,) = describe_steps([few, many])
    assert "SuDoRM-RF 0.25x 360, DPRNN 60." in sentence.replace("\N{NO-BREAK SPACE}", " ")
    assert describe_steps([few, many, make_training("dprnn", "sounds", 5)]) == [sentence]
    assert describe_steps([many, make_training("dprnn", "speech", 5)]) == []
    assert describe_steps([few]) == []


def test_steps_of_a_filterbank_are_told_from_those_that_separate() -> None:
    many, few = make_training("sudormrf-0.25x", "speech"), make_training("dprnn", "speech")
    two_steps = [replace(line, phase="filterbank", step=9000) for line in few[:1]]
    two_steps += [replace(line, step=9000 + line.step) for line in few[1:]]
    (sentence,) = describe_steps([many, two_steps, make_training("demucs", "speech", 1)])
    said = "SuDoRM-RF 0.25x 360, DPRNN 9,360 (9,000 or more of its filterbank), Demucs 60."
    assert said in sentence.replace("\N{NO-BREAK SPACE}", " ")


def test_steps_of_a_training_that_ended_early_are_not_those_of_equal_operations() -> None:
    many, few = make_training("sudormrf-0.25x", "speech"), make_training("dprnn", "speech", 1)
    ended = [replace(line, share=0.5) for line in make_training("demucs", "speech", 2)]
    assert describe_steps([few, many, ended]) == describe_steps([few, many])
    assert describe_steps([ended]) == []
