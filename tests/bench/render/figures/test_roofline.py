"""The roofline figure: what is drawn where, for networks in one form and in several."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from bench.registry import TABLE1
from bench.render.figures import roofline as figure
from bench.render.figures.roofline import slopes_of, write_roofline_figure
from bench.render.figures.uncertainty import HOLLOW, THICK
from bench.results.roofline import Roofline
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import SETTINGS, complete_run

ENTRIES = TABLE1[:4]


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    return summarize(complete_run(ENTRIES, replace(SETTINGS, roofline=True)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Canvas]:
    """The figures that are saved, as they are."""
    kept: list[Canvas] = []

    def keep(canvas: Canvas, stem: Path) -> list[Path]:
        kept.append(canvas)
        return [stem]

    monkeypatch.setattr(figure, "save_figure", keep)
    return kept


def draw(summary: RunSummary, drawn: list[Canvas]) -> Canvas:
    write_roofline_figure(summary, Path("roofline"))
    return drawn[-1]


def roofline_of(summary: RunSummary) -> Roofline:
    assert summary.roofline is not None
    return summary.roofline


def test_each_network_is_at_its_intensity_and_rate(
    summary: RunSummary, drawn: list[Canvas]
) -> None:
    (axis,) = draw(summary, drawn).axes
    markers = {
        (line.get_xdata()[0], line.get_ydata()[0])  # type: ignore[index]
        for line in axis.lines
        if line.get_marker() not in ("None", "_", None)
    }
    points = roofline_of(summary).points
    assert markers == {(point.intensity, point.rate.value) for point in points}
    written = {text.get_text() for text in axis.texts}
    assert {entry.display_name for entry in ENTRIES} <= written


def test_roofs_are_where_they_were_measured(summary: RunSummary, drawn: list[Canvas]) -> None:
    """A slope is as many FLOPs per second for each FLOP per byte as bytes move in a second."""
    (axis,) = draw(summary, drawn).axes
    ends = [np.asarray(line.get_data(), float) for line in axis.lines]
    lines = [(xs, ys) for xs, ys in ends if len(xs) == 2]
    roofline = roofline_of(summary)
    flat = {ys[0] for _, ys in lines if ys[0] == ys[1]}
    assert flat == {rate.value for rate in roofline.roofs.products.values()}
    steep = {round(slope) for xs, ys in lines if ys[0] != ys[1] for slope in ys / xs}
    assert steep == {round(rate.value) for _, rate in slopes_of(roofline)}


def test_each_runtime_and_dtype_has_a_panel_of_its_own(
    summary: RunSummary, drawn: list[Canvas]
) -> None:
    points = roofline_of(summary).points
    others = [replace(p, workload=replace(p.workload, runtime="another")) for p in points]
    shorter = [replace(p, workload=replace(p.workload, dtype="bfloat16")) for p in points]
    several = replace(roofline_of(summary), points=(*points, *others, *shorter))
    axes = draw(replace(summary, roofline=several), drawn).axes
    assert [axis.get_title() for axis in axes] == [
        "eager, float32",
        "another, float32",
        "eager, bfloat16",
    ]
    assert len({axis.get_xlim() for axis in axes}) == len({axis.get_ylim() for axis in axes}) == 1


def test_a_rate_that_is_no_number_has_a_bar_and_a_hollow_marker(drawn: list[Canvas]) -> None:
    records = complete_run(ENTRIES, replace(SETTINGS, roofline=True))
    summary = summarize([record for record in records if record.job.round == 0])
    (axis,) = draw(summary, drawn).axes
    markers = [line for line in axis.lines if line.get_marker() not in ("None", "_", None)]
    assert len(markers) == len(ENTRIES)
    assert {line.get_markerfacecolor() for line in markers} == {HOLLOW}
    thick = [one for one in axis.collections if np.max(np.asarray(one.get_linewidth())) == THICK]
    assert len(thick) == len(ENTRIES)
    assert {entry.display_name for entry in ENTRIES} <= {text.get_text() for text in axis.texts}
