"""sweep.md: what the cells of a sweep say, how good forecasts were, and what is missing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.registry import Entry
from bench.render.cell_names import CellNames, describe_samples
from bench.render.doubts import describe_doubts
from bench.render.provenance import describe_provenance
from bench.render.tables.markdown import markdown_table
from bench.render.tables.sweep_answers import render_answers
from bench.render.tables.sweep_growth import render_growth
from bench.results.record import Record, broken_networks
from bench.results.statistics import MIN_CALLS, MIN_PROCESSES, WIDEST
from bench.results.summary import newest_of_each_cell, summarize
from bench.results.sweep import Key, SweepCell, key_of
from bench.results.sweep_answers import GOOD_ERROR, ForecastAccuracy, SweepSummary, judge_forecasts
from bench.results.timing import Doubt, DoubtKind
from bench.units import format_si

MOST_NAMED = 4
"""Cells of one doubt; of more, their number."""
EXPLANATION = (
    "Each cell was measured in processes of its own, as in bench.run. Times are of undisturbed "
    "calls, ± half the interval over processes (95 %). A range marked noisy stands where fewer "
    f"than {MIN_PROCESSES} processes or {MIN_CALLS} undisturbed calls are behind it, or half the "
    f"interval is {100 * WIDEST:.0f} % or more. Lengths are at 8 kHz. All cells are in the CSV "
    "file."
)
FORECASTS = (
    "A forecast is made before its cell is measured, from smaller cells of the network and the "
    "liveness walk of this one. Error: forecast over measured, less 1."
)
FAILURE_HEADS = ("Model", "Length", "Setting", "Probe", "Status", "Reason")
FigureNames = Mapping[str, str]
"""The files of figures by their titles."""


def render_sweep(
    entries: Sequence[Entry], records: Sequence[Record], sweep: SweepSummary, figures: FigureNames
) -> str:
    """The whole report; each section only where its records are."""
    names = CellNames.of(entries, sweep.cells)
    sections = [
        "# How cost grows with length, batch and threads",
        EXPLANATION,
        *(f"![{title}]({file})" for title, file in figures.items()),
        *render_answers(sweep, names),
        *render_growth(sweep, names),
        *_forecasts(sweep, names),
        *_doubts(sweep.cells, names),
        *_failures(sweep.cells, records, names),
        "## Where these values come from",
        _provenance(records, names),
    ]
    return "\n\n".join(sections) + "\n"


def _forecasts(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    peaks = {
        "process": judge_forecasts(sweep.cells, lambda cell: cell.process_error),
        "allocator": judge_forecasts(sweep.cells, lambda cell: cell.allocated_error),
    }
    found = {peak: accuracy for peak, accuracy in peaks.items() if accuracy.errors}
    if not found:
        return
    yield "## Forecasts of memory"
    rows = [[peak, *_accuracy(accuracy, names)] for peak, accuracy in found.items()]
    heads = ["Peak of the", "Worst cell", "Forecasts", "Within 10 %", "Median error", "Worst error"]
    yield markdown_table(heads, rows, 2)
    yield FORECASTS
    if missed := list(_missed(found, names)):
        yield "Beyond 10 %:"
        yield "\n".join(missed)


def _accuracy(accuracy: ForecastAccuracy, names: CellNames) -> list[str]:
    worst, error = accuracy.errors[0]
    n = len(accuracy.errors)
    return [
        names.cell(worst.key),
        str(n),
        describe_share(accuracy),
        f"{100 * accuracy.median_error:+.1f} %",
        f"{100 * error:+.1f} %",
    ]


def describe_share(accuracy: ForecastAccuracy) -> str:
    """How many of all forecasts were good."""
    n = len(accuracy.errors)
    return f"{accuracy.n_good} of {n} ({100 * accuracy.n_good / n:.1f} %)"


def _missed(found: Mapping[str, ForecastAccuracy], names: CellNames) -> Iterator[str]:
    fields = {"process": "process_bytes", "allocator": "allocated_bytes"}  # of both
    for peak, accuracy in found.items():
        field = fields[peak]
        for cell, error in accuracy.errors:
            if abs(error) > GOOD_ERROR and cell.forecast:
                n_smaller = cell.forecast.n_smaller
                yield (
                    f"- {names.cell(cell.key)}, {peak}: forecast "
                    f"{format_si(getattr(cell.forecast, field), 'B')} from {n_smaller} smaller "
                    f"cell{'' if n_smaller == 1 else 's'}, measured "
                    f"{format_si(getattr(cell, field), 'B')} ({100 * error:+.1f} %)"
                )


def _doubts(cells: Iterable[SweepCell], names: CellNames) -> Iterator[str]:
    """By kind, with the sentence of the first; a wide interval is seen beside its time."""
    found: dict[DoubtKind, list[tuple[SweepCell, Doubt]]] = {}
    for cell in cells:
        for doubt in cell.timing.doubts if cell.timing else ():
            if doubt.kind != DoubtKind.WIDE_INTERVAL:
                found.setdefault(doubt.kind, []).append((cell, doubt))
    if found:
        yield "## Doubts about times"
        yield "\n".join(_doubt_line(items, names) for items in found.values())


def _doubt_line(items: Sequence[tuple[SweepCell, Doubt]], names: CellNames) -> str:
    sentence = describe_doubts([items[0][1]])
    named = [names.cell(cell.key) for cell, _ in items]
    if len(named) <= MOST_NAMED:
        return f"- {'; '.join(named)}: {sentence}"
    return f"- {len(named)} cells, the first of them {named[0]}: {sentence}"


def _failures(
    cells: Iterable[SweepCell], records: Sequence[Record], names: CellNames
) -> Iterator[str]:
    if rows := list_failures(cells, records, names):
        yield "## What was not measured, and why"
        yield markdown_table(FAILURE_HEADS, rows, len(FAILURE_HEADS))


def list_failures(
    cells: Iterable[SweepCell], records: Sequence[Record], names: CellNames
) -> list[list[str]]:
    """A row for each network that broke its contract, and for each reason of a cell."""
    rows = [
        [names.models[name], "", "", record.job.probe, record.status.value, record.reason]
        for name, record in broken_networks(records).items()
        if name in names.models
    ]
    for cell in cells:
        reasons: dict[tuple[str, str], list[str]] = {}
        for failure in cell.failures:
            reasons.setdefault((failure.status.value, failure.reason), []).append(failure.probe)
        for (status, reason), probes in reasons.items():
            length, setting = describe_samples(cell.key.n_samples), names.setting(cell.key)
            rows.append([names.model(cell.key), length, setting, ", ".join(probes), status, reason])
    return rows


def _provenance(records: Sequence[Record], names: CellNames) -> str:
    """As of a run of one workload, but for the line that says which workloads there were."""
    own = [r for r in newest_of_each_cell(records) if r.job.model in names.models]
    if not own:
        return "Unknown: no network was measured."
    described = [record for record in own if record.environment] or own
    lines = dict(describe_provenance(summarize(described[:1])))
    lines["Started"] = min(record.started_at for record in own)
    if "Workload" in lines:
        lines["Workload"] = _workloads([key_of(record) for record in own])
    return "\n".join(f"- {label}: {text}" for label, text in lines.items())


def _workloads(keys: Sequence[Key]) -> str:
    """Every value of each setting."""
    names = {"n_samples": "samples", "batch": "batch", "threads": "threads", "dtype": "dtype"}
    values = {
        name: ", ".join(map(str, sorted({getattr(key, field) for key in keys})))
        for field, name in names.items()
    }
    return "recorded speech at 8 kHz; " + "; ".join(f"{n} {text}" for n, text in values.items())
