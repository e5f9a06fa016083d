"""What is said of networks beside each other: the frontier, and who costs least for certain."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.results.findings import find_cheapest, pareto_frontier
from bench.results.measurements import MemoryPeaks
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail, make_job, make_record, make_rounds

Point = tuple[float, float]
coordinate = st.integers(0, 6).map(float) | st.floats(0, 10)
points = st.lists(st.tuples(coordinate, coordinate), max_size=12)


def beats(one: Point, other: Point) -> bool:
    """No worse in both, better in one."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(points)
@example([(1.0, 5.0), (1.0, 6.0), (2.0, 6.0), (3.0, 7.0)])
def test_the_frontier_is_all_that_nothing_beats(points: list[Point]) -> None:
    unbeaten = {p for p in points if not any(beats(q, p) for q in points)}
    frontier = pareto_frontier(points)
    assert set(frontier) == unbeaten
    assert len(frontier) == len(unbeaten)


@given(points)
def test_the_frontier_ascends_in_both(points: list[Point]) -> None:
    frontier = pareto_frontier(points)
    for left, right in pairwise(frontier):
        assert left[0] < right[0]
        assert left[1] < right[1]


@given(points)
def test_the_frontier_of_the_frontier_is_itself(points: list[Point]) -> None:
    frontier = pareto_frontier(points)
    assert pareto_frontier(frontier[::-1]) == frontier


METRICS = ["n_params", "macs_update", "peak_rss_bytes_inference", "latency_s_update"]


@pytest.mark.parametrize("metric", METRICS)
def test_the_cheapest_has_less_than_each_other(metric: str) -> None:
    """In the example, network number k costs k times as much as the first."""
    found = find_cheapest(summarize(complete_run()), metric)
    assert found is not None
    assert found.entry.name == "conv-tasnet"


@pytest.mark.parametrize("metric", METRICS)
def test_without_a_value_of_one_network_no_order_is_certain(metric: str) -> None:
    records = [
        fail(record, Status.OOM, "Full.") if record.job.model == "demucs" else record
        for record in complete_run()
    ]
    assert find_cheapest(summarize(records), metric) is None


def test_one_network_is_not_the_cheapest() -> None:
    assert find_cheapest(summarize(make_rounds([[1.0]] * 6)), "latency_s_inference") is None


@pytest.mark.parametrize(("other", "is_certain"), [(1.04, False), (1.06, True)])
def test_peaks_that_are_alike_are_in_no_order(other: float, is_certain: bool) -> None:
    def peak(model: str, scale: float) -> Record:
        job = make_job(model, probe="memory")
        return make_record(job, MemoryPeaks(0, 0, 0, 0, 0, peak_rss_bytes=int(1e9 * scale)))

    summary = summarize([peak("demucs", 1.0), peak("dprnn", other)])
    found = find_cheapest(summary, "peak_rss_bytes_inference")
    assert (found is not None) == is_certain


@pytest.mark.parametrize(("theirs", "is_certain"), [((0.5, 0.8), True), ((0.5, 1.2), False)])
def test_times_are_ordered_by_ratios_of_turns(
    theirs: tuple[float, float], is_certain: bool
) -> None:
    """The times lie within each other; only their ratios to the base may tell them apart."""
    fast, slow = theirs
    base = make_rounds([[1.0], [3.0]] * 3, make_job("sudormrf-1.0x"), turns=(0,))
    other = make_rounds([[fast], [3 * slow]] * 3, make_job("dprnn"), turns=(0,))
    found = find_cheapest(summarize([*base, *other]), "latency_s_inference")
    assert (found.entry.name if found else None) == ("dprnn" if is_certain else None)
