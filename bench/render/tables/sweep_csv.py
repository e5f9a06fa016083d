"""sweep.csv: a row for each cell of a sweep, raw values in SI units, nothing rounded."""

from collections.abc import Iterable

from bench.render.tables.rows import estimate_cells
from bench.results.frame import make_frame, to_csv
from bench.results.sweep import SweepCell
from bench.results.sweep_answers import SweepSummary

Row = dict[str, object]
FORECAST = ("minimum_bytes", "allocated_bytes", "process_bytes", "available_bytes", "n_smaller")


def render_sweep_csv(sweep: SweepSummary) -> str:
    """At least one cell; what is not there is empty, and status and reason say why."""
    return to_csv(make_frame([*_rows(sweep.cells)]))


def _rows(cells: Iterable[SweepCell]) -> Iterable[Row]:
    for cell in cells:
        failure = cell.failures[0] if cell.failures else None
        yield {
            **cell.key._asdict(),
            "status": cell.status.value,
            "failed_probe": failure.probe if failure else None,
            "reason": failure.reason if failure else None,
            **_time(cell),
            "macs": cell.macs,
            "peak_process_bytes": cell.process_bytes,
            "peak_allocated_bytes": cell.allocated_bytes,
            "energy_j_per_mixture": cell.energy_j,
            **{f"forecast_{name}": getattr(cell.forecast, name, None) for name in FORECAST},
            "forecast_error_process": cell.process_error,
            "forecast_error_allocated": cell.allocated_error,
        }


def _time(cell: SweepCell) -> Row:
    """A value that can't be trusted is empty, and its range is there, as in table1.csv."""
    time, timing = cell.time, cell.timing
    is_number = time is not None and time.is_trusted
    rates = (("real_time_factor", cell.real_time_factor), ("mixtures_per_s", cell.throughput))
    return {
        "latency_s": time.value if time and is_number else None,
        **estimate_cells(
            "latency_s", time, [doubt.kind for doubt in timing.doubts] if timing else []
        ),
        "latency_s_calls_timed": timing.n_calls if timing else None,
        "latency_s_calls_disturbed": timing.n_disturbed if timing else None,
        **{name: rate.value if rate and is_number else None for name, rate in rates},
    }
