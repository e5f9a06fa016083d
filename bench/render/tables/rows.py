"""Table 1 as data, CSV and JSON: raw values in SI units, nothing rounded, each file by itself."""

import json
from collections.abc import Iterable, Sequence

from bench.render.columns import Column, table1_columns
from bench.render.doubts import explain
from bench.results.frame import make_frame, to_csv
from bench.results.gpu import GpuSummary
from bench.results.statistics import MIN_PROCESSES, Estimate
from bench.results.summary import ModelSummary, RunSummary
from bench.results.timing import DoubtKind, estimate_doubts
from bench.results.workload import Phase

RESTS_ON = ("low", "high", "level", "processes", "calls", "is_range", "doubts")
GPU_BYTES = (
    "cold_peak_allocated_bytes",
    "peak_reserved_bytes",
    "cold_peak_reserved_bytes",
    "process_bytes",
    "cold_process_bytes",
)
LAUNCHES = ("call_s", "busy_s", "is_launch_bound", "replay_s", "replay_status", "replay_reason")
READINGS = ("sm_clock_hz", "memory_clock_hz", "temperature_c", "power_w")
Cell = str | int | float | None


def render_csv(summary: RunSummary) -> str:
    """One row for each network; what is not there is empty, and its status says why."""
    return to_csv(make_frame(to_rows(summary)))


def render_json(summary: RunSummary) -> str:
    """The same rows as a list of objects."""
    return json.dumps(to_rows(summary), indent=1) + "\n"


def to_rows(summary: RunSummary) -> list[dict[str, Cell]]:
    """What was measured, where and how, every value with its status and doubts, the paper's."""
    compared = {column.metric: column for column in table1_columns(summary.update_device)}
    place = _place(summary)
    return [place | _row(model, compared, summary) for model in summary.models]


def _place(summary: RunSummary) -> dict[str, Cell]:
    """What all rows share."""
    work, environment = summary.workload, summary.environment
    gpu = environment.machine.gpu if environment else None
    return {
        "model": "",  # the first column
        "n_samples": work.n_samples,
        "batch": work.batch,
        "dtype": work.dtype,
        "tf32": summary.tf32,
        "threads": work.threads,
        "seed": work.seed,
        "runtime": work.runtime,
        "inference_device": "cpu",
        "update_device": summary.update_device,
        "cpu": summary.environment_name,
        "gpu": gpu.name if gpu else None,
        "torch": environment.versions["torch"] if environment else None,
        "commit": environment.code.commit if environment else None,
        "is_modified": environment.code.is_modified if environment else None,
        "started_at": summary.started_at,
        "ratio_base": summary.base,
        "keeps_pages": summary.keeps_pages,
        "took_turns": summary.took_turns,
    }


def _row(model: ModelSummary, compared: dict[str, Column], summary: RunSummary) -> dict[str, Cell]:
    paper = model.published
    row: dict[str, Cell] = {
        "model": model.entry.name,
        "paper_si_sdri_speech_db": paper.si_sdri_speech_db if paper else None,
        "paper_si_sdri_nonspeech_db": paper.si_sdri_nonspeech_db if paper else None,
    }
    for metric in summary.metrics:
        value = model.values[metric.name]
        row[metric.name] = value.value
        row[f"{metric.name}_status"] = value.status.value
        row[f"{metric.name}_reason"] = explain(value)
        row[f"{metric.name}_is_sound"] = value.is_sound
        if metric.name in compared:
            row[f"{metric.name}_paper"] = compared[metric.name].published_value(paper)
    for phase in summary.phases:
        timing = model.timings.get(phase)
        doubts = [doubt.kind for doubt in model.values[f"latency_s_{phase}"].doubts]
        row |= estimate_cells(f"latency_s_{phase}", timing.latency if timing else None, doubts)
        row[f"latency_s_{phase}_calls_disturbed"] = timing.n_disturbed if timing else None
        row[f"page_faults_{phase}"] = timing.page_faults if timing else None
        row |= judged_cells(f"ratio_{phase}", timing.ratio if timing else None)
    if summary.roofline:
        point = summary.roofline.point_of(model.entry.name, summary.workload.runtime)
        row |= judged_cells("times_the_floor_inference", point.times_the_floor if point else None)
    row["unknown_operators"] = " ".join(model.unknown_operators)
    for phase in _phases_on_gpu(summary):
        row |= _gpu_cells(phase, model.gpu.get(phase))
    return row


def _phases_on_gpu(summary: RunSummary) -> list[Phase]:
    return [phase for phase in summary.phases if any(phase in m.gpu for m in summary.models)]


def _gpu_cells(phase: Phase, found: GpuSummary | None) -> dict[str, Cell]:
    """What is known of calls on a GPU beside their time; empty where none succeeded."""
    cells = judged_cells(f"host_s_{phase}", found.host if found else None)
    cells |= judged_cells(f"cold_cache_s_{phase}", found.cold_cache if found else None)
    sources: tuple[tuple[object, Sequence[str]], ...] = (
        (found.memory if found else None, GPU_BYTES),
        (found.launches if found else None, LAUNCHES),
    )
    for source, names in sources:
        cells |= {f"{name}_{phase}": getattr(source, name, None) for name in names}
    for name in READINGS:
        cells[f"{name}_{phase}"] = found.reading(name) if found else None
    cells[f"round_energy_j_{phase}"] = found.round_energy_j if found else None
    cells[f"slowed_by_{phase}"] = "; ".join(found.slowed_by) if found else None
    return cells


def judged_cells(name: str, estimate: Estimate | None) -> dict[str, Cell]:
    """A value, unless it can't be trusted, and what it rests on."""
    value = estimate.value if estimate and estimate.is_trusted else None
    doubts = estimate_doubts(estimate) if estimate else []
    return {name: value, **estimate_cells(name, estimate, doubts)}


def estimate_cells(
    name: str, estimate: Estimate | None, doubts: Iterable[DoubtKind]
) -> dict[str, Cell]:
    """What a time or a ratio rests on: interval or range, processes, and undisturbed calls.

    A range of too few processes is all that was seen, and has no level.
    """
    if estimate is None:
        return {f"{name}_{field}": None for field in RESTS_ON}
    interval = estimate.interval if estimate.n_processes >= MIN_PROCESSES else None
    values: tuple[Cell, ...] = (
        *estimate.span,
        interval.level if interval else None,
        estimate.n_processes,
        estimate.n_samples,
        not estimate.is_trusted,
        " ".join(doubts),
    )
    return {f"{name}_{field}": value for field, value in zip(RESTS_ON, values, strict=True)}
