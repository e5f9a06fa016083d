"""Figures as published beside exact counts, as Markdown."""

from collections.abc import Sequence

from bench.registry import KNOWN
from bench.render.tables.markdown import markdown_table
from bench.results.printed import (
    RULES,
    UNITS,
    Printed,
    exact_count,
    list_rules,
    nearest,
    reproduced_by,
)
from bench.results.record import Record, Status
from bench.units import format_significant

HEADS = ("Network", "Quantity", "Reproduced by", "Source", "Exact count", "Printed")
EXPLANATION = (
    "Each row is one figure as its source prints it. **Reproduced by** names every rule that "
    "gives the printed digits when its count is rounded to them; a rule is a counter, a length of "
    "the mixture, and whether each multiply-add is taken twice. Where none does, the nearest is "
    "named with its distance. A counter can hit a figure by chance: that it reproduces one does "
    "not say that it was used. **Exact count** is of this project's network: parameters, or "
    "multiply-adds of 8,000 samples (a second at 8 kHz); 16,000 samples are a second at 16 kHz. "
    "Times and memory belong to the machine that they were measured on, and no rule reproduces "
    "them; those of this machine are in the other reports."
)
RULES_USED = (
    "Rules: " + "; ".join(RULES.values()) + ". What sets each apart from the exact count is "
    "computed in [operations.md](operations.md)."
)


def render_published(figures: Sequence[Printed], records: Sequence[Record]) -> str:
    """Every figure, those that a count can reproduce first."""
    countable = [figure for figure in figures if figure.is_countable]
    others = [figure for figure in figures if not figure.is_countable]
    n_reproduced = sum(bool(_reproducing(figure, records)) for figure in countable)
    sections = (
        "# Published figures beside exact counts",
        EXPLANATION,
        RULES_USED,
        f"{len(figures)} figures; of {len(countable)} parameters and multiply-adds, "
        f"{n_reproduced} are reproduced.",
        "## Parameters and multiply-adds",
        markdown_table(HEADS, [figure_cells(figure, records) for figure in countable], n_text=4),
        "## Times and memory",
        markdown_table(
            ["Network", "Quantity", "Reproduced by", "Source, measured on", "Batch", "Printed"],
            [_machines_row(figure) for figure in others],
            n_text=4,
        ),
    )
    return "\n\n".join(sections) + "\n"


def _reproducing(figure: Printed, records: Sequence[Record]) -> tuple[str, ...]:
    return tuple(rule.rule for rule in reproduced_by(figure, list_rules(figure, records)))


def figure_cells(figure: Printed, records: Sequence[Record]) -> list[str]:
    """The cells of a figure that a count can reproduce, in the order of ``HEADS``."""
    exact = exact_count(figure, records)
    shown = "" if exact is None else format_significant(exact / UNITS[figure.unit], 4)
    source = figure.where + (f"; {figure.measured_on}" if figure.measured_on else "")
    return [
        figure.network,
        f"{figure.quantity} ({figure.unit})",
        _explain(figure, records),
        source,
        shown or "not counted",
        figure.printed,
    ]


def _explain(figure: Printed, records: Sequence[Record]) -> str:
    if found := _reproducing(figure, records):
        return "; ".join(found)
    best = nearest(figure, list_rules(figure, records))
    if best is not None:
        percent = 100 * (figure.ratio(best.count) - 1)
        return f"not reproduced; nearest: {best.rule} ({percent:+.1f} %)"
    return f"not reproduced: {_why_uncounted(figure, records)}"


def _why_uncounted(figure: Printed, records: Sequence[Record]) -> str:
    if figure.model not in KNOWN:
        return "this project does not build the network"
    reasons = (
        record.reason
        for record in records
        if record.job.model == figure.model and record.status != Status.OK
    )
    return next(reasons, "it was not counted in this run")


def _machines_row(figure: Printed) -> list[str]:
    return [
        figure.network,
        f"{figure.quantity} ({figure.unit})",
        "not reproduced: it belongs to the machine",
        f"{figure.where}; {figure.measured_on}",
        str(figure.batch or ""),
        figure.printed,
    ]
