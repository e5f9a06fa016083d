"""Table 1 as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from bench.render.columns import (
    DETAIL_COLUMNS,
    Column,
    beside_time,
    floor_cells,
    floor_heads,
    head_beside_time,
    ratio_to_published,
    table1_columns,
    titles,
)
from bench.render.doubts import explain
from bench.render.provenance import describe_provenance, describe_workload
from bench.render.tables.gpu import render_gpu
from bench.render.tables.gpu_inference import render_gpu_inference
from bench.render.tables.markdown import markdown_table, plain
from bench.render.tables.memory import render_memory
from bench.render.tables.overview import NOT_PUBLISHED, format_si_sdri, render_overview
from bench.render.tables.quality import describe_training
from bench.render.tables.timing import describe_times, render_timing
from bench.results import published as paper
from bench.results.quality import EvaluationRecord
from bench.results.record import Status
from bench.results.summary import ModelSummary, RunSummary
from bench.units import format_significant

Own = Mapping[tuple[str, str], EvaluationRecord]

PAPER_HEADS = ("SI-SDRi speech (dB), paper's", "SI-SDRi non-speech (dB), paper's")
EXPLANATION = (
    "In each cell: **measured here**, below it the paper's value and the ratio measured / "
    "paper. SI-SDRi is the paper's where it says so (\\* the maximum of the authors' own run "
    "and the cited paper). † in doubt: a section near the end says why.\n\n"
    "The paper's “GFLOPs” are multiply-adds by the rules of an old release of thop, with "
    "hardly any backward pass in B (`python -m bench.operations` reproduces them); they stand "
    "beside exact multiply-adds here. A training step (B) multiplies about three times as much "
    "as a forward. The paper's memory is what its sampling profilers saw."
)
COVERED = (
    " Every operator that ran has a formula, or a stated reason (a view, a copy) to have no FLOPs."
)


def render_table1(summary: RunSummary, own: Own | None = None) -> str:
    """The paper's Table 1 with this machine's values, all details, notes and provenance.

    ``own`` are evaluations of networks that were trained here, by network and task.
    """
    own = own or {}
    sections = (
        _heading(summary),
        *render_overview(summary),
        "## The paper's columns",
        markdown_table(*_paper_table(summary, own)),
        EXPLANATION,
        *describe_times(summary),
        *_own_caption(summary, own),
        *render_gpu_inference(summary),
        "## Everything measured",
        markdown_table(*_detail_table(summary)),
        _definitions(summary),
        *render_timing(summary),
        render_memory(summary),
        *render_gpu(summary),
        *render_notes(summary),
        "## Where these values come from",
        "\n".join(f"- {label}: {text}" for label, text in describe_provenance(summary)),
    )
    return "\n\n".join(sections) + "\n"


def _heading(summary: RunSummary) -> str:
    return (
        f"# Table 1 on {summary.environment_name}\n\n"
        f"Inference (I) on the CPU; training step (B) on the "
        f"{'GPU' if summary.update_device == 'cuda' else 'CPU'} ({summary.update_device_name}). "
        f"Both of {describe_workload(summary)}. The paper: {paper.MACHINE}."
    )


def _paper_table(summary: RunSummary, own: Own) -> tuple[list[str], list[list[str]]]:
    columns = table1_columns(summary.update_device)
    tasks = _own_tasks(summary, own)
    in_paper = any(model.published for model in summary.models)
    heads = ["Model", *(PAPER_HEADS if in_paper else ())]
    heads += [f"SI-SDRi {task} (dB), own" for task in tasks]
    heads += [_head(column, summary) for column in columns]
    rows = []
    for model in summary.models:
        cells = [_own_si_sdri(own.get((model.entry.name, task))) for task in tasks]
        cells += [_compared(column, model, summary) for column in columns]
        quality = _si_sdri(model) if in_paper else ()
        rows.append([plain(model.entry.display_name), *quality, *cells])
    return heads, rows


def _own_tasks(summary: RunSummary, own: Own) -> list[str]:
    names = {model.entry.name for model in summary.models}
    return [task for task in ("speech", "sounds") if any((name, task) in own for name in names)]


def _own_si_sdri(record: EvaluationRecord | None) -> str:
    return "not trained here" if record is None else f"**{record.si_sdri_mean_db:.2f}**"


def _own_caption(summary: RunSummary, own: Own) -> Iterable[str]:
    """Which corpus and how much training, so that no short run is taken for a converged one."""
    lines = [
        f"- {plain(model.entry.display_name)}, {task}: {describe_training(own[name, task])}"
        for model in summary.models
        for task in _own_tasks(summary, own)
        if (name := model.entry.name, task) in own
    ]
    if lines:
        yield (
            "SI-SDRi, own: networks trained here, on other corpora than the paper's and most of "
            "them for a short time; not comparable with the paper's columns. They are not of this "
            "run: quality.md has them with intervals. Training steps, time and multiply-adds are "
            "those up to the weights that were kept, of the best validation."
        )
        yield "\n".join(lines)


def _head(column: Column, summary: RunSummary) -> str:
    """The heading; below it, of some, on which device, and what stands behind the value."""
    is_measured_there = column.phase == "update" and column.title in ("Memory", "Time")
    device = f"on {summary.update_device}" if is_measured_there else ""
    below = [text for text in (device, head_beside_time(column, summary)) if text]
    return "<br>".join([column.heading, *([", ".join(below)] if below else [])])


def _si_sdri(model: ModelSummary) -> tuple[str, str]:
    row = model.published
    nonspeech = f"{row.si_sdri_nonspeech_db:.2f}" if row else NOT_PUBLISHED
    return format_si_sdri(model), nonspeech


def _compared(column: Column, model: ModelSummary, summary: RunSummary) -> str:
    """The measured value, a time with its interval and ratio; below it the paper's with the ratio.

    A range is no number, and has no ratio to the paper's.
    """
    value = f"**{column.format(model.values[column.metric])}**"
    measured = value + beside_time(column, model, summary)
    published = column.published_value(model.published)
    if published is None:
        return measured
    ratio = ratio_to_published(column, model)
    ratio_text = f", × {format_significant(ratio)}" if ratio is not None else ""
    return f"{measured}<br>{published / column.scale:.2f}{ratio_text}"


def _detail_table(summary: RunSummary) -> tuple[list[str], list[list[str]]]:
    heads = ["Model", *(column.heading for column in DETAIL_COLUMNS), *floor_heads(summary)]
    rows = [
        [
            plain(model.entry.display_name),
            *(column.format(model.values[column.metric]) for column in DETAIL_COLUMNS),
            *floor_cells(model, summary),
        ]
        for model in summary.models
    ]
    return heads, rows


def _definitions(summary: RunSummary) -> str:
    return (
        "MACs: multiply-adds of convolutions, transposed convolutions, linear and recurrent "
        "layers. FLOPs: two for each multiply-add, plus element-wise work, norms, activations, "
        "and in B the loss and the optimiser. Peak of the process: the kernel's high-water mark "
        "of the resident set during one warmed step, Python and torch included. Peak of the "
        "allocator: all that torch held, weights included; what is asked for and never touched "
        "counts here and not in the process, of which oneDNN's recurrent layers have much. Times "
        "the floor: the time over what the network's matrix products and bytes take by themselves "
        "on the same machine in the same minutes, where that was measured."
        + ("" if any(model.unknown_operators for model in summary.models) else COVERED)
    )


def render_notes(summary: RunSummary) -> Iterable[str]:
    """A section with what is missing or doubtful, if anything; equal sentences are said once."""
    said_of: dict[str, list[str]] = {}  # the networks, by the sentence
    for model in summary.models:
        for value, names in model.to_explain().items():
            status = "" if value.status == Status.OK else f"{value.status.value}: "
            text = f"{_list_metrics(names, model)}: {status}{plain(explain(value))}"
            said_of.setdefault(text, []).append(plain(model.entry.display_name))
    lines = []
    for text, networks in said_of.items():
        is_of_all = len(networks) == len(summary.models) > 1
        lines.append(f"- {'Every network' if is_of_all else ', '.join(networks)}, {text}")
    if lines:
        yield "## What could not be measured, or not well"
        yield "\n".join(lines)


def _list_metrics(names: Sequence[str], model: ModelSummary) -> str:
    called = titles()
    return (
        "everything"
        if len(names) == len(model.values)
        else ", ".join(dict.fromkeys(called[name] for name in names))
    )
