"""Table 2 as Markdown: what each part of SuDoRM-RF costs beside what the paper says it is worth."""

from dataclasses import replace

from bench.registry import TABLE2 as ENTRIES
from bench.render.columns import Column, beside_time, head_beside_time, table1_columns
from bench.render.provenance import describe_provenance
from bench.render.tables.gpu import render_gpu
from bench.render.tables.gpu_inference import render_gpu_inference
from bench.render.tables.markdown import markdown_table
from bench.render.tables.table1 import render_notes
from bench.render.tables.timing import describe_times
from bench.results.published import TABLE1, TABLE2
from bench.results.summary import ModelSummary, RunSummary

PARTS = ["K_E", "C", "B", "Q", "Norm", "Mask activation", "Decoders"]
LEADING_HEADS = [*PARTS, "SI-SDRi (dB), paper's"]
EXPLANATION = (
    "The parts and the SI-SDRi are the paper's (WSJ0-2mix, 200 epochs); nothing was trained for "
    "this table. The costs are measured here; the paper gives none for this table. K_E: samples "
    "of an encoder filter; C: channels between blocks; B: U-ConvBlocks; Q: resamplings. The LN "
    "rows are built after the code behind Table 1, the GLN rows after the authors' improved code."
)


def has_table2(summary: RunSummary) -> bool:
    """Whether a run measured networks that stand in Table 2 alone."""
    return any(_is_only_in_table2(model) for model in summary.models)


def is_only_table2(summary: RunSummary) -> bool:
    """Whether a run measured Table 2 and nothing else."""
    return has_table2(summary) and all(model.entry.name in TABLE2 for model in summary.models)


def _is_only_in_table2(model: ModelSummary) -> bool:
    return model.entry.name in TABLE2 and model.entry.name not in TABLE1


def render_table2(summary: RunSummary) -> str:
    """The rows of Table 2 that a run measured, in the paper's order."""
    by_name = {model.entry.name: model for model in summary.models}
    models = tuple(by_name[entry.name] for entry in ENTRIES if entry.name in by_name)
    columns = table1_columns(summary.update_device)
    costs = [_head(column, summary) for column in columns]
    heads = ["Model", *LEADING_HEADS, *costs]
    own = replace(summary, models=models)
    sections = (
        f"# Table 2 on {summary.environment_name}",
        f"Inference (I) on the CPU; training step (B) on {summary.update_device_name}.",
        markdown_table(heads, [_row(model, columns, summary) for model in models]),
        EXPLANATION,
        *describe_times(summary),
        *render_gpu_inference(own),
        *render_gpu(own),
        *render_notes(own),
        "## Where these values come from",
        "\n".join(f"- {label}: {text}" for label, text in describe_provenance(summary)),
    )
    return "\n\n".join(sections) + "\n"


def _head(column: Column, summary: RunSummary) -> str:
    return "<br>".join(filter(None, (column.heading, head_beside_time(column, summary))))


def _row(model: ModelSummary, columns: list[Column], summary: RunSummary) -> list[str]:
    costs = [
        column.format(model.values[column.metric]) + beside_time(column, model, summary)
        for column in columns
    ]
    return [model.entry.display_name, *leading_cells(model), *costs]


def leading_cells(model: ModelSummary) -> list[str]:
    """What a network is made of, and its published quality, below ``LEADING_HEADS``."""
    row = TABLE2[model.entry.name]
    parts = (row.kernel_size, row.bn_chan, row.n_blocks, row.n_resamplings)
    choices = (row.norm, row.mask_activation, row.n_decoders)
    return [*map(str, parts), *map(str, choices), f"{row.si_sdri_db:.1f}"]
