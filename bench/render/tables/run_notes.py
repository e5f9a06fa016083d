"""What several runs could not measure, or not well, and where their values come from, by run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bench.render.doubts import explain
from bench.render.provenance import describe_provenance
from bench.render.run_columns import SideBySide
from bench.render.tables.markdown import plain
from bench.results.record import Status
from bench.results.summary import ModelSummary, RunSummary, Value


def render_run_notes(table: SideBySide) -> Iterator[str]:
    """A section with the status and reason of each gap and doubt of the columns, if any."""
    called = {column.metric: column.name for column in table.columns}
    explained = {run.name: list_notes(run.summary, called) for run in table.runs}
    if any(explained.values()):
        yield "## What could not be measured, or not well"
    for name, lines in explained.items():
        if lines:
            yield f"### In {plain(name)}"
            yield "\n".join(f"- {line}" for line in lines)


def list_notes(run: RunSummary, called: Mapping[str, str]) -> list[str]:
    """Sentences about those metrics that are ``called`` something; equal ones are said once."""
    said_of: dict[str, list[str]] = {}  # the networks, by the sentence
    for model in run.models:
        shown = {name: model.values[name] for name in called if name in model.values}
        for sentence in _explain(replace(model, values=shown), called):
            said_of.setdefault(sentence, []).append(plain(model.entry.display_name))
    n_models = len(run.models)
    return [
        f"{'Every network' if len(names) == n_models > 1 else ', '.join(names)}, {sentence}"
        for sentence, names in said_of.items()
    ]


def _explain(model: ModelSummary, called: Mapping[str, str]) -> Iterator[str]:
    for value, metrics in model.to_explain().items():
        is_all = len(metrics) == len(model.values)
        about = "everything" if is_all else ", ".join(called[name] for name in metrics)
        yield f"{about}: {_say(value)}"


def _say(value: Value) -> str:
    status = "" if value.status == Status.OK else f"{value.status.value}: "
    return status + plain(explain(value))


def render_run_provenance(table: SideBySide) -> Iterator[str]:
    """A section: machine, versions, workload, commit and time of each run."""
    yield "## Where these values come from"
    for run in table.runs:
        yield f"### {plain(run.name)}"
        lines = describe_provenance(run.summary)
        yield "\n".join(f"- {label}: {plain(text)}" for label, text in lines)
