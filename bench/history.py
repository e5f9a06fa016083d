"""python -m bench.history FOLDER: a metric of networks over commits, and where it changed.

Reads all records below the folder, prints a table for each network, machine and workload, and
writes it as history.md with the figure history. Commits are in the order of measuring.

Exit codes: 0 written; 2 there is nothing to show, or it can't be read or written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.command import name_program, run_command
from bench.errors import EXIT_OK, UsageError
from bench.gate.steps import find_steps
from bench.registry import select_entries
from bench.results.metrics import GPU_METRICS, METRICS
from bench.results.record import Record
from bench.results.series import Series, collect_series
from bench.results.store import read_records

CHOICES = {metric.name: metric for metric in (*METRICS, *GPU_METRICS)}


def build_parser() -> argparse.ArgumentParser:
    """Which metric of which networks to follow."""
    parser = argparse.ArgumentParser(
        prog=name_program("history"),
        description="Show a metric of networks over commits, with the steps in it.",
        epilog="Exit codes: 0 written, 2 nothing to show.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with records, at any depth")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="default: all that are there")
    parser.add_argument(
        "--metric",
        choices=tuple(CHOICES),
        default="latency_s_inference",
        metavar="METRIC",
        help=f"of {', '.join(CHOICES)} (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/history"),
        metavar="DIR",
        help="where history.md and the figure go (default: build/history)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, show, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: show(arguments))


def show(arguments: argparse.Namespace) -> int:
    """The whole job: read, collect, find steps, write."""
    found = collect_series(read_folder(arguments.folder), CHOICES[arguments.metric])
    if arguments.models:
        names = {entry.name for entry in select_entries(arguments.models)}
        found = [series for series in found if series.model in names]
    if not found:
        raise UsageError(
            f"No record below {arguments.folder} has {arguments.metric} of these networks. "
            "Measure first: python -m bench.run"
        )
    return write(found, arguments.output)


def read_folder(folder: Path) -> list[Record]:
    """All complete records below a folder; the lines that are none are named on standard error.

    Raises:
        UsageError: there is no record file.
    """
    paths = sorted(folder.rglob("*.jsonl"))
    if not paths:
        raise UsageError(f"There are no record files (*.jsonl) below {folder}.")
    records: list[Record] = []
    for path in paths:
        contents = read_records(path)
        for line in contents.bad_lines:
            print(f"{path}, line {line.number}, is left out: {line.problem}", file=sys.stderr)
        records.extend(contents.records)
    return records


def write(found: Sequence[Series], folder: Path) -> int:
    """Print the tables, and write them and the figure.

    Raises:
        UsageError: the folder can't be written to.
    """
    from bench.render.figures.history import write_history_figure
    from bench.render.tables.history import render_history

    stepped = [
        (series, {step.point.commit: step.change for step in find_steps(series)})
        for series in found
    ]
    text = render_history(stepped)
    print(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "history.md").write_text(text, encoding="utf-8")
        figures = write_history_figure(stepped, folder / "history")
    except OSError as error:
        raise UsageError(f"The history can't be written to {folder}: {error.strerror}.") from error
    for path in (folder / "history.md", *figures):
        print(path)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
