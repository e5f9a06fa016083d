"""python -m bench.run: measure what networks cost, then write the reports.

Exit codes: 0 everything was measured; 1 at least one cell was not (its reason is in its row);
2 the request can't be met, nothing was measured; 130 Ctrl-C and 143 SIGTERM (finished records
are on disk).
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.command import (
    measure,
    name_failures,
    name_program,
    read_and_warn,
    run_command,
    summarize_readable,
)
from bench.errors import EXIT_CELL_FAILED, EXIT_OK
from bench.machine.description import available_cpus
from bench.measure.isolate import prepare_measuring
from bench.measure.place import choose_device, device_name
from bench.plan import DTYPES, EFFORTS, Settings
from bench.registry import describe_registry, select_entries
from bench.results.resumption import records_to_keep
from bench.results.store import list_runs
from bench.results.summary import newest_of_each_cell, summarize
from bench.rounds import plan_next


def build_parser() -> argparse.ArgumentParser:
    """What to measure, on what, for how long, and where the reports go."""
    parser = argparse.ArgumentParser(
        prog=name_program("run"),
        description="Measure operations, parameters, peak memory and time of separation networks "
        "and write table1.md, table1.csv and the Pareto figure.",
        epilog="Exit codes: 0 all measured, 1 a cell failed, 2 nothing measured, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help="`table1` or `all` (its seven), `table2` (its nine), names, patterns such as "
        "'sudormrf-*', or package.module:function of your own network (default: all)",
    )
    parser.add_argument("--list", action="store_true", help="show all names and exit")
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda", "auto"),
        default="auto",
        help="where the training step (B) runs; inference is on the CPU (default: auto)",
    )
    parser.add_argument("--samples", type=int, default=8000, help="length (default: 8000)")
    parser.add_argument("--batch", type=int, default=1, help="mixtures at once (default: 1)")
    parser.add_argument(
        "--threads",
        type=read_threads,
        default=[1],
        metavar="N[,N]",
        help="threads of a measuring process; `all` is every processor available, here "
        f"{available_cpus()}. Several, such as 1,all, are runs of their own: the reports of those "
        "after the first go to DIR/threads-N (default: 1, which neighbours disturb least)",
    )
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="default: float32")
    parser.add_argument(
        "--effort",
        choices=tuple(EFFORTS),
        default="standard",
        help="how long to measure (default: standard, some minutes)",
    )
    parser.add_argument(
        "--time",
        type=float,
        metavar="S",
        help="to spend on times, instead of what --effort gives them "
        f"(standard: {EFFORTS['standard'].time_s:g} s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the newest run in DIR: measure only what it has not measured "
        "(where there is none, begin)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where reports and records/ go (default: reports, or reports/GPU with a GPU)",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="DIR",
        help="print ratios of times beside those of the newest run of the same networks in DIR",
    )
    return parser


def read_threads(text: str) -> list[int]:
    """Numbers of threads, separated by commas; ``all`` is every processor available.

    Raises:
        ArgumentTypeError: something else.
    """
    parts = text.split(",")
    if wrong := [part for part in parts if part != "all" and not part.isdecimal()]:
        raise argparse.ArgumentTypeError(f"a number of threads or `all`, not {wrong[0]!r}")
    return [available_cpus() if part == "all" else int(part) for part in parts]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    if arguments.list:
        print(describe_registry())
        return EXIT_OK
    return run_command(lambda: measure_and_report(arguments))


def measure_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: select, plan, measure one by one, summarise, write."""
    codes = [measure_on(threads, arguments) for threads in dict.fromkeys(arguments.threads)]
    return max(codes)


def measure_on(threads: int, arguments: argparse.Namespace) -> int:
    """The same on so many threads."""
    entries = select_entries(arguments.models)
    effort = EFFORTS[arguments.effort]
    settings = Settings(
        update_device="cpu",
        n_samples=arguments.samples,
        batch=arguments.batch,
        dtype=arguments.dtype,
        threads=threads,
        seed=arguments.seed,
        effort=replace(effort, time_s=arguments.time) if arguments.time else effort,
    )
    from bench.render.terminal.expectations import say_what_to_expect, warn_of_threads

    if warning := warn_of_threads(settings.threads, available_cpus()):
        print(warning, file=sys.stderr)
    environment = prepare_measuring(entries, settings.threads)
    device = choose_device(arguments.device, environment)
    place = device_name(device, environment)
    output = arguments.output or (Path("reports") if device == "cpu" else Path("reports") / place)
    if threads != arguments.threads[0]:
        output /= f"threads-{threads}"
    settings = settings.on(device)
    records = output / "records"
    path, done = records / f"{place}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl", None
    if arguments.resume and (earlier := list_runs(records, place)):
        path = earlier[0]
        done = records_to_keep(path, read_and_warn(path), settings.workload, environment)
    plan = say_what_to_expect(lambda records: plan_next(entries, settings, records), settings)
    measure(plan, path, environment, done)
    beside = list_runs(arguments.beside / "records", place) if arguments.beside else ()
    return report(path, output, beside)


def report(records: Path, output: Path, beside: Sequence[Path] = ()) -> int:
    """Write the reports of a record file and say where they are."""
    from rich.console import Console

    from bench.render.report import write_reports
    from bench.render.terminal.table import print_beside, print_summary

    contents = newest_of_each_cell(read_and_warn(records))
    summary = summarize(contents)
    print_summary(summary, Console())
    if beside:
        print_beside(summary, summarize_readable(beside), Console())
    for path in (records, *write_reports(summary, output)):
        print(path)
    return EXIT_CELL_FAILED if name_failures(contents) else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
