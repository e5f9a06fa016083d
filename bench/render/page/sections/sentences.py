"""What every section says in words: where its values come from, and what is missing."""

from collections.abc import Iterable, Mapping, Sequence

from bench.render.columns import titles
from bench.render.doubts import explain
from bench.results.record import Record, Status
from bench.results.summary import RunSummary, newest_of_each_cell

HOLLOW = (
    "Thin lines are intervals (95 %); a hollow mark is the middle of a range, too noisy to quote."
)


def join(*sentences: str) -> str:
    """One paragraph; empty sentences leave no gap, and each ends before the next begins."""
    return " ".join(text if text[-1] in ".!?" else f"{text}." for text in sentences if text)


def say_origin(records: Sequence[Record], file: str) -> str:
    """The file below the folder of reports, the machine, the code and the time."""
    environment = next((record.environment for record in records if record.environment), None)
    if environment is None:
        return f"From {file}; no process lived long enough to describe the machine."
    machine, code = environment.machine, environment.code
    started = min(record.started_at for record in records)
    return (
        f"From {file}: {machine.cpu}, {machine.n_available_cpus} of {machine.n_cpus} processors, "
        f"commit {code.commit[:12]}{', modified' if code.is_modified else ''}, {started[:10]}."
    )


def say_failures(records: Iterable[Record], names: Mapping[str, str]) -> str:
    """Every cell that was not measured; cells with one reason together.

    ``names`` are what people call the networks, by their names in records.
    """
    found: dict[str, dict[str, None]] = {}
    for record in newest_of_each_cell(records):
        if record.status != Status.OK:
            job = record.job
            chunk = job.workload.chunk_samples
            size = f" in chunks of {chunk}" if chunk else ""
            subject = f"{names.get(job.model, job.model)} ({job.probe}{size})"
            why = f"{record.status.value}: {record.reason}"
            found.setdefault(why, {})[subject] = None
    return _list_missing({why: list(subjects) for why, subjects in found.items()})


def say_missing(summary: RunSummary, metrics: Iterable[str]) -> str:
    """The values of these metrics that a run has not; those with one reason together."""
    called, asked = titles(), set(metrics)
    found: dict[str, list[str]] = {}
    for model in summary.models:
        for value, names in model.to_explain().items():
            shown = [called[name] for name in names if name in asked]
            if value.status != Status.OK and shown:
                why = f"{value.status.value}: {explain(value)}"
                subject = f"{model.entry.display_name} ({', '.join(dict.fromkeys(shown))})"
                found.setdefault(why, []).append(subject)
    return _list_missing(found)


def _list_missing(found: Mapping[str, Sequence[str]]) -> str:
    if not found:
        return ""
    parts = [f"{', '.join(subjects)}: {why.rstrip('.')}" for why, subjects in found.items()]
    return f"Not measured: {'; '.join(parts)}."
