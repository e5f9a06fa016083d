"""The family: what every SuDoRM-RF costs, beside what the authors print of some."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.errors import UsageError
from bench.render.page import vega
from bench.render.page.section import Section
from bench.render.page.sections.costs import (
    cost_rows,
    draw_costs,
    list_costs,
    names_of,
    plain_heads,
    same_colour,
)
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import (
    HOLLOW,
    join,
    say_failures,
    say_missing,
    say_origin,
)
from bench.render.tables.family import costs_table, find_latencies, title_of
from bench.results.one_table import require_one_place
from bench.results.record import Record
from bench.results.summary import RunSummary, newest_of_each_cell, summarize

KEY, TITLE = "family", "The SuDoRM-RF family"
SEEN = (
    "What every SuDoRM-RF that was measured costs, with random weights. In the tables “theirs” is "
    "what the authors print, of their hardware."
)


@dataclass(frozen=True)
class Family:
    """The files of one measurement: a run for each workload, and streams."""

    records: Sequence[Record]
    runs: Sequence[RunSummary]  # by length and batch
    streams: Sequence[Record]


def find_families(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.family``: a table for each workload, the chart of all."""
    newest = reports.newest_together("family", _summarise)
    if newest.found is None:
        return newest.only_problems(KEY, TITLE)
    family = newest.found
    sentence = join(
        SEEN,
        HOLLOW,
        say_failures(family.streams, names_of(family.runs)),
        say_origin(family.records, newest.file),
        *newest.problems,
    )
    first, *others = (_table_section(family, run) for run in family.runs)
    whole = Section(KEY, TITLE, join(sentence, first.sentence), _draw(family), first.table)
    return [whole, *others]


def _summarise(files: Sequence[Sequence[Record]]) -> Family | None:
    """As ``bench.family`` reads them; those of other machines or versions than the first left out.

    Raises:
        UsageError: they are of streams alone.
    """
    measured = [newest_of_each_cell(records) for records in files if records]
    if not measured:
        return None
    measured = [records for records in measured if _are_of_one_place(measured[0], records)]
    streams = [record for records in measured if _is_of_streams(records) for record in records]
    runs = [summarize(records) for records in measured if not _is_of_streams(records)]
    if not runs:
        raise UsageError("There are only records of streams, and none of a workload.")
    everything = [record for records in measured for record in records]
    runs.sort(key=lambda run: (run.workload.n_samples, run.workload.batch))
    return Family(everything, runs, streams)


def _are_of_one_place(one: Sequence[Record], other: Sequence[Record]) -> bool:
    try:
        require_one_place([*one, *other])
    except UsageError:
        return False
    return True


def _is_of_streams(records: Sequence[Record]) -> bool:
    return any(record.job.probe == "streaming" for record in records)


def _table_section(family: Family, run: RunSummary) -> Section:
    heads, rows = costs_table(run, find_latencies(family.streams))
    work, name = run.workload, title_of(run)
    missing = say_missing(run, (column.metric for column in list_costs(run)))
    sentence = join(f"The table: {name}.", missing)
    key = f"{KEY}-{work.n_samples}x{work.batch}"
    return Section(key, f"{TITLE}: {name}", sentence, None, (plain_heads(heads), rows))


def _draw(family: Family) -> vega.Spec | None:
    rows = [row for run in family.runs for row in _rows(run)]
    if not rows:
        return None
    workload = vega.Menu("workload", "Workload", [title_of(run) for run in family.runs])
    networks = list(names_of(family.runs).values())
    columns = list_costs(family.runs[0])
    return draw_costs(rows, networks, columns, same_colour(), (workload,))


def _rows(run: RunSummary) -> Iterator[vega.Row]:
    """Parameters are the same for every workload, so they stand in the table alone."""
    columns = [column for column in list_costs(run) if column.phase]
    yield from cost_rows(run, columns, {"workload": title_of(run)})
