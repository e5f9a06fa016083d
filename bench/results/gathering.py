"""Which record files are of one run, and which of another."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.errors import UsageError
from bench.results.form_summary import is_of_forms
from bench.results.one_table import Traits, may_share_a_table, require_one_run, traits_of
from bench.results.parts import Files, choose_parts, split_files
from bench.results.record import Record


def gather_files(files: Files) -> list[Files]:
    """The files of each run, in the order in which the runs were named; at least one run.

    Files are of one run where each may share a table with the same others: one that would fit two
    runs, which don't fit each other, is a run of its own. Files without a record are of none.

    Raises:
        UsageError: of several files, one has records that may not share a table, or some are of
            forms and others not.
    """
    filled = {path: records for path, records in files.items() if records}
    if len(filled) < 2 or _are_of_forms(filled):
        return [filled]
    traits = {path: _traits_of_one_run(path, records) for path, records in filled.items()}
    groups: dict[frozenset[Path], list[Path]] = {}
    for path, own in traits.items():
        fitting = (other for other, others in traits.items() if may_share_a_table(own, others))
        groups.setdefault(frozenset(fitting), []).append(path)
    return [{path: filled[path] for path in group} for group in groups.values()]


def _are_of_forms(files: Files) -> bool:
    """Whether all of them are.

    Raises:
        UsageError: some are, and others are not.
    """
    of_forms = [path for path, records in files.items() if is_of_forms(records)]
    if of_forms and len(of_forms) < len(files):
        raise UsageError(
            f"{of_forms[0]} is of several runtimes or precisions of its networks, which are not "
            "set beside other runs. Leave it out, or report on it alone: it has a table of its "
            "own, runtimes.md."
        )
    return bool(of_forms)


def _traits_of_one_run(path: Path, records: Sequence[Record]) -> Traits:
    try:
        require_one_run(records)
    except UsageError as error:
        raise UsageError(f"{path} is not of one run. {error}") from error
    return traits_of(records)


def merge_files(files: Files) -> list[Record]:
    """The records of one run, the oldest file first, whatever the order in which they were named.

    So of two counts of one cell the newer stands. Rounds of times follow those of the files, and
    shards, before: a ratio is of calls of one round. Of a network that two shards measured one
    counts.
    """
    merged: list[Record] = []
    for part in choose_parts(split_files(files))[0]:
        first = 1 + max((r.job.round for r in merged if r.job.spec.takes_time), default=-1)
        merged += [_shift(record, first) for record in part.records]
    return merged


def _shift(record: Record, first: int) -> Record:
    job = record.job
    if not job.spec.takes_time:
        return record
    return replace(record, job=replace(job, round=first + job.round))
