"""python -m bench.report: write the reports of stored records again, on any machine.

Exit codes: 0 written; 2 there is nothing to report on, or it can't be read or written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.command import name_program, read_and_warn, run_command
from bench.errors import EXIT_OK
from bench.results.gathering import gather_files
from bench.results.quality import read_own
from bench.results.recipes import compare_recipes
from bench.results.store import newest_records
from bench.results.training import find_trainings
from bench.stored_runs import compare, report_one


def build_parser() -> argparse.ArgumentParser:
    """Which records or trainings to render, and where to."""
    parser = argparse.ArgumentParser(
        prog=name_program("report"),
        description="Write tables (Markdown, CSV, JSON, LaTeX), index.html and figures from stored "
        "records; of several runs comparison.md and comparison.csv, which set them side by side; "
        "or figure4 from the metrics of trainings.",
        epilog="Exit codes: 0 written, 2 nothing to report on.",
    )
    parser.add_argument(
        "records",
        nargs="*",
        type=Path,
        metavar="RECORDS.jsonl",
        help="record files, of one run or of several (default: the newest in DIR/records)",
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="write index.html alone: all networks of all these files, which may be of several "
        "machines, settings and runtimes",
    )
    parser.add_argument(
        "--trainings",
        type=Path,
        metavar="DIR",
        help="write figure4 of all trainings below this folder, and nothing else",
    )
    parser.add_argument(
        "--recipes",
        type=Path,
        metavar="DIR",
        help="write recipes.md of the trainings NAME-SEED in this folder, and nothing else",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="where the reports go (default: reports)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, render, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    if arguments.page:
        return run_command(lambda: draw_page(arguments.records, arguments.output))
    if arguments.trainings is not None:
        return run_command(lambda: draw_trainings(arguments.trainings, arguments.output))
    if arguments.recipes is not None:
        return run_command(lambda: tell_recipes(arguments.recipes, arguments.output))
    return run_command(lambda: render(arguments.records, arguments.output))


def render(records: Sequence[Path], output: Path) -> int:
    """Read, summarise, write: the reports of one run, or a comparison of several.

    Files of one run are put together.
    """
    paths = records or [newest_records(output / "records")]
    runs = gather_files({path: read_and_warn(path) for path in paths})
    written = compare(runs, output) if len(runs) > 1 else report_one(runs[0], output)
    print(*written, sep="\n")
    return EXIT_OK


def draw_page(records: Sequence[Path], output: Path) -> int:
    """All networks of some files on one page."""
    from bench.render.page.forms import summarize_for_page  # after --help has had its answer
    from bench.render.page.page import write_page
    from bench.render.page.sections import find_sections

    paths = records or [newest_records(output / "records")]
    runs = [run for path in paths for run in summarize_for_page(read_and_warn(path))]
    for path in write_page(runs, read_own(output), find_sections(output), output):
        print(path)
    return EXIT_OK


def draw_trainings(folder: Path, output: Path) -> int:
    """Figure 4 of all trainings below a folder."""
    trainings = find_trainings(folder)
    from bench.render.figures.figure4 import write_figure4  # after --help has had its answer
    from bench.render.writing import writing_to

    with writing_to(output):
        paths = write_figure4(trainings, output / "figure4")
    for path in paths:
        print(path)
    return EXIT_OK


def tell_recipes(folder: Path, output: Path) -> int:
    """The table of recipes of training."""
    recipes = compare_recipes(folder)
    from bench.render.tables.recipes import render_recipes  # after --help has had its answer
    from bench.render.writing import write_texts

    for path in write_texts(output, {"recipes.md": render_recipes(recipes)}):
        print(path)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
