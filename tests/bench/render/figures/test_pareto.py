"""The Pareto frontier against its definition, and what the figure's panels hold."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Canvas
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from bench.registry import TABLE1, Entry
from bench.render.figures import pareto
from bench.render.figures.pareto import write_pareto_figure
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail, make_job, make_rounds


class Kept(Canvas):
    """The canvas that was drawn last, for a look at it."""

    last: Canvas

    def savefig(self, *arguments: object, **options: object) -> None:
        Kept.last = self
        super().savefig(*arguments, **options)  # type: ignore[arg-type]


def draw(records: Sequence[Record], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    monkeypatch.setattr(pareto, "Canvas", Kept)
    paths = write_pareto_figure(summarize(records), folder / "pareto")
    assert [path.name for path in paths] == ["pareto.svg", "pareto.png"]
    svg = paths[0].read_text()
    assert svg.count("<svg") == 1
    assert "<dc:date>" not in svg  # so that it differs only where the figures do
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    return Kept.last.axes


def labels(axis: Axes) -> list[str]:
    return [str(line.get_label()) for line in axis.lines]


def xs(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def legend(canvas: Canvas | SubFigure) -> list[str]:
    return [text.get_text() for text in canvas.legends[0].get_texts()]


@pytest.fixture(scope="module")
def axes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Axes]]:
    """The panels of a whole run."""
    with pytest.MonkeyPatch.context() as patch:
        yield draw(list(complete_run()), tmp_path_factory.mktemp("whole"), patch)


def test_panels_of_a_whole_run(axes: list[Axes]) -> None:
    assert len(axes) == 6
    assert [axis.get_xscale() for axis in axes] == ["log"] * 6
    assert [axis.get_yscale() for axis in axes] == ["linear"] * 6
    titles = [axis.get_xlabel() for axis in axes]
    for title, what in zip(titles, ["MACs", "Memory", "Time"] * 2, strict=True):
        assert title.startswith(what)
    assert [("inference" in title, "training step" in title) for title in titles] == (
        [(True, False)] * 3 + [(False, True)] * 3
    )
    assert all("paper's" in axes[index].get_ylabel() for index in (0, 3))


def test_every_network_is_where_its_figures_say(axes: list[Axes]) -> None:
    """Time of inference: 0.101 s, k times that for network number k of Table 1."""
    axis = axes[2]
    lines = {str(line.get_label()): line for line in axis.lines}
    for k, entry in enumerate(TABLE1[:4], start=1):
        line = lines[entry.display_name]
        assert xs(line) == pytest.approx([0.101 * k])
        assert ys(line) == [PUBLISHED[entry.name].si_sdri_nonspeech_db]
    stars = lines["SuDoRM-RF"]
    assert stars.get_marker() == "*"
    assert stars.get_linestyle() == "-"
    assert xs(stars) == pytest.approx([0.101 * k for k in (5, 6, 7)])
    assert {text.get_text() for text in axis.texts} == {"1.0x", "0.5x", "0.25x"}


def test_the_frontier_is_drawn_in_every_panel(axes: list[Axes]) -> None:
    """Only numbers 1, 4 and 5 have more quality than all that cost less: 7.74, 8.22, 8.35."""
    for axis in axes:
        (frontier,) = [line for line in axis.lines if line.get_label() == "Pareto frontier"]
        assert ys(frontier) == [7.74, 8.22, 8.35]
        assert frontier.get_drawstyle() == "steps-post"


def test_the_legend_names_each_kind_once(axes: list[Axes]) -> None:
    kinds = ["Pareto frontier", "SuDoRM-RF", "interval (95 %)"]
    expected = [*kinds, *(entry.display_name for entry in TABLE1[:4])]
    assert sorted(legend(axes[0].figure)) == sorted(expected)


def across(axis: Axes) -> list[tuple[float, float, float]]:
    """The lines along intervals and ranges: quality, low and high."""
    found = []
    for collection in axis.collections:
        assert isinstance(collection, LineCollection)
        for (low, quality), (high, _) in collection.get_segments():
            found.append((float(quality), float(low), float(high)))
    return found


def test_times_have_their_intervals_and_exact_costs_have_none(axes: list[Axes]) -> None:
    values = [model.values["latency_s_update"] for model in summarize(complete_run()).models]
    expected = [
        (PUBLISHED[entry.name].si_sdri_nonspeech_db, value.interval.low, value.interval.high)
        for entry, value in zip(TABLE1, values, strict=True)
        if value.interval
    ]
    assert len(expected) == len(TABLE1)
    assert np.asarray(across(axes[5])) == pytest.approx(np.asarray(expected))
    assert [len(across(axis)) > 0 for axis in axes] == [False, False, True] * 2


def test_a_range_is_a_bar_without_a_marker_and_no_part_of_the_frontier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best of all, and far the fastest, if its time were a number."""
    noisy = make_rounds([[0.001], [0.002]] * 3, make_job("sudormrf-1.0x"))
    records = [
        record
        for record in complete_run()
        if (record.job.model, record.job.probe, record.job.workload.phase)
        != ("sudormrf-1.0x", "latency", "inference")
    ]
    axes = draw([*records, *noisy], tmp_path, monkeypatch)
    time = axes[2]
    (stars,) = [line for line in time.lines if line.get_label() == "SuDoRM-RF"]
    assert xs(stars) == pytest.approx([0.101 * k for k in (6, 7)])
    (frontier,) = [line for line in time.lines if line.get_label() == "Pareto frontier"]
    assert min(xs(frontier)) == pytest.approx(0.101)
    assert 8.35 not in ys(frontier)
    bar = next(line for line in across(time) if line[0] == 8.35)
    assert bar[1:] == pytest.approx((0.001, 0.002))
    low, high = time.get_xlim()
    assert low < 0.001 < 0.002 < high
    assert not any("ok" in text.get_text() for text in time.texts)
    assert "1.0x" in {text.get_text() for text in time.texts}
    assert "range, noisy" in legend(axes[0].figure)
    (both,) = [line for line in axes[5].lines if line.get_label() == "SuDoRM-RF"]
    assert len(xs(both)) == 3  # its training step has a time


def without(model: str, probe: str) -> list[Record]:
    return [
        fail(record, Status.OOM, "Full.")
        if record.job.model == model and record.job.probe == probe
        else record
        for record in complete_run()
    ]


def test_a_network_without_a_figure_is_named_in_its_panels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = draw(without("demucs", "memory"), tmp_path, monkeypatch)
    for index, axis in enumerate(axes):
        is_memory = index % 3 == 1
        assert ("Demucs" in labels(axis)) != is_memory
        assert any(text.get_text() == "Demucs: oom" for text in axis.texts) == is_memory


def test_the_legend_names_what_the_first_panel_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = draw(without("demucs", "operations"), tmp_path, monkeypatch)
    assert "Demucs" in labels(axes[1])
    assert "Demucs" in legend(axes[0].figure)


@pytest.mark.parametrize("entry", [TABLE1[0], TABLE1[4]], ids=lambda entry: entry.name)
def test_one_network_alone(entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axes = draw(list(complete_run([entry])), tmp_path, monkeypatch)
    assert all(len(axis.lines) == 2 for axis in axes)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([fail(r, Status.KILLED, "Gone.") for r in complete_run()], id="all failed"),
        pytest.param(make_rounds([[1.0]], make_job("a.b:c", factory="a.b:c")), id="own"),
    ],
)
def test_a_figure_without_points_is_a_figure(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = draw(records, tmp_path, monkeypatch)
    assert [len(axis.lines) for axis in axes] == [0] * 6
    assert [axis.get_xscale() for axis in axes] == ["log"] * 6
