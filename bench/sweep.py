"""python -m bench.sweep: how time and memory grow with length, batch and threads.

Writes sweep.md, CSV and figures. The memory of each cell is told before it is measured, and stored.

Exit codes: 0 all was measured; 1 a cell was not (its reason is in the report); 2 the request can't
be met, or no cell could be measured; 130 Ctrl-C and 143 SIGTERM (finished records are on disk).
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from bench.command import measure_with, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.grid import Grid, GridCell
from bench.machine.description import available_cpus
from bench.measuring.isolate import fetch_environment, prepare_measuring
from bench.measuring.place import choose_device, device_name
from bench.registry import Entry, select_entries
from bench.results.environment import Environment
from bench.results.record import Record, Status
from bench.results.resumption import records_of_a_sweep
from bench.results.store import list_runs
from bench.results.summary import newest_of_each_cell
from bench.sweep_options import build_parser, read_grid, read_time_s
from bench.sweeping import Sweep


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, write, and turn every ending into an exit code."""
    start_s = monotonic()
    arguments = build_parser(name_program("sweep")).parse_args(argv)
    return run_command(lambda: sweep_and_report(arguments, start_s))


def sweep_and_report(arguments: argparse.Namespace, start_s: float) -> int:
    """Measure the grid or read what was measured, and write its report.

    Raises:
        UsageError: what was asked for means nothing, or no cell of it could be measured.
    """
    entries = select_entries(arguments.models)
    path: Path = arguments.records or measure_grid(entries, arguments, start_s)
    records = newest_of_each_cell(read_and_warn(path))
    measured = measured_ones(entries, records, path)
    refuse_nothing(records, path)
    return report(measured, records, path, arguments.output / "sweep")


def measure_grid(entries: Sequence[Entry], arguments: argparse.Namespace, start_s: float) -> Path:
    """Measure what fits into the time; the record file.

    Raises:
        UsageError: a size or time that means nothing, or a device that is not there.
    """
    from bench.render.terminal.sweep_progress import show_sweep

    grid, budget_s = read_grid(arguments), read_time_s(arguments.time)
    environments = prepare(entries, grid)
    environment = environments[grid.threads[0]]
    place = device_name(choose_device(grid.device, environment), environment)
    cells = grid.cells(entries)
    records: Path = arguments.output / "records" / "sweep"
    path, done = records / f"{place}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl", None
    if arguments.resume and (earlier := list_runs(records, place)):
        path = earlier[0]
        done = records_of_a_sweep(path, read_and_warn(path), environments)
    sweep = Sweep(cells, environments, budget_s, start_s)
    progress = show_sweep(len(cells), sweep.progress)
    measure_with(sweep.run, sweep.plan, path, done, progress)
    return path


def prepare(entries: Sequence[Entry], grid: Grid) -> dict[int, Environment]:
    """What a measuring process of each number of threads says of itself.

    Raises:
        UsageError: a network can't be built as asked, or no such process can start.
    """
    from bench.render.terminal.expectations import warn_of_threads

    for threads in grid.threads:
        if warning := warn_of_threads(threads, available_cpus()):
            print(warning, file=sys.stderr)
    first, *others = grid.threads
    environments = {first: prepare_measuring(entries, first)}
    return environments | {threads: fetch_environment(threads) for threads in others}


def measured_ones(entries: Sequence[Entry], records: Sequence[Record], path: Path) -> list[Entry]:
    """The networks that a file holds records of.

    Raises:
        UsageError: it holds some of others only.
    """
    models = {record.job.model for record in records}
    found = [entry for entry in entries if entry.name in models]
    if not found:
        names = ", ".join(sorted(models)) or "none"
        raise UsageError(f"{path} holds no records of these --models, but of: {names}.")
    return found


def refuse_nothing(records: Sequence[Record], path: Path) -> None:
    """Say so where every cell was left out.

    Raises:
        UsageError: no cell was run at all.
    """
    cells = [r for r in records if r.job.probe in ("memory", "latency")]
    if cells and all(record.status == Status.SKIPPED for record in cells):
        raise UsageError(
            f"No cell of the grid can be measured. One of them: {cells[0].reason} Choose smaller "
            f"sizes or more --time. What was found out is in {path}."
        )


def report(entries: Sequence[Entry], records: Sequence[Record], path: Path, folder: Path) -> int:
    """Write the report, say where it is, and name each cell that was not measured."""
    from bench.render.sweep import print_sweep, write_sweep
    from bench.render.terminal.sweep_progress import describe_cell

    failed = [record for record in records if record.status != Status.OK]
    for record in failed:
        cell = describe_cell(GridCell.of(record.job).work, record.job.model)
        print(f"{cell}: {record.status.value}: {record.reason}", file=sys.stderr)
    print_sweep(entries, records)
    print(path, *write_sweep(entries, records, folder), sep="\n")
    return EXIT_CELL_FAILED if failed else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
