"""explain/<model>.md and .json, figures, and the terminal's lines: what a profile says."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.registry import Entry
from bench.render.figures.profile_memory import write_memory_figure
from bench.render.phases import PHASE_NAMES, title_of
from bench.render.provenance import describe_provenance
from bench.render.tables.profile import render_time
from bench.render.tables.profile_memory import render_memory_profile
from bench.render.terminal.profile import render_expensive_lines
from bench.render.terminal.table import print_whole
from bench.results.costs import Costs
from bench.results.profile import Profile, StepTrace
from bench.results.record import Record, Status, results_of
from bench.results.summary import summarize
from bench.results.workload import Phase

HOW = (
    "Passes of their own, on one process: one that notes every operator, calls in pairs without "
    "and with torch's profiler, and one that follows the allocator. A time is the mean over the "
    "profiled calls ± half its interval (95 %, Student's t over calls of this process; another "
    "process may differ by more); † from 10 % on, and a range, marked noisy, from 25 % on. FLOPs/B "
    "is the arithmetic intensity; moved are the bytes that operators read and write, each tensor "
    "once; still held is what is there when the operators have ended. The C library's malloc keeps "
    "freed pages, as where times are measured."
)


def file_name(*names: str) -> str:
    """Names of networks or revisions as part of a file's."""
    return re.sub(r"[^\w.-]+", "-", "-and-".join(names)).strip("-")


def figure_name(entry: Entry, phase: Phase) -> str:
    """The file of the memory over time, without its suffix."""
    return f"{file_name(entry.name)}-{phase.replace('_', '-')}-memory"


def write_explanations(
    entries: Sequence[Entry], records: Sequence[Record], folder: Path, depth: int
) -> list[Path]:
    """All artefacts from records alone."""
    paths = []
    for entry in entries:
        own = [record for record in records if record.job.model == entry.name]
        report = folder / f"{file_name(entry.name)}.md"
        report.write_text(render_explanation(entry, own, depth), encoding="utf-8")
        data = folder / f"{file_name(entry.name)}.json"
        data.write_text(render_json(entry, own), encoding="utf-8")
        paths += [report, data]
        for record, profile in results_of(Profile, own):
            phase = record.job.workload.phase
            title = f"{entry.display_name}, {PHASE_NAMES[phase]}"
            paths += write_memory_figure(profile, title, folder / figure_name(entry, phase))
    return paths


def write_traces(entries: Sequence[Entry], records: Sequence[Record], folder: Path) -> list[Path]:
    """A file for Perfetto or Chrome for each network and phase that could be traced."""
    names = {entry.name: file_name(entry.name) for entry in entries}
    paths = []
    for record, trace in results_of(StepTrace, records):
        job = record.job
        paths.append(folder / f"{names[job.model]}-{job.workload.phase}.trace.json.gz")
        paths[-1].write_bytes(trace.packed)
    return paths


def render_explanation(entry: Entry, records: Sequence[Record], depth: int) -> str:
    """The report of one network; a phase that could not be profiled says why."""
    sections = [f"# {entry.display_name}: where time and memory go", HOW]
    for record, profile in results_of(Profile, records):
        phase = record.job.workload.phase
        sections.append(f"## {title_of(phase)}")
        sections += render_time(profile, depth)
        sections += render_memory_profile(profile)
        figure = f"{figure_name(entry, phase)}.png"
        sections.append(f"![Memory alive over the operators of the step]({figure})")
    sections += _failures(records)
    lines = describe_provenance(summarize(records))
    sections += ["## Where these values come from", "\n".join(f"- {a}: {b}" for a, b in lines)]
    return "\n\n".join(sections) + "\n"


def _failures(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        if record.status != Status.OK:
            phase = title_of(record.job.workload.phase)
            yield f"## {phase}: not profiled"
            yield f"{record.status.value}: {record.reason}"


def render_json(entry: Entry, records: Sequence[Record]) -> str:
    """All of it: every row with its costs, and the memory over the operators of the step."""
    phases = {
        record.job.workload.phase: _phase_fields(profile)
        for record, profile in results_of(Profile, records)
    }
    text = json.dumps(
        {"model": entry.name, "phases": phases}, separators=(",", ":"), default=str, allow_nan=False
    )
    return text + "\n"


COST_COLUMNS = (
    "time_s",
    "half_width",
    "calls",
    "macs",
    "flops",
    "bytes_moved",
    "floor_s",
    "n_allocations",
    "allocated_bytes",
    "held_bytes",
)


def _phase_fields(profile: Profile) -> dict[str, Any]:
    """``rows`` hold a value for each of ``columns``; ``saved`` and ``operators`` number them."""
    costs, memory = Costs(profile), profile.memory
    rows = []
    for number, row in enumerate(profile.rows):
        cost = costs.of([number])
        values = [getattr(cost, name) for name in COST_COLUMNS]
        rows.append([*asdict(row.place).values(), row.kind, *values])
    return {
        "step_s": costs.whole_s,
        "overhead": costs.overhead,
        "unattributed": costs.unattributed,
        "macs": profile.macs,
        "flops": profile.flops,
        "defined_macs": profile.defined_macs,
        "rates": asdict(profile.rates),
        "columns": ["part", "module", "operator", "line", "kind", *COST_COLUMNS],
        "rows": rows,
        "peak_bytes": memory.peak_bytes,
        "before_bytes": memory.before_bytes,
        "operators": memory.rows,
        "live_bytes": [
            (operator, memory.live_bytes[change])
            for operator, change in memory.fullest_change_of_each_operator()
        ],
        "saved": [[saved.n_bytes, saved.made_by, saved.kept_for] for saved in profile.saved],
    }


def print_explanations(entries: Sequence[Entry], records: Sequence[Record]) -> None:
    """The most expensive lines of each network and phase."""
    console = Console()
    names = {entry.name: entry.display_name for entry in entries}
    for record, profile in results_of(Profile, records):
        title = f"{names[record.job.model]}, {PHASE_NAMES[record.job.workload.phase]}"
        print_whole(render_expensive_lines(profile, title), console)
