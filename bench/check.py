"""python -m bench.check: do networks stay within their budgets?

Measures what the budgets need, or reads it from stored records, and gives a verdict on each.

Exit codes: 0 all PASS; 1 a FAIL (also where a value is missing or NaN); 3 no FAIL, and at least
one INCONCLUSIVE; 2 the request can't be met (budgets that can't be read, records of another
machine); 130 Ctrl-C and 143 SIGTERM.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bench.command import announce, measure, name_program, read_and_warn, run_command
from bench.gate.budgets import Budgets, read_budgets
from bench.gate.outlook import Allowance
from bench.gate.rounds import CheckRun, check_records
from bench.measuring.isolate import prepare_measuring
from bench.results.record import Record
from bench.results.store import read_records
from bench.results.verdict import FORMS, Check

if TYPE_CHECKING:
    from bench.render.terminal.progress import Progress


def build_parser() -> argparse.ArgumentParser:
    """Which budgets to hold, and how long to measure."""
    parser = argparse.ArgumentParser(
        prog=name_program("check"),
        description="Check networks against budgets of parameters, operations, memory and time.",
        epilog="Exit codes: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 2 the request can't be met.",
    )
    parser.add_argument(
        "--budgets",
        type=Path,
        default=Path("budgets.toml"),
        metavar="FILE",
        help="default: budgets.toml",
    )
    parser.add_argument(
        "--records",
        nargs="+",
        type=Path,
        metavar="RECORDS.jsonl",
        help="check these, measure nothing",
    )
    parser.add_argument(
        "--time",
        type=float,
        default=120.0,
        metavar="S",
        help="after which no further round of times begins (default: 120 s)",
    )
    parser.add_argument(
        "--format", choices=FORMS, default="text", dest="form", help="default: text"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/gate"),
        metavar="DIR",
        help="where the records/ of a run go (default: build/gate)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, check, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: check(arguments))


def check(arguments: argparse.Namespace) -> int:
    """The whole job: read the budgets, read or make records, say the verdicts."""
    budgets = read_budgets(arguments.budgets)
    if arguments.records:
        runs = map(newest_of_each_cell, map(read_and_warn, arguments.records))
        checks = check_records(budgets, list(chain.from_iterable(runs)))
    else:
        checks = measure_and_check(budgets, arguments.output, Allowance(arguments.time))
    return announce(checks, str(arguments.budgets), arguments.form)


def newest_of_each_cell(records: Iterable[Record]) -> Iterable[Record]:
    """Of what a resumed run measured again the later record. A failure in another round stays."""
    return {record.job.cell: record for record in records}.values()


def measure_and_check(
    budgets: Budgets,
    output: Path,
    allowance: Allowance,
    progress: "AbstractContextManager[Progress] | None" = None,
) -> list[Check]:
    """Measure while a verdict is open; each record is on disk as soon as it is there."""
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path = output / "records" / f"check-{started}.jsonl"
    threads = max(budget.workload.threads for budget in budgets.budgets)
    environment = prepare_measuring([budget.entry for budget in budgets.budgets], threads)
    run = CheckRun(budgets, allowance)
    measure(run.next_jobs, path, environment, progress=progress)
    return run.checks(read_records(path).records)


if __name__ == "__main__":
    sys.exit(main())
