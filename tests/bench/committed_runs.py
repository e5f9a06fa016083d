"""Committed records, for tests of what is made of them."""

from pathlib import Path

from bench.registry import TABLE1
from bench.results.store import list_runs, read_records
from bench.results.summary import RunSummary, summarize


def newest_table1(reports: Path) -> RunSummary:
    """The newest run of exactly Table 1's networks."""
    expected = [entry.name for entry in TABLE1]
    for path in list_runs(reports / "records"):
        summary = summarize(read_records(path).records)
        if [model.entry.name for model in summary.models] == expected:
            return summary
    raise AssertionError("no run of Table 1 is committed")
