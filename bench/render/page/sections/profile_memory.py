"""Profile: who holds memory at the peak of a step (``bench.explain``)."""

from collections.abc import Iterator

from bench.render.page import vega
from bench.render.page.section import Section
from bench.render.page.sections.explained import Explained, Profiled, draw_parts, find_explained
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.sentences import join, say_origin
from bench.results.alive import HELD, LOWEST, peaks_by_group
from bench.results.profile import Profile
from bench.units import format_si

KEY, TITLE = "profile-memory", "Profile: what is alive at the peak of memory"
SEEN = (
    "Each bar is what torch's allocator holds at the fullest moment of one step, by the part of "
    "the network that made it. What was held before the step are weights, the optimiser's state "
    "and the example."
)
HEADS = ("Network", "Phase", "Peak", "Held before the step", "Holds most", "Kept by autograd")


def find_peaks(reports: ReportFolder) -> list[Section]:
    """Of the newest records of ``bench.explain``; what is missing is said with the times."""
    newest = find_explained(reports)
    explained = newest.found
    if explained is None or not explained.profiles:
        return []
    sentence = join(SEEN, say_origin(explained.records, newest.file))
    table = (HEADS, [_cells(one) for one in explained.profiles])
    return [Section(KEY, TITLE, sentence, _draw(explained), table)]


def _draw(explained: Explained) -> vega.Spec:
    shown = vega.tooltip(network="Network", part="Held by", text="Memory", percent="Share")
    rows = list(_rows(explained))
    return draw_parts(rows, explained, LOWEST, "share of the memory at the peak (%)", shown)


def _rows(explained: Explained) -> Iterator[vega.Row]:
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


def _cells(one: Profiled) -> list[str]:
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
