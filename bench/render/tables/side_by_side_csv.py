"""comparison.csv: a row for each value of each run, raw and in SI units, nothing rounded."""

from collections.abc import Iterator
from itertools import product

from bench.render.doubts import explain
from bench.render.run_columns import SideBySide, is_there
from bench.render.run_names import NamedRun
from bench.results.frame import make_frame, to_csv
from bench.results.side_by_side import base_of, divide, ratio_within, value_in
from bench.results.summary import Value

Cell = str | int | float | None


def render_side_by_side_csv(table: SideBySide) -> str:
    """Metric by metric, network by network, run by run; what a run has not has no row."""
    return to_csv(make_frame(list(list_rows(table))))


def list_rows(table: SideBySide) -> Iterator[dict[str, Cell]]:
    """A value, its ratio to that of the first run, its ratio to the base of its own run.

    A range has ends and no value. Ratios to the first run are of values that were measured apart.
    """
    for column, entry, run in product(table.columns, table.entries, table.runs):
        value = value_in(run.summary, entry.name, column.metric)
        if value is None or not is_there(value):
            continue
        yield {
            "metric": column.metric,
            "unit": column.base_unit,
            "model": entry.name,
            "run": run.name,
            **_number("value", value),
            "status": value.status.value,
            "reason": explain(value),
            "doubts": " ".join(doubt.kind for doubt in value.doubts),
            **_number("ratio_to_first_run", _over_first(table, run, column.metric, entry.name)),
            **_number("ratio_to_base", ratio_within(run.summary, entry.name, column.metric)),
            "base": base_of(run.summary),
            **_place(run),
        }


def _over_first(table: SideBySide, run: NamedRun, metric: str, name: str) -> Value | None:
    """None of the first run itself, and where one of the two has no such network."""
    first = table.runs[0]
    if run.name == first.name:
        return None
    value, by = (value_in(which.summary, name, metric) for which in (run, first))
    return divide(value, by) if value and by else None


def _number(name: str, value: Value | None) -> dict[str, Cell]:
    """A number, or the ends of its range; of a number those of its interval, where it has one."""
    interval = value.interval if value else None
    ends = value.span if value and value.span else (interval and (interval.low, interval.high))
    low, high = ends or (None, None)
    return {name: value.value if value else None, f"{name}_low": low, f"{name}_high": high}


def _place(run: NamedRun) -> dict[str, Cell]:
    """What all rows of a run share."""
    work, environment = run.summary.workload, run.summary.environment
    gpu = environment.machine.gpu if environment else None
    return {
        "cpu": run.summary.environment_name,
        "gpu": gpu.name if gpu else None,
        "update_device": run.summary.update_device,
        "n_samples": work.n_samples,
        "batch": work.batch,
        "dtype": work.dtype,
        "threads": work.threads,
        "runtime": work.runtime,
        "torch": environment.versions["torch"] if environment else None,
        "commit": environment.code.commit if environment else None,
        "is_modified": environment.code.is_modified if environment else None,
        "started_at": run.summary.started_at,
    }
