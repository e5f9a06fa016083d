"""reports/recipes.md: which changes of the recipe are worth their operations."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from bench.render.tables.markdown import markdown_table
from bench.results.recipes import BASE, Compared
from bench.results.training import TrainingLine
from bench.units import format_si

HEADS = [
    "Recipe",
    "SI-SDRi (dB)",
    "Each seed",
    "Gain over the base (dB)",
    "95 % interval",
    "Batch × samples",
    "Training steps",
    "MACs",
    "Processor time",
]
EXPLANATION = """\
Each recipe differs from the base in what its name says; `make recipes` has the options. All have
the same multiply-adds, and are judged by the same validation mixtures, which no test mixture is
among. The interval is Student's t over the seeds: a seed gives a recipe and the base the same first
weights. It covers another seed, and not other mixtures, another network or a longer training.
Processor times are of the machines on which the trainings ran, which may differ."""


def render_recipes(recipes: Sequence[Compared]) -> str:
    """A row for each recipe, the base first and then by what they reach."""
    ordered = sorted(recipes, key=lambda one: (one.name != BASE, -one.mean_db))
    last = next(iter(ordered[0].runs.values()))
    title = f"# Recipes for short trainings: {last.model} on {last.corpus}"
    mixtures = f"{last.n_validation} validation mixtures, {len(ordered[0].runs)} seeds."
    return (
        "\n\n".join([title, EXPLANATION, mixtures, markdown_table(HEADS, map(_row, ordered))])
        + "\n"
    )


def _row(one: Compared) -> list[str]:
    lines = [one.runs[seed] for seed in sorted(one.runs)]
    return [
        one.name,
        f"**{one.mean_db:.2f}**",
        ", ".join(f"{line.si_sdri_db:.2f}" for line in lines),
        "–" if one.gain_db is None else f"{one.gain_db:+.2f}",
        _interval(one),
        " or ".join(sorted({f"{line.batch} × {line.n_samples}" for line in lines})),
        f"{fmean(line.step for line in lines):,.0f}",
        _mean(lines, "macs", ""),
        _mean(lines, "cpu_s", "s"),
    ]


def _interval(one: Compared) -> str:
    if one.gain_db is None:
        return "–"
    if one.low_db is None or one.high_db is None:
        return "none: too few seeds"
    return f"{one.low_db:+.2f} to {one.high_db:+.2f}"


def _mean(lines: Iterable[TrainingLine], field: str, unit: str) -> str:
    return format_si(fmean(getattr(line, field) for line in lines), unit)
