"""python -m bench.pages: what an allocator that keeps its pages is worth for each network.

Measures inference in processes with the C library's default malloc and in processes that give no
page back to the kernel, all in turns, and writes pages.md.

Exit codes: 0 written, 1 a cell failed, 2 the request can't be met, 130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.command import name_failures, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK
from bench.machine.lock import measuring_alone
from bench.measuring.conductor import Player, measure_round
from bench.measuring.isolate import prepare_measuring
from bench.plan import Effort, Settings, plan_job
from bench.registry import Entry, select_entries
from bench.results.environment import Environment
from bench.results.store import RecordFile

EFFORT = Effort(3, 0.0, 1.0, budget_s=0.5, deadline_s=300.0)


def build_parser() -> argparse.ArgumentParser:
    """Which networks, on what."""
    parser = argparse.ArgumentParser(
        prog=name_program("pages"),
        description="Measure inference with the default malloc and with pages kept, in turns, and "
        "write pages.md.",
        epilog="Exit codes: 0 written, 1 a cell failed, 2 not possible, 130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["table1"],
        metavar="NAME",
        help="as of bench.run (default: table1)",
    )
    parser.add_argument("--samples", type=int, default=8000, help="length (default: 8000)")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: measure_and_report(arguments))


def measure_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: rounds of both kinds of processes, then the table."""
    from bench.render.tables.pages import render_pages
    from bench.results.pages import summarize_pages
    from bench.results.summary import summarize

    settings = Settings("cpu", arguments.samples, 1, "float32", arguments.threads, 0, EFFORT)
    entries = select_entries(arguments.models)
    environment = prepare_measuring(entries, arguments.threads)
    path = arguments.output / "records" / "pages" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"
    with measuring_alone():
        file = RecordFile.create(path)
        for index in range(EFFORT.max_rounds):
            for record in measure_round(_seat(entries, settings, index, environment)):
                file.append(record)
    records = read_and_warn(path)
    failed = name_failures(records)
    report = arguments.output / "pages.md"
    kept = [record for record in records if record.job.workload.keeps_pages]
    text = render_pages(summarize_pages(records), summarize(kept))
    report.write_text(text, encoding="utf-8")
    print(text, path, report, sep="\n")
    return EXIT_CELL_FAILED if failed else EXIT_OK


def _seat(
    entries: Sequence[Entry], settings: Settings, index: int, environment: Environment
) -> list[Player]:
    """Two processes of each network, which differ in nothing else."""
    players = []
    for entry in entries:
        job = plan_job(entry, "inference", "latency", settings, index)
        for keeps_pages in (True, False):
            workload = replace(job.workload, keeps_pages=keeps_pages)
            players.append(Player(replace(job, workload=workload), environment))
    return players


if __name__ == "__main__":
    sys.exit(main())
