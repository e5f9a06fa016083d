"""Where the memory of a step goes, and how far that is from what it must hold, as Markdown."""

from bench.render.columns import LETTERS, memory_columns
from bench.render.tables.markdown import markdown_table, plain
from bench.results.summary import ModelSummary, RunSummary
from bench.results.workload import Phase
from bench.units import format_significant

ON_GPU = "On a GPU the peak of the allocator holds cuBLAS's workspaces too, in no other column."
EXPLANATION = (
    "Peak of the process: the kernel's high-water mark in one warmed step, Python and torch "
    "included; memory-profiler's is sampled every 10 ms, as the paper's was, in the first step, "
    "and misses what is shorter. Peak of the allocator: all that torch held at most. It is the sum "
    "of weights (with buffers), gradients, Adam's state, and activations, which are all else that "
    "the step held at that moment, its input and workspace included. Theoretical minimum: "
    "what any schedule must hold that runs the same operators one by one and frees each result "
    "after its last use; no recomputation, no fusion, no workspace. Held / minimum: the peak of "
    "the allocator over it; at 1, nothing is held for longer than these operators need it."
)


def render_memory(summary: RunSummary) -> str:
    """A section: one row for each network and phase."""
    heads = ["Model", "Phase", *(c.heading for c in memory_columns("inference")), "Held / minimum"]
    rows = [_row(model, phase) for model in summary.models for phase in summary.phases]
    table = markdown_table(heads, rows)
    explanation = EXPLANATION if summary.tf32 is None else f"{EXPLANATION} {ON_GPU}"
    return f"## Memory, and where it goes\n\n{table}\n\n{explanation}"


def _row(model: ModelSummary, phase: Phase) -> list[str]:
    cells = [column.format(model.values[column.metric]) for column in memory_columns(phase)]
    return [
        plain(model.entry.display_name),
        LETTERS[phase],
        *cells,
        _held_over_minimum(model, phase),
    ]


def _held_over_minimum(model: ModelSummary, phase: Phase) -> str:
    """The ratio, or the status of the one that is missing."""
    held = model.values[f"peak_allocated_bytes_{phase}"]
    minimum = model.values[f"minimum_bytes_{phase}"]
    if held.value is None:
        return held.word
    return format_significant(held.value / minimum.value) if minimum.value else minimum.word
