"""python -m bench.published: published figures beside exact counts, and the rules behind them.

Counts the networks that have figures in bench/results/data/published.toml, by every counter, over a
second at 8 and at 16 kHz, and writes published.md.

Exit codes: as bench.run's.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.command import measure, name_failures, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK
from bench.measuring.isolate import prepare_measuring
from bench.plan import EFFORTS, Settings, plan_after, plan_contract_jobs, plan_job
from bench.registry import KNOWN, SAMPLE_RATE, Entry
from bench.results.printed import models_of, read_printed
from bench.results.record import Job

LENGTHS = (SAMPLE_RATE, 2 * SAMPLE_RATE)
"""Samples of a second at the two rates of the literature."""
SETTINGS = Settings("cpu", SAMPLE_RATE, 1, "float32", 1, 0, EFFORTS["standard"])


def build_parser() -> argparse.ArgumentParser:
    """Where to write, and from what."""
    parser = argparse.ArgumentParser(
        prog=name_program("published"),
        description="Put published figures beside exact counts; write published.md.",
        epilog="Exit codes: 0 all counted, 1 a cell failed, 2 nothing counted, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--records", type=Path, metavar="RECORDS.jsonl", help="render these, count nothing"
    )
    parser.add_argument("--output", type=Path, default=Path("reports"), metavar="DIR")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, count, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: count_and_report(arguments))


def count_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: count or read, write."""
    from bench.render.tables.published import render_published

    figures = read_printed()
    entries = [KNOWN[name] for name in models_of(figures, KNOWN)]
    path: Path = arguments.records or count(entries, arguments.output)
    records = read_and_warn(path)
    page = arguments.output / "published.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_published(figures, records), encoding="utf-8")
    print(page)
    return EXIT_CELL_FAILED if name_failures(records) else EXIT_OK


def count(entries: Sequence[Entry], output: Path) -> Path:
    """Run the probes; returns the record file."""
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path = output / "records" / "published" / f"{started}.jsonl"
    environment = prepare_measuring(entries, SETTINGS.threads)
    contracts, jobs = plan_contract_jobs(entries, SETTINGS), plan_counts(entries)
    measure(lambda records: plan_after(contracts, jobs, records), path, environment)
    return path


def plan_counts(entries: Sequence[Entry]) -> list[Job]:
    """Parameters and exact operations once, every counter at each length."""
    exact = [
        plan_job(entry, "inference", probe, SETTINGS)
        for entry in entries
        for probe in ("parameters", "operations")
    ]
    return exact + [
        plan_job(entry, "inference", "counters", replace(SETTINGS, n_samples=n_samples))
        for entry in entries
        for n_samples in LENGTHS
    ]


if __name__ == "__main__":
    sys.exit(main())
