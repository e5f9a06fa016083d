"""Laws of a sweep's plan, on a machine whose clock and memory are made up."""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.grid import GridCell
from bench.results.environment import Environment
from bench.results.forecast import MemoryForecast
from bench.results.measurements import MemoryPeaks
from bench.results.record import Job, Record, Status
from bench.sweep_costs import PROBES_OF_A_CELL
from bench.sweeping import Sweep
from tests.bench.example_records import ENVIRONMENT
from tests.bench.made_up_machine import (
    LARGE,
    SMALL,
    START_S,
    MadeUpMachine,
    found,
    make_grid,
    make_sweep,
    run_sweep,
)

whole_sweeps = settings(max_examples=25)
SIZES = st.lists(st.sampled_from([1000, 2000, 4000, 8000, 16000]), min_size=1, unique=True)
SMALL_LISTS = st.lists(st.integers(1, 3), min_size=1, max_size=2, unique=True)


@whole_sweeps
@given(samples=SIZES, batches=SMALL_LISTS, threads=SMALL_LISTS)
def test_with_enough_time_every_cell_has_every_record_once(
    samples: list[int], batches: list[int], threads: list[int]
) -> None:
    grid = make_grid(samples=tuple(samples), batches=tuple(batches), threads=tuple(threads))
    records = run_sweep(make_sweep(MadeUpMachine(), grid))
    cells = grid.cells((SMALL, LARGE))
    for probe in PROBES_OF_A_CELL:
        assert set(found(records, probe)) == set(cells)
    seen = Counter(record.job.cell for record in records)
    assert set(seen.values()) == {1}
    assert {record.status for record in records} == {Status.OK}
    rounds = Counter(GridCell.of(r.job) for r in records if r.job.probe == "latency")
    assert set(rounds.values()) == {3}
    contracts = [record.job.model for record in records if record.job.probe == "contract"]
    assert sorted(contracts) == [LARGE.name, SMALL.name]


@whole_sweeps
@given(samples=SIZES, batches=SMALL_LISTS)
def test_a_forecast_is_stored_before_its_cell_and_rests_on_smaller_ones(
    samples: list[int], batches: list[int]
) -> None:
    grid = make_grid(samples=tuple(samples), batches=tuple(batches))
    records = run_sweep(make_sweep(MadeUpMachine(), grid))
    place = {id(record): number for number, record in enumerate(records)}
    for cell, forecast in found(records, "forecast").items():
        peaks = found(records, "memory")[cell]
        assert place[id(forecast)] < place[id(peaks)]
        before = records[: place[id(forecast)]]
        smaller = [
            other
            for other in found(before, "memory")
            if other.model == cell.model and other.size < cell.size
        ]
        assert isinstance(forecast.result, MemoryForecast)
        assert forecast.result.n_smaller == len(smaller)


def test_memory_that_grows_on_a_line_is_told() -> None:
    """Of the allocator exactly, from the first smaller cell on; of the process within 1 %."""
    records = run_sweep(make_sweep(MadeUpMachine(), make_grid()))
    for cell, record in found(records, "forecast").items():
        peaks = found(records, "memory")[cell].result
        assert isinstance(record.result, MemoryForecast)
        assert isinstance(peaks, MemoryPeaks)
        if record.result.n_smaller:
            assert record.result.allocated_bytes == peaks.peak_allocated_bytes
            assert record.result.process_bytes == pytest.approx(peaks.peak_rss_bytes, rel=0.01)


def test_a_cell_that_would_not_fit_is_not_run_and_says_how_much_it_needs() -> None:
    """4000 samples need 216 MB, 8000 228 MB; 250 MB are there, of which nine tenths are taken."""
    machine = MadeUpMachine(available_bytes=250_000_000)
    grid = make_grid(samples=(1000, 2000, 4000, 8000))
    records = run_sweep(make_sweep(machine, grid, [SMALL]))
    statuses = {c.work.n_samples: r.status for c, r in found(records, "memory").items()}
    assert statuses == {
        1000: Status.OK,
        2000: Status.OK,
        4000: Status.OK,
        8000: Status.SKIPPED,
    }
    (refused,) = [record for record in records if record.status == Status.SKIPPED]
    assert refused.reason == "It would need about 229 MB of memory, and 250 MB are free."
    assert {c.work.n_samples for c in found(records, "latency")} == {1000, 2000, 4000}
    assert max(j.workload.n_samples for j in machine.jobs if j.probe == "memory") == 4000


def test_cheap_cells_come_first() -> None:
    machine = MadeUpMachine(rate=1e7)
    run_sweep(make_sweep(machine, make_grid(samples=(4000, 1000, 2000))))
    times = [machine.call_s(j) for j in machine.jobs if j.probe == "latency" and j.round == 0]
    assert times[:2] == [2.0, 20.0]  # of each network one, before any was timed
    assert times[2:] == sorted(times[2:])


@whole_sweeps
@given(
    budget_s=st.floats(30.0, 3000.0),
    rate=st.floats(1e6, 1e9),
    speeds=st.lists(st.floats(0.7, 1.4), min_size=4, max_size=4),
)
def test_the_time_is_kept_and_what_does_not_fit_is_named(
    budget_s: float, rate: float, speeds: list[float]
) -> None:
    """Within 10 %, whatever cells take, and the start of a server more."""
    grid = make_grid(samples=tuple(1000 * 2**k for k in range(7)), batches=(1, 2))
    machine = MadeUpMachine(rate=rate)
    machine.speed = lambda job: speeds[(job.workload.n_samples // 1000).bit_length() % 4]
    begin_s = machine.clock()
    records = run_sweep(make_sweep(machine, grid, budget_s=budget_s))
    assert machine.clock() - begin_s <= 1.1 * budget_s + START_S
    for cell in grid.cells((SMALL, LARGE)):
        own = [record for record in records if GridCell.of(record.job) == cell]
        is_whole = any(r.job.probe == "latency" and r.status == Status.OK for r in own)
        refused = [record for record in own if record.status == Status.SKIPPED]
        assert len(refused) == (not is_whole)
        assert all("time" in record.reason for record in refused)


def test_a_refusal_says_the_time_that_the_cell_would_take() -> None:
    """40 s a call, of which there are four or more; and the smaller cell was measured."""
    machine = MadeUpMachine(rate=1e6)
    records = run_sweep(make_sweep(machine, make_grid(samples=(100, 2000)), [SMALL], 100.0))
    (refused,) = [record for record in records if record.status == Status.SKIPPED]
    assert refused.job.workload.n_samples == 2000
    assert refused.reason.startswith("It would take about 5 min, and ")
    assert [cell.work.n_samples for cell, r in found(records, "latency").items() if r.result] == [
        100
    ]


@pytest.mark.parametrize("probe", ["memory", "latency"])
def test_a_cell_that_is_killed_leaves_its_record_and_the_others_go_on(probe: str) -> None:
    machine = MadeUpMachine()
    machine.failures[probe, 2000] = Status.KILLED, "Killed."
    records = run_sweep(make_sweep(machine, make_grid(), [SMALL]))
    failed = {(r.job.probe, r.job.workload.n_samples) for r in records if r.status != Status.OK}
    assert failed == {(probe, 2000)}
    latencies = found(records, "latency")
    timed = {cell.work.n_samples for cell, r in latencies.items() if r.status == Status.OK}
    assert timed == {1000, 4000}


def test_a_network_that_breaks_its_contract_is_not_measured() -> None:
    machine = MadeUpMachine()
    machine.failures["contract", 1000] = Status.BAD_SHAPE, "Another shape."
    records = run_sweep(make_sweep(machine, make_grid(), [SMALL]))
    assert [record.job.probe for record in records] == ["contract"]


@whole_sweeps
@given(n_records=st.integers(0, 30))
def test_interrupted_after_any_record_it_goes_on_and_measures_nothing_twice(
    n_records: int,
) -> None:
    machine, grid = MadeUpMachine(), make_grid(batches=(1, 2))
    whole = run_sweep(make_sweep(MadeUpMachine(), grid))
    records = stop_after(make_sweep(machine, grid), n_records)
    assert len(records) == n_records
    machine.jobs = [record.job for record in records]
    resumed = run_sweep(make_sweep(machine, grid), records)
    cells = [job.cell for job in machine.jobs]
    assert len(cells) == len(set(cells)) == len(whole)
    assert {record.job.cell for record in resumed} == {record.job.cell for record in whole}
    for cell, forecast in found(resumed, "forecast").items():
        assert resumed.index(forecast) < resumed.index(found(resumed, "memory")[cell])


def stop_after(sweep: Sweep, n_records: int) -> list[Record]:
    """The records of a sweep whose process ended after so many."""
    records: list[Record] = []
    while len(records) < n_records:
        jobs = sweep.plan(records)
        for record in sweep.run(jobs, records):
            records.append(record)
            if len(records) == n_records:
                break
    return records


def test_a_resumed_sweep_has_a_time_of_its_own() -> None:
    machine, grid = MadeUpMachine(rate=1e8), make_grid(samples=(1000, 2000, 4000, 8000))
    first = run_sweep(make_sweep(machine, grid, budget_s=60.0))
    done = [record for record in first if record.status == Status.OK]
    assert len(done) < len(first)
    begin_s = machine.clock()
    second = run_sweep(make_sweep(machine, grid, budget_s=1000.0), list(done))
    assert machine.clock() - begin_s <= 1100.0
    assert {record.status for record in second} == {Status.OK}


def test_a_process_that_goes_far_beyond_the_time_is_ended_and_named() -> None:
    """Hundred times slower than the smaller cell promised."""
    machine = MadeUpMachine(rate=1e8)
    machine.speed = lambda job: 0.01 if job.workload.n_samples == 4000 else 1.0
    begin_s = machine.clock()
    records = run_sweep(make_sweep(machine, make_grid(), [SMALL], budget_s=60.0))
    assert machine.clock() - begin_s <= 66.0
    (ended,) = [record for record in records if record.status != Status.OK]
    assert ended.status == Status.SKIPPED
    assert ended.reason.endswith("when the time to spend was over.")


@pytest.mark.parametrize(("available_bytes", "together"), [(10**12, 2), (350_000_000, 1)])
def test_peaks_of_two_are_measured_together_while_both_are_small(
    available_bytes: int, together: int
) -> None:
    machine = MadeUpMachine(available_bytes=available_bytes)
    sweep = make_sweep(machine, make_grid())
    groups: list[Sequence[Job]] = []

    def run_jobs(jobs: Sequence[Job], environment: Environment) -> Generator[Record, None, None]:
        groups.append(jobs)
        yield from machine.run_jobs(jobs, environment)

    sweep.run_jobs = run_jobs
    run_sweep(sweep)
    assert max(len(group) for group in groups if group[0].probe == "memory") == together
    assert {len(group) for group in groups if group[0].probe == "latency"} == {1}


def test_what_is_left_is_told_and_falls() -> None:
    sweep = make_sweep(MadeUpMachine(rate=1e8), make_grid())
    records: list[Record] = []
    told = []
    while jobs := sweep.plan(records):
        for record in sweep.run(jobs, records):
            records.append(record)
            told.append(sweep.progress())
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert told[-1] == (6, 0.0)
    measured = [
        left_s
        for (_, left_s), record in zip(told, records, strict=True)
        if record.job.probe == "latency" and record.job.round == 0
    ]
    assert all(later < earlier for earlier, later in pairwise(measured))


def test_a_cell_keeps_the_environment_of_its_threads() -> None:
    other = replace(ENVIRONMENT, variables={"OMP_NUM_THREADS": "1"})
    grid = make_grid(threads=(1, 2))
    sweep = make_sweep(MadeUpMachine(), grid, [SMALL])
    sweep.environments = {1: other, 2: ENVIRONMENT}
    for record in run_sweep(sweep):
        assert record.environment == sweep.environments[record.job.workload.threads]
