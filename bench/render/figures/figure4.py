"""The paper's Figure 4: separation quality while training, against what the training costs."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

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
Cost = Callable[[TrainingLine], float | None]
COSTS: Mapping[str, Cost] = {
    "Multiply-adds of training steps": lambda line: line.macs,
    "Processor time, validations included (s)": lambda line: line.cpu_s,
    "Energy, validations included (J)": lambda line: line.energy_j,
}
ENDED = "ended before its budget of operations"
COLUMN_LETTERS = 105
"""As many letters of a title stand in a line."""
NO_BREAK = "\N{NO-BREAK SPACE}"

Training = Sequence[TrainingLine]


@paper_style()
def write_figure4(trainings: Sequence[Training], stem: Path) -> list[Path]:
    """A row for each corpus, a column for each cost that is known, a curve for each training."""
    corpora = sorted({training[0].corpus for training in trainings})
    costs = known_costs(trainings)
    height = 2.4 * max(1, len(corpora)) + 0.9
    canvas = Canvas(figsize=(TWO_COLUMNS, height), layout="constrained")
    panels = canvas.subplots(max(1, len(corpora)), len(costs), sharey="row", squeeze=False)
    for row, corpus in zip(panels, corpora, strict=False):
        here = [training for training in trainings if training[0].corpus == corpus]
        for axis, title in zip(row, costs, strict=True):
            _draw_panel(axis, title, here)
        row[0].set_ylabel(f"SI-SDRi (dB), {corpus}\n{_mixtures(here)}")
    handles = {
        label: handle
        for axis in panels.flat
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    canvas.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
    canvas.suptitle(
        "\n".join(
            line
            for sentence in (
                "Validation while training: a point for each validation.",
                *describe_steps(trainings),
            )
            for line in textwrap.wrap(sentence, COLUMN_LETTERS, break_on_hyphens=False)
        )
    )
    return save_figure(canvas, stem)


def known_costs(trainings: Sequence[Training]) -> list[str]:
    """The titles of the costs that some training knows: energy needs a counter."""
    lines = [line for training in trainings for line in validations(training)]
    return [title for title, cost in COSTS.items() if any(cost(line) for line in lines)] or [
        *COSTS
    ][:1]


class Steps(NamedTuple):
    """How many a training made, and at least how many of them before its network separated."""

    total: int
    of_filterbank: int

    @classmethod
    def of(cls, training: Training) -> Self:
        """As its lines say; the last of the filterbank may be some steps before its end."""
        before = [line.step for line in training if line.phase == "filterbank"]
        return cls(training[-1].step, max(before, default=0))

    @property
    def separating(self) -> int:
        """At most so many trained what separates."""
        return self.total - self.of_filterbank

    def __str__(self) -> str:
        before = (
            f" ({self.of_filterbank:,} or more of its filterbank)" if self.of_filterbank else ""
        )
        return f"{self.total:,}{before}"


def describe_steps(trainings: Sequence[Training]) -> list[str]:
    """What equal operations mean where networks make very different numbers of steps of them.

    Of the corpus on which most networks were trained to the end.
    """
    found: dict[str, dict[str, Steps]] = {}
    for training in trainings:
        if ended_early(training):
            continue
        found.setdefault(training[0].corpus, {})[name_of(training)] = Steps.of(training)
    corpus, steps = max(found.items(), key=lambda item: len(item[1]), default=("", {}))
    separating = sorted(one.separating for one in steps.values())
    if len(steps) < 2 or separating[-1] < 2 * separating[0]:
        return []
    ordered = sorted(steps, key=lambda name: -steps[name].separating)
    numbers = ", ".join(f"{name} {steps[name]}".replace(" ", NO_BREAK) for name in ordered)
    return [
        "Equal operations are fewer training steps for a costlier network, here on "
        f"{corpus}: {numbers}. What few steps reach says how fast a network learns from them, "
        "and not how good it can get."
    ]


def ended_early(training: Training) -> bool:
    """Whether less than the whole training is behind at its last line."""
    share = training[-1].share
    return share is not None and share < 1


def _mixtures(trainings: Sequence[Training]) -> str:
    numbers = sorted({training[0].n_validation for training in trainings})
    return f"{' or '.join(map(str, numbers))} validation mixtures"


def _draw_panel(axis: Axes, title: str, trainings: Sequence[Training]) -> None:
    for training in trainings:
        colour, marker = ALL_STYLES.get(training[0].model, OTHER_STYLE)
        points = _points(training, COSTS[title])
        axis.plot(*_xy(points), marker=marker, color=colour, label=label_of(training))
    for training in filter(ended_early, trainings):
        last = _points(training, COSTS[title])[-1:]
        axis.plot(*_xy(last), "x", color="black", markersize=9.0, zorder=5, label=ENDED)
    axis.set_xscale("log")
    number_decades(axis, "x", lambda value: format_si(value, "", 1))
    axis.set_xlabel(title)
    axis.margins(y=0.12)
    draw_grid(axis)


def _points(training: Training, cost: Cost) -> list[tuple[float, float]]:
    """What each validation came to and found, where the cost is known."""
    return [
        (spent, line.si_sdri_db)
        for line in validations(training)
        if (spent := cost(line)) and line.si_sdri_db is not None
    ]


def _xy(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def name_of(training: Training) -> str:
    """What the network is called."""
    model = training[0].model
    return REGISTRY[model].display_name if model in REGISTRY else model


def label_of(training: Training) -> str:
    """The network, its form, and the size of its batches, which decides what an operation buys."""
    first = training[0]
    form = "" if first.runtime == "eager" else f"{first.runtime}, "
    return f"{name_of(training)} ({form}{first.batch} × {first.n_samples} samples)"
