"""Inference on a GPU as Markdown: a second table below the paper's, which has no such column."""

from collections.abc import Iterable

from bench.render.columns import GPU_COLUMNS, beside_time, head_beside_time
from bench.render.tables.markdown import markdown_table, plain
from bench.results.summary import ModelSummary, RunSummary

EXPLANATION = (
    "Time: between two events on the GPU, with half its interval and its ratio as above. Memory: "
    "the most that torch's allocator held in one warmed call. Launches: kernels that one call has "
    "the GPU run. The section GPU says whether they keep it busy."
)


def render_gpu_inference(summary: RunSummary) -> Iterable[str]:
    """Markdown blocks; none for a run without this phase."""
    if "gpu_inference" not in summary.phases:
        return
    heads = ["Model"]
    for column in GPU_COLUMNS:
        below = head_beside_time(column, summary)
        heads.append("<br>".join(filter(None, (column.heading, below))))
    yield "## Inference on the GPU"
    yield f"The same inference on {summary.gpu_name}."
    yield markdown_table(heads, [_row(model, summary) for model in summary.models])
    yield EXPLANATION


def _row(model: ModelSummary, summary: RunSummary) -> list[str]:
    cells = [
        f"**{column.format(model.values[column.metric])}**" + beside_time(column, model, summary)
        for column in GPU_COLUMNS
    ]
    return [plain(model.entry.display_name), *cells]
