"""The reports of record files: of one run, whose files are put together, or of several."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.results.form_summary import is_of_forms
from bench.results.gathering import merge_files
from bench.results.parts import Files
from bench.results.shard_review import review_shards
from bench.results.summary import RunSummary, summarize


def report_one(files: Files, output: Path) -> list[Path]:
    """Table 1 and its like, or what a run of forms has."""
    records = merge_files(files)
    if is_of_forms(records):
        from bench.render.forms import (
            write_form_reports,  # after --help has had its answer, as below
        )

        return write_form_reports(records, output)
    summary = summarize_shards(files)
    from bench.render.report import write_reports  # after --help has had its answer

    warn_of_shards([summary])
    return write_reports(summary, output)


def compare(runs: Sequence[Files], output: Path) -> list[Path]:
    """Several runs side by side."""
    summaries = [summarize_shards(files) for files in runs]
    from bench.render.comparison import write_comparison  # after --help has had its answer

    warn_of_shards(summaries)
    return write_comparison(summaries, output)


def summarize_shards(files: Files) -> RunSummary:
    """The summary of one run, with what is to be said of its shards, where it has some."""
    return replace(summarize(merge_files(files)), shards=review_shards(files))


def warn_of_shards(runs: Sequence[RunSummary]) -> None:
    """Say on standard error what is wrong with the shards of each run."""
    from bench.render.run_names import name_runs
    from bench.render.shards import describe_faults

    for run in name_runs(runs):
        where = f"{run.name}: " if len(runs) > 1 else ""
        for sentence in describe_faults(run.summary.shards) if run.summary.shards else ():
            print(f"{where}{sentence}", file=sys.stderr)
