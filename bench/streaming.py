"""python -m bench.streaming: what networks cost that separate a mixture while it arrives.

Writes streaming.md and the figure streaming: real-time factor against algorithmic latency.

Exit codes: as bench.run's.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.command import measure, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.measuring.isolate import prepare_measuring
from bench.plan import (
    EFFORTS,
    STREAMED_SAMPLES,
    Settings,
    plan_after,
    plan_contract_jobs,
    plan_streaming_jobs,
)
from bench.registry import Entry, select_entries
from bench.results.record import Record, Status

CHUNKS = (160, 320, 640, 1280, 2560, 8000)
"""Samples. Most registered networks advance by 160: smaller chunks wait as long."""


def build_parser() -> argparse.ArgumentParser:
    """Which networks to stream, in which chunks."""
    parser = argparse.ArgumentParser(
        prog=name_program("streaming"),
        description="Measure streaming networks in chunks of several sizes; write streaming.md "
        "and the figure streaming.",
        epilog="Exit codes: 0 all measured, 1 a cell failed, 2 nothing measured, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["sudormrf-causal-*"],
        metavar="NAME",
        help="names, patterns, or package.module:function (default: sudormrf-causal-*)",
    )
    parser.add_argument(
        "--chunks",
        type=int,
        nargs="+",
        default=CHUNKS,
        metavar="SAMPLES",
        help=f"sizes of chunks (default: {' '.join(map(str, CHUNKS))})",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--effort", choices=tuple(EFFORTS), default="standard", help="default: standard"
    )
    parser.add_argument(
        "--records", type=Path, metavar="RECORDS.jsonl", help="render these, measure nothing"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: measure_and_report(arguments))


def measure_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: select, measure or read, write."""
    entries = select_entries(arguments.models)
    path = arguments.records or run(entries, arguments)
    records = read_and_warn(path)
    if arguments.records and not any(record.job.probe == "streaming" for record in records):
        raise UsageError(f"{path} holds no records of streams. Measure: python -m bench.streaming")
    for path in write(entries, records, arguments.output):
        print(path)
    return EXIT_OK if all(r.status == Status.OK for r in records) else EXIT_CELL_FAILED


def run(entries: Sequence[Entry], arguments: argparse.Namespace) -> Path:
    """Run the probe; returns the record file.

    Raises:
        UsageError: a chunk without samples.
    """
    if min(arguments.chunks) < 1:
        raise UsageError(f"--chunks must be at least 1, not {min(arguments.chunks)}.")
    settings = Settings(
        update_device="cpu",
        n_samples=STREAMED_SAMPLES,
        batch=1,
        dtype="float32",
        threads=arguments.threads,
        seed=0,
        effort=EFFORTS[arguments.effort],
    )
    environment = prepare_measuring(entries, settings.threads)
    contracts = plan_contract_jobs(entries, settings)
    jobs = plan_streaming_jobs(entries, settings, arguments.chunks)
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path: Path = arguments.output / "records" / "streaming" / f"{started}.jsonl"
    measure(lambda records: plan_after(contracts, jobs, records), path, environment)
    return path


def write(entries: Sequence[Entry], records: Sequence[Record], folder: Path) -> list[Path]:
    """All artefacts from records alone."""
    from bench.render.figures.streaming import write_streaming_figure
    from bench.render.tables.streaming import render_streaming

    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "streaming.md"
    report.write_text(render_streaming(entries, records), encoding="utf-8")
    return [report, *write_streaming_figure(entries, records, folder / "streaming")]


if __name__ == "__main__":
    sys.exit(main())
