"""What the records of ``bench.explain`` hold, and bars of the parts of each step."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.render.page import colours, marks, vega
from bench.render.page.sections.newest import Newest, ReportFolder
from bench.render.phases import title_of
from bench.results.alive import OTHER
from bench.results.costs import SECTIONS
from bench.results.one_table import require_one_place
from bench.results.profile import Profile
from bench.results.record import Record, results_of
from bench.results.summary import entries_of

PERCENT: vega.Spec = {"scale": {"domain": [0, 100]}, "axis": {"tickCount": 6}}


@dataclass(frozen=True)
class Profiled:
    """One network in one phase."""

    network: str
    phase: str
    profile: Profile


@dataclass(frozen=True)
class Explained:
    """What one file holds."""

    records: Sequence[Record]
    names: dict[str, str]  # of networks, for people
    profiles: list[Profiled]

    @property
    def phases(self) -> list[str]:
        """In the order of the records."""
        return list(dict.fromkeys(one.phase for one in self.profiles))

    @property
    def networks(self) -> list[str]:
        """Those that were profiled, in the registry's order."""
        profiled = {one.network for one in self.profiles}
        return [name for name in self.names.values() if name in profiled]


def find_explained(reports: ReportFolder) -> Newest[Explained]:
    """The newest records of ``bench.explain`` on one revision."""
    return reports.newest(("explain",), _summarise)


def _summarise(records: Sequence[Record]) -> Explained | None:
    """One profile of each network and phase; two revisions of one are another report.

    Raises:
        UsageError: they are of two revisions.
    """
    if not records:
        return None
    require_one_place(records)
    names = {entry.name: entry.display_name for entry in entries_of(records)}
    newest = {
        (record.job.model, record.job.workload.phase): profile
        for record, profile in results_of(Profile, records)
    }
    profiles = [Profiled(names[model], title_of(p), one) for (model, p), one in newest.items()]
    return Explained(records, names, profiles)


def draw_parts(
    rows: Sequence[vega.Row],
    explained: Explained,
    order: Sequence[str],
    title: str,
    shown: Sequence[vega.Spec],
) -> vega.Spec:
    """Bars of ``share``; parts stand in their order, others behind.

    The smallest share a colour where there are too many.
    """
    names = _colour_names(rows, order)
    groups = list(dict.fromkeys(names.values()))
    placed: list[vega.Row] = [
        row | {"group": names[str(row["part"])], "place": groups.index(names[str(row["part"])])}
        for row in rows
    ]
    colour = colours.coloured("group", groups, _colours(groups))
    length: vega.Spec = {"field": "share", "title": title} | PERCENT
    menu = vega.Menu("phase", "Step", explained.phases)
    bars = marks.stacked_bars(placed, explained.networks, colour, length, shown, (menu,))
    return bars | vega.title_of(menu.name)


def _colours(groups: Sequence[str]) -> list[str]:
    """Of the parts of a network the same in both charts."""
    sections = dict(zip(SECTIONS, colours.MANY_COLOURS, strict=False))
    taken = {sections[group] for group in groups if group in sections}
    free = [colour for colour in colours.MANY_COLOURS if colour not in taken]
    return [sections[group] if group in sections else free.pop(0) for group in groups]


def _colour_names(rows: Sequence[vega.Row], order: Sequence[str]) -> dict[str, str]:
    """What the legend calls each part: those that are small in every step are one."""
    largest: dict[str, float] = {}
    for row in rows:
        part = str(row["part"])
        largest[part] = max(largest.get(part, 0.0), float(row["share"]))
    most = len(colours.MANY_COLOURS)
    by_size = sorted(largest, key=lambda part: -largest[part])
    small = set(by_size[most - 1 :]) if len(by_size) > most else set()
    parts = [part for part in order if part in largest]
    parts += [part for part in largest if part not in order]
    ordered = [part for part in parts if part not in small] + [p for p in parts if p in small]
    return {part: OTHER if part in small else part for part in ordered}
