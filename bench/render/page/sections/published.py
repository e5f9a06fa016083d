"""Published figures: what papers and repositories print, over exact counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.render.page import axes, colours, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import join, say_failures, say_origin
from bench.render.tables.published import HEADS, figure_cells
from bench.results.printed import Printed, exact_count, list_rules, read_printed, reproduced_by
from bench.results.record import Record
from bench.results.summary import entries_of

KEY, TITLE = "published", "Published figures over exact counts"
YES, NO = "reproduced by a rule", "not reproduced"
SEEN = (
    "Each point is a figure that a count can reproduce, parameters or multiply-adds: what is "
    "printed over the exact count of this project's network (multiply-adds of a second at 8 kHz). "
    "At the dashed line both are equal; a figure is reproduced where a counter's rule gives the "
    "printed digits."
)


@dataclass(frozen=True)
class Figures:
    """The printed figures, and the counts of one file."""

    records: Sequence[Record]
    countable: Sequence[Printed]
    n_others: int

    @property
    def n_reproduced(self) -> int:
        """How many of the countable ones are."""
        return sum(is_reproduced(figure, self.records) for figure in self.countable)


def find_published(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.published``."""
    newest = reports.newest(("published",), _summarise)
    if newest.found is None:
        return newest.only_problems(KEY, TITLE)
    figures = newest.found
    names = {entry.name: entry.display_name for entry in entries_of(figures.records)}
    sentence = join(
        SEEN,
        f"{figures.n_reproduced} of {len(figures.countable)} are. Another {figures.n_others} "
        "printed figures are times and memory of other machines, which no count reproduces.",
        say_failures(figures.records, names),
        say_origin(figures.records, newest.file),
        *newest.problems,
    )
    rows = list(_rows(figures))
    cells = [figure_cells(figure, figures.records) for figure in figures.countable]
    return [Section(KEY, TITLE, sentence, _draw(rows) if rows else None, (HEADS, cells))]


def _summarise(records: Sequence[Record]) -> Figures | None:
    if not records:
        return None
    printed = read_printed()
    countable = [figure for figure in printed if figure.is_countable]
    return Figures(records, countable, len(printed) - len(countable))


def is_reproduced(figure: Printed, records: Sequence[Record]) -> bool:
    """Whether some rule gives the printed digits."""
    return bool(reproduced_by(figure, list_rules(figure, records)))


def _rows(figures: Figures) -> Iterator[vega.Row]:
    for figure in figures.countable:
        exact = exact_count(figure, figures.records)
        if not exact:
            continue
        over = 1 / figure.ratio(exact)
        yield {
            "network": figure.network,
            "quantity": figure.quantity,
            "found": YES if is_reproduced(figure, figures.records) else NO,
            "value": over,
            "noisy": False,
            "text": f"{figure.printed} {figure.unit}",
            "over": f"{over:.3g}",
            "source": figure.where,
        }


def _draw(rows: Sequence[vega.Row]) -> vega.Spec:
    networks = list(dict.fromkeys(str(row["network"]) for row in rows))
    x = axes.ratios("x", "printed over exact count", rows)
    colour, shape = colours.coloured("found", (YES, NO)), colours.shaped("found", (YES, NO))
    channels: vega.Spec = {"fill": colour, "stroke": colour, "shape": shape}
    shown = vega.tooltip(network="Network", quantity="Quantity", text="Printed")
    shown += vega.tooltip(over="Printed over exact", found="Which is", source="Source")
    return marks.dot_plot(rows, networks, x, channels, shown)
