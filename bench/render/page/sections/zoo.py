"""The zoo: what networks of other packages cost, each over the same time of its own audio."""

from collections.abc import Sequence

from bench.registry import OPTIONAL
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
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.sentences import HOLLOW, join, say_missing, say_origin
from bench.render.tables.zoo import costs_table, is_zoo
from bench.results.form_summary import is_of_forms
from bench.results.record import Record
from bench.results.summary import RunSummary, summarize
from bench.units import format_si

KEY, TITLE = "zoo", "Networks of other packages"


def find_zoos(reports: ReportFolder) -> list[Section]:
    """Of the newest run of the zoo."""
    newest = reports.newest((RUNS,), _summarise)
    if newest.found is None:
        return []
    summary, records = newest.found
    columns = list_costs(summary)
    duration = format_si(summary.workload.duration_s, "s")
    sentence = join(
        f"What {duration} of each network's own audio costs; the classes are the packages' own, "
        "with random weights.",
        HOLLOW,
        say_missing(summary, (column.metric for column in columns)),
        say_origin(records, newest.file),
        *newest.problems,
    )
    rows = list(cost_rows(summary, columns, {}))
    networks = list(names_of([summary]).values())
    chart: vega.Spec | None = None
    if rows:
        chart = draw_costs(rows, networks, columns, same_colour())
    heads, cells = costs_table(summary)
    return [Section(KEY, TITLE, sentence, chart, (plain_heads(heads), cells))]


def _summarise(records: Sequence[Record]) -> tuple[RunSummary, Sequence[Record]] | None:
    """Most runs are of other networks, which their names say at once."""
    if not any(record.job.model in OPTIONAL for record in records) or is_of_forms(records):
        return None
    summary = summarize(records)
    return (summary, records) if is_zoo(summary) else None
