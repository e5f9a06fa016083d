"""python -m bench.repeatability: how far ratios of times move between runs, quiet and under load.

Measures inference in short runs, every other one beside a process that keeps one processor busy,
and writes repeatability.md: the spread of each network's ratio to the base network over the runs,
and how often a run's interval covers the value of all runs together.

Exit codes: 0 written, 1 a cell failed, 2 the request can't be met, 130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.command import measure, name_failures, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.measure.isolate import prepare_measuring
from bench.plan import Effort, Settings, plan_job, remaining
from bench.registry import Entry, select_entries
from bench.results.environment import Environment
from bench.results.record import Job

BURN = "import os\nos.sched_setaffinity(0, {max(os.sched_getaffinity(0))})\nwhile True: pass"
CONDITIONS = ("quiet", "loaded")
EFFORT = Effort(1, 1, 0.0, 1.0, budget_s=1.0, deadline_s=300.0)


def build_parser() -> argparse.ArgumentParser:
    """Which ratios to repeat, how often."""
    parser = argparse.ArgumentParser(
        prog=name_program("repeatability"),
        description="Measure how far ratios of times move between runs, on a quiet machine and "
        "beside a process that keeps one processor busy, and write repeatability.md.",
        epilog="Exit codes: 0 written, 1 a cell failed, 2 not possible, 130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models", nargs="+", default=["sudormrf-0.5x", "conv-tasnet"], metavar="NAME"
    )
    parser.add_argument("--base", default="sudormrf-1.0x", metavar="NAME")
    parser.add_argument("--runs", type=int, default=10, help="of each kind (default: 10)")
    parser.add_argument("--rounds", type=int, default=6, help="in each run (default: 6)")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument(
        "--records", type=Path, metavar="DIR", help="render the runs in DIR, measure nothing"
    )
    parser.add_argument("--output", type=Path, default=Path("reports"), metavar="DIR")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: measure_and_report(arguments))


def measure_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: quiet and loaded runs in turns, then the table."""
    from bench.render.tables.repeatability import render_repeatability

    require_sense(arguments)
    base = select_base(arguments.base)
    entries = select_entries(arguments.models)
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = arguments.records or arguments.output / "records" / "repeatability" / started
    if not arguments.records:
        jobs = plan_rounds([base, *entries], arguments.rounds, arguments.threads)
        environment = prepare_measuring([base, *entries], arguments.threads)
        measure_runs(jobs, arguments.runs, folder, environment)
    runs = {
        condition: [read_and_warn(path) for path in sorted(folder.glob(f"{condition}-*.jsonl"))]
        for condition in CONDITIONS
    }
    records = [record for of_kind in runs.values() for run in of_kind for record in run]
    failed = name_failures(records)
    if not records:
        raise UsageError(f"There are no records of quiet or loaded runs in {folder}.")
    if len(failed) == len(records):
        print(f"Nothing could be measured, so there is no report; see {folder}.", file=sys.stderr)
        return EXIT_CELL_FAILED
    report = arguments.output / "repeatability.md"
    text = render_repeatability(runs, entries, base)
    report.write_text(text, encoding="utf-8")
    print(text, report, sep="\n")
    return EXIT_CELL_FAILED if failed else EXIT_OK


def measure_runs(jobs: Sequence[Job], n_runs: int, folder: Path, environment: Environment) -> None:
    """Quiet and loaded runs of the same jobs in turns, a record file for each."""
    for index in range(n_runs):
        for condition in CONDITIONS:
            with burner(condition == "loaded"):
                path = folder / f"{condition}-{index:02}.jsonl"
                measure(lambda records: remaining(jobs, records), path, environment)


def require_sense(arguments: argparse.Namespace) -> None:
    """Refuse what no spread can come of.

    Raises:
        UsageError: fewer than two runs of a kind, or no round in them.
    """
    for option, value, least in (
        ("--runs", arguments.runs, 2),
        ("--rounds", arguments.rounds, 1),
    ):
        if value < least:
            raise UsageError(f"{option} must be at least {least}, not {value}.")


def select_base(request: str) -> Entry:
    """The one network that the others are compared with.

    Raises:
        UsageError: the request names none, or several.
    """
    found = select_entries([request])
    if len(found) > 1:
        raise UsageError(f"--base must name one network, and {request!r} names {len(found)}.")
    return found[0]


def plan_rounds(entries: Sequence[Entry], n_rounds: int, threads: int) -> list[Job]:
    """Inference of every network once a round, on 8000 samples."""
    settings = Settings("cpu", 8000, 1, "float32", threads, 0, EFFORT)
    return [
        plan_job(entry, "inference", "latency", settings, index)
        for index in range(n_rounds)
        for entry in entries
    ]


@contextmanager
def burner(is_wanted: bool) -> Iterator[None]:
    """Keep the last processor busy meanwhile, if that is wanted."""
    if not is_wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", BURN]) as burning:
        try:
            yield
        finally:
            burning.kill()


if __name__ == "__main__":
    sys.exit(main())
