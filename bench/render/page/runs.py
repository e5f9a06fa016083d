"""What tells one run from another, the command that makes it again, and a folder's runs."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bench.errors import UsageError
from bench.registry import OPTIONAL, SAMPLE_RATE, TABLE1, Entry
from bench.render.provenance import describe_length, describe_threads
from bench.results.record import Status
from bench.results.store import list_runs, read_records
from bench.results.summary import ModelSummary, RunSummary, summarize

OK, IN_DOUBT = Status.OK.value, "in doubt"
NO_FAULT = frozenset((Status.OK, Status.UNSUPPORTED, Status.SKIPPED))
"""What is missing then was not tried, or can't be had on that machine."""


def describe_family(entry: Entry) -> str:
    """Whose network it is."""
    if entry.name.startswith("sudormrf-"):
        return "SuDoRM-RF"
    if entry in TABLE1:
        return "the paper's baselines"
    return "other packages" if entry.name in OPTIONAL else "own networks"


def describe_machine(summary: RunSummary) -> str:
    """What the networks ran on, by name."""
    gpu = f", {summary.gpu_name}" if summary.update_device == "cuda" else ""
    return f"{summary.environment_name}{gpu}"


def describe_precision(summary: RunSummary) -> str:
    """The dtype, and what float32 means where networks ran on a GPU."""
    on_gpu = replace(summary.workload, device="cuda", tf32=bool(summary.tf32))
    return summary.workload.dtype if summary.tf32 is None else on_gpu.precision


def describe_run(summary: RunSummary) -> str:
    """When it started, and the code."""
    commit = summary.environment.code.commit[:12] if summary.environment else "unknown code"
    return f"{summary.started_at[:16].replace('T', ' ')}, {commit}"


def describe_status(model: ModelSummary) -> str:
    """How the first cell that failed did; else whether a value is doubtful."""
    missing = [value.status for value in model.values.values() if value.is_missing]
    failed = next((status for status in missing if status not in NO_FAULT), None)
    if failed:
        return failed.value
    is_sound = all(value.is_sound or value.is_missing for value in model.values.values())
    return OK if is_sound else IN_DOUBT


FACETS: Mapping[str, Callable[[ModelSummary, RunSummary], str]] = {
    "Family": lambda model, summary: describe_family(model.entry),
    "Machine": lambda model, summary: describe_machine(summary),
    "Device": lambda model, summary: "GPU" if summary.update_device == "cuda" else "CPU",
    "Runtime": lambda model, summary: summary.workload.runtime,
    "Precision": lambda model, summary: describe_precision(summary),
    "Length": lambda model, summary: describe_length(summary),
    "Batch": lambda model, summary: f"batch {summary.workload.batch}",
    "Threads": lambda model, summary: describe_threads(summary.workload.threads),
    "Status": lambda model, summary: describe_status(model),
    "Run": lambda model, summary: describe_run(summary),
}
"""What rows are told apart by."""


def write_command(summary: RunSummary) -> str:
    """What measures the same again, as one types it; how long it took is not known."""
    work = summary.workload
    n_samples = round(work.duration_s * SAMPLE_RATE)
    options = {
        "samples": n_samples,
        "batch": work.batch,
        "threads": work.threads,
        "precision": work.dtype,
        "seed": work.seed,
        "device": summary.update_device,
        **({"tf32": "on"} if summary.tf32 else {}),
        **({"runtime": work.runtime} if work.runtime != "eager" else {}),
    }
    names = [model.entry.name for model in summary.models]
    words = ["python", "-m", "bench.run", "--models", *names]
    words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    words += ["--roofline"] if summary.roofline else []
    return shlex.join(words)


def find_runs(folder: Path, first: Sequence[RunSummary]) -> list[RunSummary]:
    """Some runs, then those of a folder of reports with networks that none before it has.

    They are looked through from the newest; files that make no table are left out.
    """
    runs = list(first)
    seen = {name for summary in runs for name in _names(summary)}
    for summary in _summaries(list_runs(folder / "records")):
        if not _names(summary) <= seen:
            runs.append(summary)
            seen |= _names(summary)
    return runs


def _names(summary: RunSummary) -> set[str]:
    return {model.entry.name for model in summary.models}


def _summaries(paths: Iterable[Path]) -> Iterator[RunSummary]:
    for path in paths:
        with suppress(UsageError):
            yield summarize(read_records(path).records)
