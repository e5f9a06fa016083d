"""python -m bench.family: what every SuDoRM-RF costs, beside what the authors print of some.

Measures at the paper's length and at the authors' later one, with one mixture and with four, and
the causal networks on a stream; writes family.md, and family-*.tex for papers. Each workload has a
record file of its own.

Exit codes: as bench.run's.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.command import measure, name_failures, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.measuring.isolate import prepare_measuring
from bench.options import read_effort
from bench.plan import EFFORTS, Settings, plan_after, plan_contract_jobs, plan_streaming_jobs
from bench.registry import CAUSAL, CAUSAL_V3, Entry, select_entries
from bench.results.environment import Environment
from bench.results.one_table import require_one_place
from bench.results.record import Record
from bench.results.summary import newest_of_each_cell, summarize
from bench.rounds import plan_next

WORKLOADS = ((8000, 1), (32_000, 1), (32_000, 4))
"""Samples and mixtures at once: the paper's, and those of the authors' later measurements."""
FORM = re.compile(r"([1-9]\d*)x([1-9]\d*)", re.ASCII)
CHUNK = 160
"""Samples; one or two hops of the registered networks."""
STREAMED = {entry.name for entry in (*CAUSAL, *CAUSAL_V3)}


def build_parser() -> argparse.ArgumentParser:
    """Which networks, with which workloads, for how long."""
    parser = argparse.ArgumentParser(
        prog=name_program("family"),
        description="Measure every SuDoRM-RF on the CPU, and those for streams on a stream; write "
        "family.md, with what the authors print of some beside it.",
        epilog="Exit codes: 0 all measured, 1 a cell failed, 2 nothing measured, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    add = parser.add_argument
    add("--models", nargs="+", default=["family"], metavar="NAME", help="default: family")
    add(
        "--workloads",
        nargs="+",
        type=read_workload,
        default=WORKLOADS,
        metavar="SAMPLESxBATCH",
        help=f"default: {' '.join(f'{samples}x{batch}' for samples, batch in WORKLOADS)}",
    )
    add("--threads", type=int, default=1, metavar="N", help="default: 1")
    add("--effort", choices=tuple(EFFORTS), default="standard", help="default: standard")
    add("--time", type=float, metavar="S", help="to spend on times of each workload")
    add("--records", nargs="+", type=Path, metavar="FILE", help="render these, measure nothing")
    add("--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    return parser


def read_workload(text: str) -> tuple[int, int]:
    """Samples and mixtures at once, as in ``32000x4``.

    Raises:
        ArgumentTypeError: something else.
    """
    if not (found := FORM.fullmatch(text)):
        raise argparse.ArgumentTypeError(f"SAMPLESxBATCH such as 32000x4, not {text!r}")
    return int(found[1]), int(found[2])


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: measure_and_report(arguments))


def measure_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: measure or read, write."""
    paths = arguments.records or list(run(select_entries(arguments.models), arguments))
    measured = [newest_of_each_cell(read_and_warn(path)) for path in paths]
    print(*write(measured, arguments.output), sep="\n")
    is_whole = not name_failures([record for records in measured for record in records])
    return EXIT_OK if is_whole else EXIT_CELL_FAILED


def run(entries: Sequence[Entry], arguments: argparse.Namespace) -> Iterator[Path]:
    """Measure one workload after another, then streams; yields each one's record file."""
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = arguments.output / "records" / "family"
    effort = read_effort(arguments)
    all_settings = [
        Settings("cpu", n_samples, batch, "float32", arguments.threads, 0, effort)
        for n_samples, batch in dict.fromkeys(arguments.workloads)
    ]
    environment = prepare_measuring(entries, arguments.threads)
    for settings in all_settings:
        path = folder / f"{settings.n_samples}x{settings.batch}-{started}.jsonl"
        measure(partial(plan_next, entries, settings), path, environment)
        yield path
    if streamed := [entry for entry in entries if entry.name in STREAMED]:
        path = folder / f"streams-{started}.jsonl"
        measure_streams(streamed, all_settings[0], path, environment)
        yield path


def measure_streams(
    entries: Sequence[Entry], settings: Settings, path: Path, environment: Environment
) -> None:
    """Each network on one stream, in chunks of one size."""
    settings = replace(settings, batch=1)
    contracts = plan_contract_jobs(entries, settings)
    jobs = plan_streaming_jobs(entries, settings, (CHUNK,))
    measure(partial(plan_after, contracts, jobs), path, environment)


def write(measured: Sequence[Sequence[Record]], folder: Path) -> list[Path]:
    """The report of all record files, and a table of each workload for papers.

    Raises:
        UsageError: they are of streams alone, or of different machines or versions.
    """
    from bench.render.tables.family import render_family, render_family_tables  # after --help

    streams = [record for records in measured if is_of_streams(records) for record in records]
    runs = [summarize(records) for records in measured if not is_of_streams(records)]
    if not runs:
        raise UsageError("There are only records of streams: give those of a workload too.")
    require_one_place([record for records in measured for record in records])
    runs.sort(key=lambda run: (run.workload.n_samples, run.workload.batch))
    texts = {"family.md": render_family(runs, streams), **render_family_tables(runs)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def is_of_streams(records: Sequence[Record]) -> bool:
    """Whether a file holds what was measured on streams."""
    return any(record.job.probe == "streaming" for record in records)


if __name__ == "__main__":
    sys.exit(main())
