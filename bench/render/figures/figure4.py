"""The paper's Figure 4: separation quality while training, against what the training costs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.registry import REGISTRY
from bench.render.figures.decades import number_decades
from bench.render.figures.paper import TWO_COLUMNS, paper_style
from bench.render.figures.pareto import OTHER_STYLE, STYLES, draw_grid
from bench.render.figures.saving import save_figure
from bench.results.training import TrainingLine, validations
from bench.units import format_si

SUDORMRF_STYLES = {
    "sudormrf-1.0x": ("#0b1d51", "*"),
    "sudormrf-0.5x": ("#1f3a93", "*"),
    "sudormrf-0.25x": ("#5c7cd6", "*"),
}
"""One marker; in grey they are told apart by how dark they are."""
ALL_STYLES = STYLES | SUDORMRF_STYLES
COSTS: dict[str, Callable[[TrainingLine], float]] = {
    "Operations of training steps (FLOPs)": lambda line: line.flops,
    "Wall time, validations included (s)": lambda line: line.wall_s,
}

Training = Sequence[TrainingLine]


@paper_style()
def write_figure4(trainings: Sequence[Training], stem: Path) -> list[Path]:
    """A row for each corpus, operations and time; a curve for each training; returns the paths."""
    corpora = sorted({training[0].corpus for training in trainings})
    height = 2.4 * max(1, len(corpora)) + 0.5
    canvas = Canvas(figsize=(TWO_COLUMNS, height), layout="constrained")
    panels = canvas.subplots(max(1, len(corpora)), len(COSTS), sharey="row", squeeze=False)
    for row, corpus in zip(panels, corpora, strict=False):
        here = [training for training in trainings if training[0].corpus == corpus]
        for axis, title in zip(row, COSTS, strict=True):
            _draw_panel(axis, title, here)
        row[0].set_ylabel(f"SI-SDRi (dB), {corpus}\n{_mixtures(here)}")
    handles = {
        label: handle
        for axis in panels.flat
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    canvas.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    canvas.suptitle("Validation while training: a point for each validation")
    return save_figure(canvas, stem)


def _mixtures(trainings: Sequence[Training]) -> str:
    numbers = sorted({training[0].n_validation for training in trainings})
    return f"{' or '.join(map(str, numbers))} validation mixtures"


def _draw_panel(axis: Axes, title: str, trainings: Sequence[Training]) -> None:
    cost = COSTS[title]
    for training in trainings:
        points = validations(training)
        colour, marker = ALL_STYLES.get(training[0].model, OTHER_STYLE)
        axis.plot(
            [cost(line) for line in points],
            [line.si_sdri_db for line in points if line.si_sdri_db is not None],
            marker=marker,
            color=colour,
            label=label_of(training),
        )
    axis.set_xscale("log")
    number_decades(axis, "x", lambda value: format_si(value, "", 1))
    axis.set_xlabel(title)
    axis.margins(y=0.12)
    draw_grid(axis)


def label_of(training: Training) -> str:
    """The network and the size of its batches, which decides what an operation buys."""
    first = training[0]
    name = REGISTRY[first.model].display_name if first.model in REGISTRY else first.model
    return f"{name} ({first.batch} × {first.n_samples} samples)"
