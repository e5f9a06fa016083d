"""Figure 3: qualities of networks that were trained here, and the paper's, over own costs."""

from collections.abc import Iterator, Mapping, Sequence

from bench.errors import UsageError
from bench.render.columns import Column, table1_columns
from bench.render.figures.figure3 import TASKS
from bench.render.page import axes, colours, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.sentences import HOLLOW, join, say_missing, say_origin
from bench.render.tables.quality import describe_training, format_interval
from bench.render.tables.table2 import is_only_table2
from bench.render.tables.zoo import is_zoo
from bench.results.form_summary import is_of_forms
from bench.results.published import Published
from bench.results.quality import EVALUATIONS, EvaluationRecord, pick_own, read_evaluations
from bench.results.record import Record
from bench.results.summary import ModelSummary, RunSummary, summarize

KEY, TITLE = "figure3", "Figure 3: quality against cost of inference"
Own = Mapping[tuple[str, str], EvaluationRecord]
Run = tuple[RunSummary, Sequence[Record]]
OWN, PAPERS = "trained here", "the paper's"
SEEN = (
    "Circles: networks trained here, most of them for a short time and on other corpora than the "
    "paper's. Diamonds: the paper's qualities, on WSJ0-2mix and ESC-50. Both stand over the costs "
    "that were measured here."
)


def find_figure3(reports: ReportFolder) -> list[Section]:
    """Of the newest run of Table 1's networks, where one of them was trained here."""
    path = reports.folder / EVALUATIONS
    if not path.exists():
        return []
    try:
        own = pick_own(read_evaluations(path))
    except UsageError as error:
        return [Section(KEY, TITLE, str(error), None, None)]
    newest = reports.newest((RUNS,), _summarise)
    if newest.found is None or not own:
        return []
    summary, records = newest.found
    costs = [one for one in table1_columns(summary.update_device) if one.phase == "inference"]
    sentence = join(
        SEEN,
        HOLLOW,
        *_say_trainings(summary, own),
        say_missing(summary, (column.metric for column in costs)),
        say_origin(records, newest.file),
        *newest.problems,
    )
    chart = _draw(summary, costs, own)
    return [Section(KEY, TITLE, sentence, chart, _table(summary, costs, own))]


def _summarise(records: Sequence[Record]) -> Run | None:
    """As ``table1.md`` is of it: not of Table 2, the zoo or forms alone."""
    if is_of_forms(records):
        return None
    summary = summarize(records)
    return None if is_only_table2(summary) or is_zoo(summary) else (summary, records)


def _say_trainings(summary: RunSummary, own: Own) -> Iterator[str]:
    for model in summary.models:
        for task, _ in TASKS:
            if record := own.get((model.entry.name, task)):
                yield f"{model.entry.display_name}, {task}: {describe_training(record)}."


def _draw(summary: RunSummary, costs: Sequence[Column], own: Own) -> vega.Spec:
    names = [model.entry.display_name for model in summary.models]
    titles = {column.metric: _title_of(column) for column in costs}
    *others, time = titles.values()
    cost = vega.Menu("cost", "Cost", [time, *others])
    quality = vega.Menu("task", "Quality", [label for _, label in TASKS])
    units = {titles[column.metric]: column.base_unit or "MAC" for column in costs}
    x = axes.logarithmic("x", "cost of inference", axes.si_labels_of(units, cost))
    y = axes.linear("SI-SDRi (dB)")
    colour = colours.told_by_colour("network", names)
    shape = colours.shaped("source", (OWN, PAPERS))  # a hollow mark is a noisy one on this page
    channels: vega.Spec = {"fill": colour, "stroke": colour, "y": y | {"field": "quality"}}
    shown = vega.tooltip(network="Network", source="Quality is", quality_text="SI-SDRi (dB)")
    shown += vega.tooltip(cost="Cost", text="Measured")
    layers = [
        marks.intervals("x", x, channels),
        _quality_intervals(x, y, colour),
        marks.points("x", x, channels | {"shape": shape}, shown),
    ]
    title = vega.title_of(f"{cost.name} + ' and ' + {quality.name}")
    return vega.draw(_rows(summary, costs, own), layers, {}, (cost, quality), 380) | title


def _title_of(column: Column) -> str:
    return f"{column.title} of inference"


def _quality_intervals(x: vega.Spec, y: vega.Spec, colour: vega.Spec) -> vega.Spec:
    ends: vega.Spec = {"y": y | {"field": "quality_low"}, "y2": {"field": "quality_high"}}
    return {
        "transform": [{"filter": "isValid(datum.quality_low)"}],
        "mark": {"type": "rule", "strokeWidth": 1.4},
        "encoding": {"stroke": colour, "x": x | {"field": "value"}} | ends,
    }


def _rows(summary: RunSummary, costs: Sequence[Column], own: Own) -> Iterator[vega.Row]:
    """A row for each quality of a network over each cost that it has."""
    for model in summary.models:
        for column in costs:
            value = model.values[column.metric]
            if not vega.is_drawable(value):
                continue
            cost: vega.Row = {
                "network": model.entry.display_name,
                "cost": _title_of(column),
                "text": column.format_alone(value),
            }
            for quality in _qualities(model, own):
                yield cost | vega.place_value(value) | quality


def _qualities(model: ModelSummary, own: Own) -> Iterator[vega.Row]:
    for task, label in TASKS:
        if model.published is not None:
            quality = _papers(model.published, task)
            row: vega.Row = {"task": label, "source": PAPERS, "quality": quality}
            yield row | {"quality_text": f"{quality:.2f}"}
        if record := own.get((model.entry.name, task)):
            yield _own_quality(record) | {"task": label, "source": OWN}


def _papers(published: Published, task: str) -> float:
    return published.si_sdri_speech_db if task == "speech" else published.si_sdri_nonspeech_db


def _own_quality(record: EvaluationRecord) -> vega.Row:
    row: vega.Row = {"quality": record.si_sdri_mean_db, "quality_text": _own_cell(record)}
    low, high = record.si_sdri_low_db, record.si_sdri_high_db
    return row if low is None or high is None else row | {"quality_low": low, "quality_high": high}


def _own_cell(record: EvaluationRecord | None) -> str:
    if record is None:
        return "not trained here"
    return f"{record.si_sdri_mean_db:.2f} ({format_interval(record)})"


def _table(
    summary: RunSummary, costs: Sequence[Column], own: Own
) -> tuple[list[str], list[list[str]]]:
    heads = ["Network"]
    for _, label in TASKS:
        heads += [f"{label}, own (interval)", "the paper's"]
    rows = []
    for model in summary.models:
        cells = [model.entry.display_name]
        for task, _ in TASKS:
            paper = model.published
            cells.append(_own_cell(own.get((model.entry.name, task))))
            cells.append("not in the paper" if paper is None else f"{_papers(paper, task):.2f}")
        rows.append(cells + [column.format_alone(model.values[column.metric]) for column in costs])
    return heads + [_title_of(column) for column in costs], rows
