"""Profile: where the time of a step goes (``bench.explain``)."""

from collections.abc import Iterator

from bench.render.page import vega
from bench.render.page.section import Section
from bench.render.page.sections.explained import Explained, Profiled, draw_parts, find_explained
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import join, say_failures, say_origin
from bench.render.tables.profile import BETWEEN_OPERATORS, format_cost_time, part_of_step
from bench.results.costs import SECTIONS, Cost, Costs
from bench.results.profile import BETWEEN

KEY, TITLE = "profile", "Profile: where the time of a step goes"
SEEN = (
    "Each bar is one step under torch's profiler, by part of the network (forward and backward "
    "together) and of the training step. Hollow: a time too noisy to quote."
)
HEADS = ("Network", "Phase", "Step", "Profiler adds", "Costliest part", "Costliest operator")


def find_profiles(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.explain``; where nothing could be profiled, why."""
    newest = find_explained(reports)
    explained = newest.found
    if explained is None:
        return newest.only_problems(KEY, TITLE)
    profiled = explained.profiles
    sentence = join(
        SEEN if profiled else "",
        say_failures(explained.records, explained.names),
        say_origin(explained.records, newest.file),
        *newest.problems,
    )
    if not profiled:
        return [Section(KEY, TITLE, sentence, None, None)]
    table = (HEADS, [_cells(one) for one in profiled])
    return [Section(KEY, TITLE, sentence, _draw(explained), table)]


def _draw(explained: Explained) -> vega.Spec:
    shown = vega.tooltip(network="Network", part="Part", text="Time", percent="Share")
    rows = list(_rows(explained))
    return draw_parts(rows, explained, SECTIONS, "share of the step's time (%)", shown)


def _rows(explained: Explained) -> Iterator[vega.Row]:
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


def _cells(one: Profiled) -> list[str]:
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
