"""The ratios of a run beside those of another, such as the committed one."""

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from bench.render.columns import LETTERS
from bench.render.estimates import NOISY, format_ratio
from bench.results.statistics import Estimate
from bench.results.summary import RunSummary
from bench.results.workload import GPU_PHASES
from bench.units import format_significant


def render_beside(ours: RunSummary, theirs: RunSummary) -> Table | None:
    """A row for each network and phase that both timed; None where their ratios can't be compared.

    Times of two machines or two hours differ; ratios of networks that took turns last.
    """
    if ours.base is None or ours.base != theirs.base or _size(ours) != _size(theirs):
        return None
    table = Table(
        title=f"Times as ratios to {ours.base}, beside the run of {theirs.started_at[:10]}",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Model", no_wrap=True)
    for head in ("Here", "There", "Here / there"):
        table.add_column(head, justify="right", no_wrap=True)
    others = {model.entry.name: model.timings for model in theirs.models}
    for model in ours.models:
        for phase in GPU_PHASES:
            here = model.timings.get(phase)
            there = others.get(model.entry.name, {}).get(phase)
            is_base = model.entry.name == ours.base
            if is_base or here is None or there is None or not (here.ratio and there.ratio):
                continue
            name = f"{model.entry.display_name} {LETTERS[phase]}"
            ratios = (format_ratio(here.ratio), format_ratio(there.ratio))
            table.add_row(escape(name), *ratios, _quotient(here.ratio, there.ratio))
    return table if table.row_count else None


def _quotient(here: Estimate, there: Estimate) -> str:
    """Of two numbers; a range is none."""
    if not (here.is_trusted and there.is_trusted):
        return NOISY
    return format_significant(here.value / there.value)


def _size(run: RunSummary) -> tuple[int, int, str, bool | None]:
    """What ratios depend on most."""
    return run.workload.n_samples, run.workload.batch, run.workload.dtype, run.tf32
