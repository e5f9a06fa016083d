"""No name covers a marker or another name, or leaves its panel; letters have their final size.

Measured by matplotlib's renderer, at the resolutions at which figures are written.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, cycle
from pathlib import Path
from random import Random

import pytest
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from bench.registry import TABLE1
from bench.render.figures.figure3 import draw_figure3
from bench.render.figures.paper import ONE_COLUMN, SMALL, TEXT, TWO_COLUMNS
from bench.render.figures.pareto import draw_pareto
from bench.render.figures.roofline import draw_roofline
from bench.render.figures.saving import DOTS_PER_INCH
from bench.results.quality import EVALUATIONS, EvaluationRecord, pick_own, read_evaluations
from bench.results.record import Status
from bench.results.roofline import Roofline, find_roofline
from bench.results.statistics import Interval
from bench.results.store import read_records
from bench.results.summary import ModelSummary, RunSummary, Value, summarize
from tests.bench.committed_runs import newest_table1
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import SETTINGS, complete_run, fail
from tests.bench.render.figures.on_the_page import draw, find_faults, find_words, meet

REPORTS = Path(__file__).parents[4] / "reports"
Own = dict[tuple[str, str], EvaluationRecord]


def faults(canvas: Canvas) -> list[str]:
    found = []
    for dots_per_inch in (72, DOTS_PER_INCH):
        draw(canvas, dots_per_inch)
        found += [fault for axes in canvas.axes for fault in find_faults(axes)]
    return found


@pytest.fixture(scope="module")
def committed() -> RunSummary:
    return newest_table1(REPORTS)


@pytest.fixture(scope="module")
def committed_forms() -> RunSummary:
    (path,) = sorted((REPORTS / "records" / "runtimes").glob("*.jsonl"))[-1:]
    records = read_records(path).records
    eager = [record for record in records if not record.job.workload.is_compared]
    return replace(summarize(eager), roofline=find_roofline(records))


@pytest.fixture(scope="module")
def committed_own() -> Own:
    return dict(pick_own(read_evaluations(REPORTS / EVALUATIONS)))


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_of_the_committed_records(width: float, committed: RunSummary, committed_own: Own) -> None:
    canvases = [draw_pareto(committed, width), draw_figure3(committed, committed_own, width)]
    for canvas in canvases:
        assert faults(canvas) == []
        assert any(find_words(axes) for axes in canvas.axes)


def test_of_the_committed_roofline(committed_forms: RunSummary) -> None:
    canvas = draw_roofline(committed_forms)
    assert faults(canvas) == []
    n_names = sum(len(find_words(axes)) for axes in canvas.axes)
    assert committed_forms.roofline is not None
    assert n_names >= len(committed_forms.roofline.points)


def crowd_value(random: Random, value: Value) -> Value:
    """One of many that are close to each other: exact, with an interval, or a range."""
    near = 10 ** random.uniform(-0.06, 0.06)
    interval = Interval(near / 1.2, near * 1.2, 0.95)
    kinds = (Value(near), Value(near, interval=interval), Value(None, span=(near / 2, near * 2)))
    return random.choice(kinds)


def crowd(summary: RunSummary, seed: int) -> RunSummary:
    """The same networks, whose costs are all about one of each unit."""
    random = Random(seed)

    def squeeze(model: ModelSummary) -> ModelSummary:
        values = {name: crowd_value(random, value) for name, value in model.values.items()}
        return replace(model, values=values)

    return replace(summary, models=tuple(map(squeeze, summary.models)))


CROWDED_OWN: Own = {
    (entry.name, task): replace(EVALUATION, separator=entry.name, task=task, si_sdri_mean_db=db)
    for (entry, task), db in zip(
        ((entry, task) for entry in (TABLE1[0], *TABLE1[4:]) for task in ("speech", "sounds")),
        cycle((8.0, 8.1, 8.3)),
        strict=False,
    )
}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_of_networks_that_cost_about_the_same(width: float, seed: int) -> None:
    crowded = crowd(summarize(complete_run()), seed)
    assert faults(draw_pareto(crowded, width)) == []
    assert faults(draw_figure3(crowded, CROWDED_OWN, width)) == []


def test_of_networks_that_failed() -> None:
    """The list of them stands in a corner in which nothing else does."""
    records = [
        fail(record, Status.OOM, "Full.")
        if record.job.model in ("demucs", "dprnn") and record.job.probe != "operations"
        else record
        for record in complete_run()
    ]
    for width in (ONE_COLUMN, TWO_COLUMNS):
        canvas = draw_pareto(summarize(records), width)
        assert faults(canvas) == []
        written = {text for axes in canvas.axes for text, _ in find_words(axes)}
        assert "Demucs: oom\nDPRNN: oom" in written


def crowd_points(roofline: Roofline) -> Roofline:
    """All points within a few points of the page, in four forms."""
    first = roofline.points[0]
    points = [
        replace(
            point,
            macs=first.macs + number * first.macs // 50,
            bytes_moved=first.bytes_moved,
            time=first.time,
            floor=first.floor,
            workload=replace(point.workload, runtime=runtime),
        )
        for runtime in ("eager", "compile", "native", "onnxruntime")
        for number, point in enumerate(roofline.points)
    ]
    return replace(roofline, points=tuple(points))


@pytest.mark.thorough
def test_of_a_roofline_below_which_all_stand_in_one_place() -> None:
    summary = summarize(complete_run(TABLE1, replace(SETTINGS, roofline=True)))
    assert summary.roofline is not None
    crowded = replace(summary, roofline=crowd_points(summary.roofline))
    canvas = draw_roofline(crowded)
    assert len(canvas.axes) == 4
    assert faults(canvas) == []


DRAWN: dict[str, Callable[[RunSummary, float], Canvas]] = {
    "pareto": draw_pareto,
    "figure3": lambda summary, width: draw_figure3(summary, CROWDED_OWN, width),
    "roofline": lambda summary, _: draw_roofline(summary),
}
CASES = [
    *((name, width) for name in ("pareto", "figure3") for width in (ONE_COLUMN, TWO_COLUMNS)),
    ("roofline", TWO_COLUMNS),
]


@pytest.mark.parametrize(("name", "width"), CASES)
def test_letters_have_seven_or_eight_points_and_stay_on_the_page(name: str, width: float) -> None:
    summary = summarize(complete_run(TABLE1, replace(SETTINGS, roofline=True)))
    canvas = DRAWN[name](summary, width)
    assert canvas.get_figwidth() == width
    draw(canvas, 72)
    words = [one for one in canvas.findobj(Text) if one.get_text() and one.get_visible()]
    assert {one.get_fontsize() for one in words} <= {SMALL, TEXT}
    outside = [
        [one for legend in canvas.legends for one in legend.get_texts()],
        [*canvas.texts, *(axes.xaxis.label for axes in canvas.axes)],
    ]
    page = canvas.bbox
    for kind in outside:
        boxes = [(one.get_text(), Text.get_window_extent(one)) for one in kind if one.get_text()]
        for text, box in boxes:
            assert page.x0 <= box.x0 < box.x1 <= page.x1, text
    everything = [one for kind in outside for one in kind if one.get_text()]
    for first, second in combinations(everything, 2):
        assert not meet(Text.get_window_extent(first), Text.get_window_extent(second))
