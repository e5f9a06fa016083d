"""Figure 4 holds every validation of every training where its costs say."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.render.figures import figure4
from bench.render.figures.figure4 import write_figure4
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
    assert curve(operations) == [(60 * 3e9, 1.0), (120 * 3e9, 2.0)]
    assert curve(time) == [(60 * 0.5, 1.0), (120 * 0.5, 2.0)]
    assert operations.get_xscale() == time.get_xscale() == "log"


def test_a_filterbanks_training_is_no_separation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = [
        make_line(step=60, si_sdri_db=20.0, phase="filterbank"),
        make_line(step=120, si_sdri_db=2.0),
    ]
    operations, _ = draw([training], tmp_path, monkeypatch)
    assert curve(operations) == [(120 * 3e9, 2.0)]


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
