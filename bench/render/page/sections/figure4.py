"""Figure 4: separation quality while training, against what the training costs."""

from collections.abc import Iterator, Sequence

from bench.errors import UsageError
from bench.render.figures.figure4 import (
    COSTS,
    ENDED,
    Training,
    describe_steps,
    ended_early,
    known_costs,
    label_of,
    name_of,
)
from bench.render.page import axes, colours, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import join
from bench.results.training import METRICS_NAME, read_training, validations
from bench.units import format_length, format_si

KEY, TITLE = "figure4", "Figure 4: quality while training"
HEADS = (
    "Training",
    "Corpus",
    "Validations",
    "Mixtures of each",
    "Last SI-SDRi (dB)",
    "Best SI-SDRi (dB)",
    "Training steps",
    "Multiply-adds",
    "Processor time",
    "Of its budget",
)
SEEN = (
    "A point for each validation of each training below this folder. Qualities of different "
    "corpora are not to be compared."
)
CROSS = f"A cross: the training {ENDED}."


def find_figure4(reports: ReportFolder) -> list[Section]:
    """Of all trainings below the folder ``training``."""
    trainings, problems = _read(reports)
    validated = [training for training in trainings if validations(training)]
    if not validated and not problems:
        return []
    if not validated:
        return [Section(KEY, TITLE, join(*problems), None, None)]
    crosses = [CROSS] if any(map(ended_early, validated)) else []
    sentence = join(SEEN, *crosses, *describe_steps(validated), *problems)
    return [Section(KEY, TITLE, sentence, _draw(validated), (HEADS, _cells(validated)))]


def _read(reports: ReportFolder) -> tuple[list[Training], list[str]]:
    """The trainings, and a sentence for each whose metrics can't be read."""
    trainings: list[Training] = []
    problems: list[str] = []
    for path in sorted((reports.folder / "training").rglob(METRICS_NAME)):
        try:
            trainings.append(read_training(path))
        except UsageError as error:
            problems.append(str(error))
    return [training for training in trainings if training], problems


def _draw(trainings: Sequence[Training]) -> vega.Spec:
    corpora = sorted({training[0].corpus for training in trainings})
    cost = vega.Menu("cost", "Cost of the training so far", known_costs(trainings))
    corpus = vega.Menu("corpus", "Corpus", corpora)
    x = axes.logarithmic("x", "cost of the training so far", axes.si_labels(""))
    y = axes.linear("SI-SDRi on validation mixtures (dB)")
    looks = colours.told_apart("network", list(dict.fromkeys(map(name_of, trainings))))
    shown = vega.tooltip(training="Training", step="Training step", quality="SI-SDRi (dB)")
    layers: list[vega.Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 1.6},
            "encoding": {
                "stroke": looks["stroke"],
                "detail": {"field": "number", "type": "nominal"},
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": looks | {"tooltip": [*shown, *vega.tooltip(text="Cost")]},
        },
        {
            "transform": [{"filter": "datum.ended"}],
            "mark": {"type": "text", "text": "\N{MULTIPLICATION X}", "fontSize": 20},
        },
    ]
    encoding: vega.Spec = {"x": x | {"field": "value"}, "y": y | {"field": "si_sdri"}}
    title = vega.title_of(f"{cost.name} + ', ' + {corpus.name}")
    return vega.draw(_rows(trainings), layers, encoding, (cost, corpus)) | title


def _rows(trainings: Sequence[Training]) -> Iterator[vega.Row]:
    for number, training in enumerate(trainings):
        points = validations(training)
        for line in points:
            for title, cost_of in COSTS.items():
                spent = cost_of(line)
                if line.si_sdri_db is not None and spent:
                    yield {
                        "network": name_of(training),
                        "training": label_of(training),
                        "corpus": line.corpus,
                        "number": number,
                        "cost": title,
                        "value": spent,
                        "text": format_si(spent, ""),
                        "si_sdri": line.si_sdri_db,
                        "quality": f"{line.si_sdri_db:.2f}",
                        "step": f"{line.step:,}",
                        "ended": line is points[-1] and ended_early(training),
                    }


def _cells(trainings: Sequence[Training]) -> list[list[str]]:
    rows = []
    for training in trainings:
        points = validations(training)
        values = [line.si_sdri_db for line in points if line.si_sdri_db is not None]
        last = points[-1]
        rows.append(
            [
                label_of(training),
                training[0].corpus,
                str(len(points)),
                str(last.n_validation),
                f"{values[-1]:.2f}",
                f"{max(values):.2f}",
                f"{last.step:,}",
                format_si(last.macs, "MAC"),
                format_length(last.cpu_s),
                _share(training),
            ]
        )
    return rows


def _share(training: Training) -> str:
    share = training[-1].share
    if share is None:
        return "not recorded"
    return f"{share:.0%}, {ENDED}" if ended_early(training) else f"{share:.0%}"
