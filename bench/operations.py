"""python -m bench.operations: where operations go, and how our counts compare with others'.

Writes operations.md (every counter's count and the computed causes of their differences, growth
with the length), layers.md and layers.json (a tree for each network), and the figure layers.

Exit codes: as bench.run's.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.command import measure, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK
from bench.measuring.isolate import prepare_measuring
from bench.plan import EFFORTS, Settings, plan_after, plan_contract_jobs, plan_operation_jobs
from bench.registry import Entry, select_entries
from bench.results.measurements import ModuleCounts
from bench.results.record import Record, Status, results_of


def build_parser() -> argparse.ArgumentParser:
    """Which networks to count, at which size."""
    parser = argparse.ArgumentParser(
        prog=name_program("operations"),
        description="Count operations by layer, beside other counters, and over lengths; "
        "write operations.md, layers.md, layers.json and the figure layers.",
        epilog="Exit codes: 0 all counted, 1 a cell failed, 2 nothing counted, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help="as of bench.run (default: all)",
    )
    parser.add_argument("--samples", type=int, default=8000, help="length (default: 8000)")
    parser.add_argument("--batch", type=int, default=1, help="mixtures at once (default: 1)")
    parser.add_argument("--depth", type=int, default=2, help="of the trees (default: 2)")
    parser.add_argument(
        "--records", type=Path, metavar="RECORDS.jsonl", help="render these, count nothing"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, count, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: count_and_report(arguments))


def count_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: select, count or read, write."""
    entries = select_entries(arguments.models)
    records = read_and_warn(arguments.records or count(entries, arguments))
    for path in write(entries, records, arguments.output, arguments.depth):
        print(path)
    return EXIT_OK if all(r.status == Status.OK for r in records) else EXIT_CELL_FAILED


def count(entries: Sequence[Entry], arguments: argparse.Namespace) -> Path:
    """Run the probes; returns the record file."""
    settings = Settings(
        update_device="cpu",
        n_samples=arguments.samples,
        batch=arguments.batch,
        dtype="float32",
        threads=1,
        seed=0,
        effort=EFFORTS["standard"],
    )
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path: Path = arguments.output / "records" / "operations" / f"{started}.jsonl"
    environment = prepare_measuring(entries, settings.threads)
    contracts = plan_contract_jobs(entries, settings)
    jobs = plan_operation_jobs(entries, settings)
    measure(lambda records: plan_after(contracts, jobs, records), path, environment)
    return path


def write(
    entries: Sequence[Entry], records: Sequence[Record], folder: Path, depth: int
) -> list[Path]:
    """All artefacts from records alone."""
    from bench.render.figures.layers import write_layers_figure
    from bench.render.tables.layers import render_layers, render_layers_json
    from bench.render.tables.operations import render_operations

    modules = {
        record.job.model: found.modules for record, found in results_of(ModuleCounts, records)
    }
    seen = [entry for entry in entries if entry.name in modules]
    texts = {
        "operations.md": render_operations(entries, records),
        "layers.md": render_layers(seen, modules, depth),
        "layers.json": render_layers_json(modules),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    figures = write_layers_figure(seen, modules, folder / "layers")
    return [*(folder / name for name in texts), *figures]


if __name__ == "__main__":
    sys.exit(main())
