"""Networks below ceilings, from made-up records."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.registry import TABLE1
from bench.render.tables.roofline import list_remarks
from bench.results.ceilings import Ceilings
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.roofline import Roofline, find_roofline, inverted
from bench.results.statistics import estimate
from tests.bench.example_records import SETTINGS, complete_run, fail, make_job, make_record
from tests.bench.example_results import measured, undisturbed

MACS, BYTES, FLOOR_S, PEAK = 2_000_000_000, 800_000_000, 0.05, 1e11
"""Of the example's ceilings."""


def run_of(time_s: float, runtime: str = "eager", *, noise: float = 0.0) -> list[Record]:
    """Three rounds of one network that takes so long, and the ceilings of each."""
    records = []
    for index in range(3):
        job = make_job(probe="ceilings", round_index=index)
        records.append(make_record(job, measured(1.0, job)))
        times_s = (time_s * (1 + noise * (index - 1)),) * 3
        times = LatencyTimes(times_s, contention=undisturbed(3))
        records.append(make_record(make_job(round_index=index, runtime=runtime), times))
    return records


def found_in(records: list[Record]) -> Roofline:
    roofline = find_roofline(records)
    assert roofline is not None
    return roofline


@given(st.floats(1e-3, 10.0))
def test_no_rate_is_above_its_ceiling_without_a_sentence(time_s: float) -> None:
    """Achieved is two FLOPs for each multiply-add over time; faster than the floor is said too."""
    roofline = found_in(run_of(time_s))
    (point,) = roofline.points
    rate = 2 * MACS / time_s
    assert point.rate.value == pytest.approx(rate)
    said = " ".join(list_remarks(roofline))
    assert ("above the ceiling** of products" in said) == (rate > PEAK * (1 + 1e-9))
    assert ("**" in said) == (time_s < FLOOR_S * (1 - 1e-9))
    memory_s = BYTES / 1e10
    assert ("ceiling of memory" in said) == (time_s < memory_s * (1 - 1e-9))


def test_intensity_is_flops_over_bytes_and_times_the_floor_a_ratio() -> None:
    (point,) = found_in(run_of(0.1)).points
    assert point.intensity == 2 * MACS / BYTES
    assert point.times_the_floor is not None
    assert point.times_the_floor.value == pytest.approx(0.1 / FLOOR_S)
    assert point.floor.value == pytest.approx(FLOOR_S)
    assert point.floor_rate.value == pytest.approx(2 * MACS / FLOOR_S)


def test_a_ratio_is_taken_round_by_round() -> None:
    """A machine that is slower for a round slows both, and the ratio stays."""
    slowed = [
        replace(record, result=_slower(record, 1.0 + record.job.round)) for record in run_of(0.1)
    ]
    (point,) = found_in(slowed).points
    assert point.times_the_floor is not None
    assert point.times_the_floor.half_width < 1e-9
    assert point.time.half_width > 0.25


def _slower(record: Record, factor: float) -> Ceilings | LatencyTimes:
    result = record.result
    if isinstance(result, LatencyTimes):
        return replace(result, times_s=tuple(factor * t for t in result.times_s))
    assert isinstance(result, Ceilings)
    (product,) = result.products
    walls_s = tuple(factor * wall_s for wall_s in product.times.walls_s)
    product = replace(product, times=replace(product.times, walls_s=walls_s))
    return replace(result, products=(product,))


def test_runtimes_share_the_ceilings_and_are_points_of_their_own() -> None:
    eager, other = run_of(0.1), run_of(0.07, "some-runtime")
    points = found_in(eager + [r for r in other if r.job.probe == "latency"]).points
    assert [point.workload.runtime for point in points] == ["eager", "some-runtime"]
    assert points[0].floor == points[1].floor
    assert points[1].times_the_floor is not None
    assert points[1].times_the_floor.value == pytest.approx(0.07 / FLOOR_S)


def test_disturbed_runs_are_in_no_value_and_are_counted() -> None:
    waits = replace(undisturbed(3), wait_s=(1.0, 1.0, 1.0))

    def disturbed(record: Record) -> Record:
        result = record.result
        if not isinstance(result, Ceilings) or record.job.round != 0:
            return record
        peaks = [replace(p, times=replace(p.times, contention=waits)) for p in result.peaks]
        return replace(record, result=replace(result, peaks=tuple(peaks)))

    roofs = found_in([disturbed(record) for record in run_of(0.1)]).roofs
    assert roofs.products["float32"].n_processes == 2
    assert not roofs.products["float32"].is_trusted
    assert roofs.n_disturbed == 6
    assert roofs.memory.n_processes == 3


def test_a_run_without_ceilings_has_no_roofline() -> None:
    assert find_roofline(complete_run(TABLE1[:2])) is None
    records = complete_run(TABLE1[:2], replace(SETTINGS, roofline=True))
    assert {point.model for point in found_in(records).points} == {e.name for e in TABLE1[:2]}


def test_a_network_without_ceilings_is_named_with_its_reason() -> None:
    records = complete_run(TABLE1[:2], replace(SETTINGS, roofline=True))
    broken = TABLE1[1].name
    records = [
        fail(record, Status.ERROR, "It counts badly.")
        if (record.job.model, record.job.probe) == (broken, "ceilings")
        else record
        for record in records
    ]
    roofline = found_in(records)
    assert [point.model for point in roofline.points] == [TABLE1[0].name]
    assert f"{broken} in float32 has no ceilings. error: It counts badly." in list(
        list_remarks(roofline)
    )


@given(st.lists(st.lists(st.floats(0.5, 2.0), min_size=2, max_size=4), min_size=3, max_size=5))
def test_a_rate_is_an_estimate_of_the_inverse(rounds: list[list[float]]) -> None:
    """Up to the middle of an even number of values, which is not that of their inverses."""

    found, other = inverted(3.0, estimate(rounds)), estimate([[3.0 / t for t in r] for r in rounds])
    odd = [r[: len(r) - 1 + len(r) % 2] for r in rounds]
    found, other = inverted(3.0, estimate(odd)), estimate([[3.0 / t for t in r] for r in odd])
    assert found.value == pytest.approx(other.value)
    assert found.span == pytest.approx(other.span)
    assert found.half_width == pytest.approx(other.half_width)
