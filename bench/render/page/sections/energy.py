"""Energy: joules for a second of audio, where a counter told them."""

from collections.abc import Iterator, Sequence

from bench.render.estimates import as_value
from bench.render.page import axes, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.costs import names_of, same_colour
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.sentences import HOLLOW, join, say_origin
from bench.render.phases import PHASE_NAMES, title_of
from bench.render.tables.energy import (
    device_of,
    format_energy,
    list_remarks,
    say_failures,
    table_heads,
    table_rows,
)
from bench.results.energy import EnergyPoint
from bench.results.form_summary import is_of_forms
from bench.results.record import Record
from bench.results.summary import RunSummary, summarize

KEY, TITLE = "energy", "Energy"
SEEN = (
    "Joules for a second of audio, of all that a counter covers, and above what it counts at rest."
)


def find_energies(reports: ReportFolder) -> list[Section]:
    """Of the newest run that was to measure energy: a table for each counter's device."""
    newest = reports.newest((RUNS,), _summarise)
    if newest.found is None:
        return []
    summary, records = newest.found
    assert summary.energy is not None
    tables = list(_list_tables(summary))
    if not tables:
        reason = f"Energy was not measured. {say_failures(summary, summary.phases)}"
        return [Section(KEY, TITLE, join(reason, say_origin(records, newest.file)), None, None)]
    words = join(
        SEEN, HOLLOW, *list_remarks(summary), say_origin(records, newest.file), *newest.problems
    )
    first, *others = tables
    return [
        Section(KEY, TITLE, words, _draw(summary), first),
        *(Section(f"{KEY}-gpu", f"{TITLE} on the GPU", SEEN, None, table) for table in others),
    ]


def _summarise(records: Sequence[Record]) -> tuple[RunSummary, Sequence[Record]] | None:
    if is_of_forms(records) or not any(record.job.probe == "energy" for record in records):
        return None
    return summarize(records), records


def _list_tables(summary: RunSummary) -> Iterator[tuple[list[str], list[list[str]]]]:
    for device in ("cpu", "cuda"):
        phases = [phase for phase in summary.phases if device_of(phase, summary) == device]
        if rows := table_rows(phases, summary):
            yield table_heads(phases, summary), rows


def _draw(summary: RunSummary) -> vega.Spec | None:
    assert summary.energy is not None
    names = names_of([summary])
    rows = [row for point in summary.energy.points for row in _rows_of(point, names[point.model])]
    if not rows:
        return None
    menu = vega.Menu("energy", "Energy", list(dict.fromkeys(str(row["energy"]) for row in rows)))
    quantity = axes.logarithmic("x", None, axes.si_labels("J"))
    shown = vega.tooltip(network="Network", energy="Energy", text="Measured")
    chart = marks.dot_plot(rows, list(names.values()), quantity, same_colour(), shown, (menu,))
    return chart | vega.title_of(menu.name)


def _rows_of(point: EnergyPoint, network: str) -> Iterator[vega.Row]:
    """What a logarithmic axis has a place for."""
    phase = PHASE_NAMES[point.phase]
    named = {title_of(point.phase): point.gross, f"Above idle, {phase}": point.net}
    for name, estimate in named.items():
        value = as_value(estimate)
        if vega.is_drawable(value):
            row: vega.Row = {
                "network": network,
                "energy": name,
                "text": format_energy(estimate),
            }
            yield row | vega.place_value(value)
