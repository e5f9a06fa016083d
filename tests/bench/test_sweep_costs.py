"""How long cells are told to take, on made-up records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.grid import GridCell
from bench.sweep_costs import GUESSED_RATE, JobCosts
from tests.bench.example_records import ENVIRONMENT
from tests.bench.made_up_machine import (
    LARGE,
    MACS,
    SMALL,
    START_S,
    MadeUpMachine,
    make_grid,
    make_sweep,
)
from tests.bench.made_up_machine import run_sweep as run

ENTRIES = (SMALL, LARGE)


def cells_of(**options: object) -> dict[tuple[str, int], GridCell]:
    cells = make_grid(**options).cells(ENTRIES)
    return {(cell.model, cell.work.n_samples): cell for cell in cells}


def test_before_anything_was_timed_cost_goes_by_multiply_adds() -> None:
    machine, grid = MadeUpMachine(), make_grid()
    sweep = make_sweep(machine, grid)
    records = list(sweep.run(sweep.plan([]), []))
    records += list(sweep.run(sweep.plan(records), records))
    assert {record.job.probe for record in records} == {"contract", "operations"}
    costs = JobCosts(records)
    for (model, n_samples), cell in cells_of().items():
        expected_s = MACS[model] * n_samples / GUESSED_RATE["cpu"]
        assert costs.of_call(cell.job("latency")) == pytest.approx(expected_s)


@given(n_samples=st.integers(4001, 100_000))
def test_a_larger_cell_takes_the_nearest_ones_time_scaled(n_samples: int) -> None:
    machine = MadeUpMachine(rate=1e8)
    costs = JobCosts(run(make_sweep(machine, make_grid())))
    for cell in cells_of(samples=(n_samples,)).values():
        job = cell.job("latency")
        assert costs.of_call(job) == pytest.approx(machine.call_s(job))


@pytest.mark.parametrize("rate", [1e7, 1e8, 1e9])
def test_a_cell_is_told_to_take_what_it_takes_or_somewhat_more(rate: float) -> None:
    """Never below four fifths of it; at most 1.7 times and a server's start more."""
    machine = MadeUpMachine(rate=rate)
    costs = JobCosts(run(make_sweep(machine, make_grid())))
    for cell in cells_of(samples=(8000,)).values():
        other = MadeUpMachine(rate=rate)
        begin_s = other.clock()
        for probe in ("forecast", "memory", "latency"):
            beside = [cell.job("operations")] if probe == "forecast" else []
            list(other.run_jobs([*beside, cell.job(probe)], ENVIRONMENT))
        taken_s = other.clock() - begin_s
        assert 0.8 * taken_s <= costs.of_cell(cell) <= 1.7 * taken_s + START_S


def test_fewer_threads_take_longer_and_more_are_not_trusted_to_help() -> None:
    costs = JobCosts(run(make_sweep(MadeUpMachine(), make_grid(threads=(2,)))))
    one, two, four = (make_grid(threads=(n,), samples=(4000,)).cells([SMALL])[0] for n in (1, 2, 4))
    times = [costs.of_call(cell.job("latency")) for cell in (one, two, four)]
    assert times[0] == pytest.approx(2 * times[1])
    assert times[2] == pytest.approx(times[1])


def test_what_has_a_record_costs_nothing_more() -> None:
    records = run(make_sweep(MadeUpMachine(), make_grid()))
    assert [JobCosts(records).of_cell(cell) for cell in cells_of().values()] == [0.0] * 6
