"""python -m bench.repeatability: how far ratios of times move between runs, quiet and under load.

Measures inference in short runs by one or several designs (``bench.designs``), quiet and beside a
neighbour, all in turns, and writes repeatability.md: the deviation of each network's ratio to the
base network over the runs, and how often a run's interval covers the value of all runs together.

Exit codes: 0 written, 1 a cell failed, 2 the request can't be met, 130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.command import name_failures, name_program, read_and_warn, run_command
from bench.designs import DESIGNS, run_design
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.machine.lock import measuring_alone
from bench.measuring.isolate import prepare_measuring
from bench.neighbour import neighbour
from bench.registry import Entry, select_entries
from bench.results.environment import Environment
from bench.results.store import RecordFile

CONDITIONS = ("quiet", "loaded")


def build_parser() -> argparse.ArgumentParser:
    """Which ratios to repeat, how, and how often."""
    parser = argparse.ArgumentParser(
        prog=name_program("repeatability"),
        description="Measure how far ratios of times move between runs, on a quiet machine and "
        "beside a process that keeps one processor busy half of the time, and write "
        "repeatability.md.",
        epilog="Exit codes: 0 written, 1 a cell failed, 2 not possible, 130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["sudormrf-0.5x", "sudormrf-0.25x", "conv-tasnet"],
        metavar="NAME",
        help="networks beside the reference (default: two of SuDoRM-RF, and Conv-TasNet)",
    )
    parser.add_argument(
        "--base",
        default="sudormrf-1.0x",
        metavar="NAME",
        help="the reference of ratios (default: %(default)s)",
    )
    parser.add_argument("--runs", type=int, default=8, help="of each kind (default: 8)")
    parser.add_argument(
        "--time",
        type=float,
        default=60.0,
        help="of each run; with --records, what they had (default: 60 s)",
    )
    parser.add_argument(
        "--designs",
        nargs="+",
        choices=tuple(DESIGNS),
        default=["turns", "processes"],
        help="default: turns and, for comparison, processes",
    )
    parser.add_argument(
        "--conditions", nargs="+", choices=CONDITIONS, default=CONDITIONS, help="default: all"
    )
    parser.add_argument(
        "--records", type=Path, metavar="DIR", help="render the runs in DIR, measure nothing"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports"
    )
    parser.add_argument("--name", default="repeatability", help="of the report")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: measure_and_report(arguments))


def measure_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: runs in turns, then the table."""
    from bench.render.tables.repeatability import render_repeatability

    if arguments.runs < 2:
        raise UsageError(f"--runs must be at least 2, not {arguments.runs}.")
    if not 0 < arguments.time < math.inf:
        raise UsageError(f"--time must be above 0 s and finite, not {arguments.time:g}.")
    base = select_base(arguments.base)
    entries = select_entries(arguments.models)
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = arguments.records or arguments.output / "records" / arguments.name / started
    if not arguments.records:
        environment = prepare_measuring([base, *entries], threads=1)
        with measuring_alone():
            measure_runs([base, *entries], arguments, folder, environment)
    runs = {
        (design, condition): found
        for design in DESIGNS
        for condition in CONDITIONS
        if (
            found := [
                read_and_warn(path) for path in sorted(folder.glob(f"{design}-{condition}-*.jsonl"))
            ]
        )
    }
    records = [record for of_kind in runs.values() for run in of_kind for record in run]
    failed = name_failures(records)
    if not records:
        raise UsageError(f"There are no records of quiet or loaded runs in {folder}.")
    if len(failed) == len(records):
        print(f"Nothing could be measured, so there is no report; see {folder}.", file=sys.stderr)
        return EXIT_CELL_FAILED
    report = arguments.output / f"{arguments.name}.md"
    text = render_repeatability(runs, DESIGNS, entries, base, arguments.time)
    report.write_text(text, encoding="utf-8")
    print(text, report, sep="\n")
    return EXIT_CELL_FAILED if failed else EXIT_OK


def measure_runs(
    entries: Sequence[Entry], arguments: argparse.Namespace, folder: Path, environment: Environment
) -> None:
    """Runs of all designs and conditions in turns, a record file for each."""
    for index in range(arguments.runs):
        for condition in CONDITIONS:
            if condition not in arguments.conditions:
                continue
            for design in arguments.designs:
                file = RecordFile.create(folder / f"{design}-{condition}-{index:02}.jsonl")
                with neighbour(condition == "loaded", seed=index):
                    for record in run_design(DESIGNS[design], entries, environment, arguments.time):
                        file.append(record)
                print(file.path.name, file=sys.stderr)


def select_base(request: str) -> Entry:
    """The one network that the others are compared with.

    Raises:
        UsageError: the request names none, or several.
    """
    found = select_entries([request])
    if len(found) > 1:
        raise UsageError(f"--base must name one network, and {request!r} names {len(found)}.")
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
