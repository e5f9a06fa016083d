"""What is printed and written when a run has been measured."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.command import name_failures, name_program, read_and_warn, summarize_readable
from bench.errors import EXIT_CELL_FAILED, EXIT_OK
from bench.results.shard import Shard
from bench.results.summary import newest_of_each_cell, summarize


def report_forms(records: Path, output: Path) -> int:
    """Write the reports of a record file of runtimes and say where they are."""
    from bench.render.forms import write_form_reports

    contents = read_and_warn(records)
    for path in (records, *write_form_reports(contents, output)):
        print(path)
    return EXIT_CELL_FAILED if name_failures(contents) else EXIT_OK


def report(records: Path, output: Path, beside: Sequence[Path], shard: Shard | None) -> int:
    """Write the reports of a record file and say where they are.

    Of a shard none are written: those of a run are of all its shards together.
    """
    from rich.console import Console

    from bench.render.report import write_reports
    from bench.render.terminal.table import print_beside, print_summary

    contents = newest_of_each_cell(read_and_warn(records))
    summary = summarize(contents)
    print_summary(summary, Console())
    if beside:
        print_beside(summary, summarize_readable(beside), Console())
    for path in (records, *([] if shard else write_reports(summary, output))):
        print(path)
    if shard:
        print(tell_how_to_merge(shard, records.parent, output), file=sys.stderr)
    return EXIT_CELL_FAILED if name_failures(contents) else EXIT_OK


def tell_how_to_merge(shard: Shard, records: Path, output: Path) -> str:
    """The command that puts the shards of a plan together, as one types it."""
    files = f"{shlex.quote(str(records))}/*-shard-*-{shard.plan}-*.jsonl"
    command = f"{name_program('report')} {files} --output {shlex.quote(str(output))}"
    return f"This is shard {shard.index} of {shard.count}. When all are done: {command}"
