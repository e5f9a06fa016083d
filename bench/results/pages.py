"""What it is worth that the C library's malloc keeps its pages: times with and without."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.registry import REGISTRY
from bench.results.record import Record
from bench.results.statistics import Estimate
from bench.results.timing import summarize_latency
from bench.results.workload import Phase


@dataclass(frozen=True)
class PageGain:
    """The times of one network in one phase with the default allocator and with kept pages.

    Seconds. Page faults are minor ones, the median of a call's; None: nobody counted them.
    """

    display_name: str
    phase: Phase
    default: Estimate
    kept: Estimate
    ratio: Estimate | None  # default / kept in the same turns; None without a pair
    default_page_faults: float | None
    kept_page_faults: float | None


def summarize_pages(records: Sequence[Record]) -> list[PageGain]:
    """A row for each network and phase that was timed both ways, in the order of the records."""
    timed: dict[tuple[str, Phase], dict[bool, list[Record]]] = {}
    for record in records:
        job = record.job
        if job.probe == "latency":
            both = timed.setdefault((job.model, job.workload.phase), {False: [], True: []})
            both[job.workload.keeps_pages].append(record)
    gains = (_gain(model, phase, *both.values()) for (model, phase), both in timed.items())
    return [gain for gain in gains if gain]


def _gain(
    model: str, phase: Phase, given_back: Sequence[Record], kept: Sequence[Record]
) -> PageGain | None:
    without, with_pages = summarize_latency(given_back, kept), summarize_latency(kept, ())
    if without is None or with_pages is None:
        return None
    return PageGain(
        display_name=REGISTRY[model].display_name if model in REGISTRY else model,
        phase=phase,
        default=without.latency,
        kept=with_pages.latency,
        ratio=without.ratio,
        default_page_faults=without.page_faults,
        kept_page_faults=with_pages.page_faults,
    )
