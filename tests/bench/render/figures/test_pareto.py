"""The Pareto frontier against its definition, and what the figure's panels hold."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from bench.registry import TABLE1, Entry
from bench.render.figures.costs import OWN_MARKERS
from bench.render.figures.figure4 import SUDORMRF_STYLES
from bench.render.figures.paper import ONE_COLUMN, TWO_COLUMNS
from bench.render.figures.pareto import (
    STYLES,
    SUDORMRF_COLOUR,
    draw_pareto,
    write_pareto_figure,
)
from bench.render.figures.uncertainty import HOLLOW
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail, make_job, make_rounds


def draw(records: Sequence[Record], width: float = TWO_COLUMNS) -> list[Axes]:
    return draw_pareto(summarize(records), width).axes


def test_it_is_written_for_two_columns_and_for_one(tmp_path: Path) -> None:
    paths = write_pareto_figure(summarize(complete_run()), tmp_path / "pareto")
    suffixes = (".svg", ".png", ".pdf", "-column.pdf")
    assert [path.name for path in paths] == [f"pareto{suffix}" for suffix in suffixes]
    svg = paths[0].read_text()
    assert svg.count("<svg") == 1
    assert "<dc:date>" not in svg  # so that it differs only where the figures do
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    assert all(path.read_bytes().startswith(b"%PDF") for path in paths[2:])


def labels(axis: Axes) -> list[str]:
    return [str(line.get_label()) for line in axis.lines]


def xs(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def legend(canvas: Canvas | SubFigure) -> list[str]:
    return [text.get_text() for text in canvas.legends[0].get_texts()]


@pytest.fixture(scope="module")
def axes() -> list[Axes]:
    """The panels of a whole run."""
    return draw(complete_run())


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
    canvas = axes[0].get_figure(root=True)
    assert canvas is not None
    assert "paper's" in canvas.get_supylabel()


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


def test_a_range_is_a_bar_with_a_hollow_marker_and_no_part_of_the_frontier() -> None:
    """The best of all, and far the fastest, if its time were a number."""
    noisy = make_rounds([[0.001], [0.002]] * 3, make_job("sudormrf-1.0x"))
    records = [
        record
        for record in complete_run()
        if (record.job.model, record.job.probe, record.job.workload.phase)
        != ("sudormrf-1.0x", "latency", "inference")
    ]
    axes = draw([*records, *noisy])
    time = axes[2]
    stars, hollow = (line for line in time.lines if line.get_label() == "SuDoRM-RF")
    assert xs(stars) == pytest.approx([0.101 * k for k in (6, 7)])
    assert stars.get_markerfacecolor() == SUDORMRF_COLOUR
    assert xs(hollow) == pytest.approx([(0.001 * 0.002) ** 0.5])
    assert ys(hollow) == [8.35]
    assert hollow.get_markerfacecolor() == HOLLOW
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


def test_a_time_in_doubt_is_hollow_and_has_its_interval() -> None:
    """Half an interval between 10 and 25 % is marked in tables."""
    rounds = [[0.1 * factor] * 5 for factor in (0.85, 1.0, 1.15, 0.92, 1.08)]
    job = make_job("conv-tasnet", keeps_pages=True)
    rest = [
        record
        for record in complete_run()
        if (record.job.model, record.job.probe, record.job.workload.phase)
        != ("conv-tasnet", "latency", "inference")
    ]
    axes = draw([*rest, *make_rounds(rounds, job)])
    for axis, face in ((axes[2], HOLLOW), (axes[5], STYLES["conv-tasnet"][0])):
        (marker,) = (line for line in axis.lines if line.get_label() == "Conv-TasNet")
        assert marker.get_markerfacecolor() == face
    quality = PUBLISHED["conv-tasnet"].si_sdri_nonspeech_db
    (low, high) = next(ends for at, *ends in across(axes[2]) if at == quality)
    assert low < xs(next(x for x in axes[2].lines if x.get_label() == "Conv-TasNet"))[0] < high
    assert "in doubt (†)" in legend(axes[0].figure)


def test_in_one_column_the_same_panels_are_turned() -> None:
    wide, narrow = draw(complete_run()), draw(complete_run(), ONE_COLUMN)
    turned = [wide[row * 3 + column] for column in range(3) for row in range(2)]
    costs = [axis.get_xlabel().partition(" (")[0] for axis in narrow]
    assert costs == [axis.get_xlabel().partition(" of ")[0] for axis in turned]
    assert [axis.get_title() for axis in narrow[:2]] == ["inference", "training step"]
    for one, other in zip(narrow, turned, strict=True):
        assert [(xs(line), ys(line)) for line in one.lines] == [
            (xs(line), ys(line)) for line in other.lines
        ]


def lightness(colour: str) -> float:
    """CIE 1976 lightness, 0 to 100: what is left in grey."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = float(np.dot((0.2126, 0.7152, 0.0722), linear))
    return float(116 * luminance ** (1 / 3) - 16)


def test_networks_are_told_apart_without_colour() -> None:
    """Each has a marker of its own; sizes of one network differ in how dark they are."""
    markers = [marker for _, marker in STYLES.values()]
    assert len({*markers, "*", *OWN_MARKERS}) == len(markers) + 1 + len(OWN_MARKERS)
    sizes = [lightness(colour) for colour, _ in SUDORMRF_STYLES.values()]
    assert all(abs(one - other) > 10 for one, other in combinations(sizes, 2))
    assert all(lightness(colour) < 75 for colour, _ in STYLES.values())  # on white


def without(model: str, probe: str) -> list[Record]:
    return [
        fail(record, Status.OOM, "Full.")
        if record.job.model == model and record.job.probe == probe
        else record
        for record in complete_run()
    ]


def test_a_network_without_a_figure_is_named_in_its_panels() -> None:
    axes = draw(without("demucs", "memory"))
    for index, axis in enumerate(axes):
        is_memory = index % 3 == 1
        assert ("Demucs" in labels(axis)) != is_memory
        assert any(text.get_text() == "Demucs: oom" for text in axis.texts) == is_memory


def test_the_legend_names_what_the_first_panel_lacks() -> None:
    axes = draw(without("demucs", "operations"))
    assert "Demucs" in labels(axes[1])
    assert "Demucs" in legend(axes[0].figure)


@pytest.mark.parametrize("entry", [TABLE1[0], TABLE1[4]], ids=lambda entry: entry.name)
def test_one_network_alone(entry: Entry) -> None:
    axes = draw(complete_run([entry]))
    assert all(len(axis.lines) == 2 for axis in axes)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([fail(r, Status.KILLED, "Gone.") for r in complete_run()], id="all failed"),
        pytest.param(make_rounds([[1.0]], make_job("a.b:c", factory="a.b:c")), id="own"),
    ],
)
def test_a_figure_without_points_is_a_figure(records: list[Record]) -> None:
    axes = draw(records)
    assert [len(axis.lines) for axis in axes] == [0] * 6
    assert [axis.get_xscale() for axis in axes] == ["log"] * 6
