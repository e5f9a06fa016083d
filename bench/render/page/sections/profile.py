"""Profile: where the time of a step goes, and who holds memory at its peak (``bench.explain``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.render.page import vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import Newest, ReportFolder
from bench.render.page.sections.sentences import join, say_failures, say_origin
from bench.render.phases import title_of
from bench.render.tables.profile import BETWEEN_OPERATORS, format_cost_time, part_of_step
from bench.results.alive import HELD, LOWEST, OTHER, peaks_by_group
from bench.results.costs import SECTIONS, Cost, Costs
from bench.results.one_table import require_one_place
from bench.results.profile import BETWEEN, Profile
from bench.results.record import Record, results_of
from bench.results.summary import entries_of
from bench.units import format_si

TIME_KEY, TIME_TITLE = "profile", "Profile: where the time of a step goes"
MEMORY_KEY, MEMORY_TITLE = "profile-memory", "Profile: what is alive at the peak of memory"
TIME_SEEN = (
    "Each bar is one step under torch's profiler, by part of the network (forward and backward "
    "together) and of the training step. Hollow: a time too noisy to quote."
)
MEMORY_SEEN = (
    "Each bar is what torch's allocator holds at the fullest moment of one step, by the part of "
    "the network that made it. "
    "What was held before the step are weights, the optimiser's state and the example."
)
PERCENT: vega.Spec = {"scale": {"domain": [0, 100]}, "axis": {"tickCount": 6}}
TIME_HEADS = ("Network", "Phase", "Step", "Profiler adds", "Costliest part", "Costliest operator")
MEMORY_HEADS = (
    "Network",
    "Phase",
    "Peak",
    "Held before the step",
    "Holds most",
    "Kept by autograd",
)


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


def find_profiles(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.explain`` on one revision: time, and memory."""
    newest = reports.newest(("explain",), _summarise)
    explained = newest.found
    if explained is None:
        return newest.only_problems(TIME_KEY, TIME_TITLE)
    if not explained.profiles:
        return [Section(TIME_KEY, TIME_TITLE, _sentence("", newest, explained), None, None)]
    times = [_time_row(one) for one in explained.profiles]
    peaks = [_memory_row(one) for one in explained.profiles]
    sentence = _sentence(TIME_SEEN, newest, explained)
    return [
        Section(TIME_KEY, TIME_TITLE, sentence, _draw_times(explained), (TIME_HEADS, times)),
        Section(
            MEMORY_KEY,
            MEMORY_TITLE,
            join(MEMORY_SEEN, say_origin(explained.records, newest.file)),
            _draw_memory(explained),
            (MEMORY_HEADS, peaks),
        ),
    ]


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


def _sentence(seen: str, newest: Newest[Explained], explained: Explained) -> str:
    return join(
        seen,
        say_failures(explained.records, explained.names),
        say_origin(explained.records, newest.file),
        *newest.problems,
    )


def _draw_times(explained: Explained) -> vega.Spec:
    rows = list(_time_rows(explained))
    length: vega.Spec = {"field": "share", "title": "share of the step's time (%)"}
    shown = vega.tooltip(network="Network", part="Part", text="Time", percent="Share")
    return _stack(rows, explained, SECTIONS, length | PERCENT, shown)


def _draw_memory(explained: Explained) -> vega.Spec:
    rows = list(_memory_rows(explained))
    length: vega.Spec = {"field": "share", "title": "share of the memory at the peak (%)"}
    shown = vega.tooltip(network="Network", part="Held by", text="Memory", percent="Share")
    return _stack(rows, explained, LOWEST, length | PERCENT, shown)


def _stack(
    rows: Sequence[vega.Row],
    explained: Explained,
    order: Sequence[str],
    length: vega.Spec,
    shown: Sequence[vega.Spec],
) -> vega.Spec:
    """Parts in their order, others behind; the smallest share a colour where there are too many."""
    names = _colour_names(rows, order)
    groups = list(dict.fromkeys(names.values()))
    placed: list[vega.Row] = [
        row | {"group": names[str(row["part"])], "place": groups.index(names[str(row["part"])])}
        for row in rows
    ]
    colour = vega.coloured("group", groups, _colours(groups))
    menu = vega.Menu("phase", "Step", explained.phases)
    bars = vega.stacked_bars(placed, explained.networks, colour, length, shown, (menu,))
    return bars | vega.title_of(menu.name)


def _colours(groups: Sequence[str]) -> list[str]:
    """Of the parts of a network the same in both charts."""
    sections = dict(zip(SECTIONS, vega.MANY_COLOURS, strict=False))
    taken = {sections[group] for group in groups if group in sections}
    free = [colour for colour in vega.MANY_COLOURS if colour not in taken]
    return [sections[group] if group in sections else free.pop(0) for group in groups]


def _colour_names(rows: Sequence[vega.Row], order: Sequence[str]) -> dict[str, str]:
    """What the legend calls each part: those that are small in every step are one."""
    largest: dict[str, float] = {}
    for row in rows:
        part = str(row["part"])
        largest[part] = max(largest.get(part, 0.0), float(row["share"]))
    most = len(vega.MANY_COLOURS)
    by_size = sorted(largest, key=lambda part: -largest[part])
    small = set(by_size[most - 1 :]) if len(by_size) > most else set()
    parts = [part for part in order if part in largest]
    parts += [part for part in largest if part not in order]
    ordered = [part for part in parts if part not in small] + [p for p in parts if p in small]
    return {part: OTHER if part in small else part for part in ordered}


def _time_rows(explained: Explained) -> Iterator[vega.Row]:
    for one in explained.profiles:
        for part, cost in Costs(one.profile).by(part_of_step).items():
            if cost.time_s:
                yield {
                    "network": one.network,
                    "phase": one.phase,
                    "part": part,
                    "share": 100 * cost.share,
                    "noisy": not cost.is_trusted,
                    "text": format_cost_time(cost),
                    "percent": f"{cost.share:.1%}",
                }


def _memory_rows(explained: Explained) -> Iterator[vega.Row]:
    for one in explained.profiles:
        memory = one.profile.memory
        for group in peaks_by_group(memory, one.profile.rows):
            if group.bytes_at_peak:
                yield {
                    "network": one.network,
                    "phase": one.phase,
                    "part": group.group,
                    "share": 100 * group.bytes_at_peak / memory.peak_bytes,
                    "noisy": False,
                    "text": format_si(group.bytes_at_peak, "B"),
                    "percent": f"{group.bytes_at_peak / memory.peak_bytes:.1%}",
                }


def _time_row(one: Profiled) -> list[str]:
    costs = Costs(one.profile)
    part = _costliest(costs.by(part_of_step))
    operators = costs.by(lambda place: place.operator)
    operator = _costliest({_name(name): cost for name, cost in operators.items()})
    step = format_cost_time(costs.of(range(len(one.profile.rows))))
    return [one.network, one.phase, step, f"{costs.overhead:+.1%}", part, operator]


def _name(operator: str) -> str:
    return BETWEEN_OPERATORS if operator == BETWEEN else operator


def _costliest(found: dict[str, Cost]) -> str:
    name, cost = max(found.items(), key=lambda item: item[1].time_s)
    return f"{name} ({cost.share:.1%})"


def _memory_row(one: Profiled) -> list[str]:
    memory, saved = one.profile.memory, one.profile.saved
    return [
        one.network,
        one.phase,
        format_si(memory.peak_bytes, "B"),
        format_si(memory.before_bytes, "B"),
        _holds_most(one.profile),
        format_si(sum(tensor.n_bytes for tensor in saved), "B") if saved else "nothing",
    ]


def _holds_most(profile: Profile) -> str:
    """Of what the step makes."""
    memory = profile.memory
    made = [peak for peak in peaks_by_group(memory, profile.rows) if peak.group != HELD]
    if not made:
        return "nothing"
    most = max(made, key=lambda peak: peak.bytes_at_peak)
    return f"{most.group} ({most.bytes_at_peak / memory.peak_bytes:.1%})"
