"""Answers of a sweep against numbers that are known by hand."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.results.growth import Growth
from bench.results.measurements import MemoryPeaks
from bench.results.record import Record, Status
from bench.results.sweep import Key, SweepCell, collect_cells
from bench.results.sweep_answers import (
    Crossing,
    Limit,
    choose_fastest,
    find_crossings,
    find_longest,
    fit_process_memory,
    fit_times,
    judge_forecasts,
    memory_at_hand,
    summarize_sweep,
    with_fewest_threads,
)
from tests.bench.example_records import ENVIRONMENT, GPU, environment, make_job, make_rounds
from tests.bench.made_up_sweep import (
    FREE_BYTES,
    LENGTHS,
    Grid,
    is_of,
    make_forecast,
    make_peaks,
    make_sweep,
    without_result,
)

GRID = Grid(batches=(1, 2, 4), threads=(1, 2, 4))


def cells_of(grid: Grid) -> tuple[SweepCell, ...]:
    return collect_cells(make_sweep(grid))


def growth_of(cells: Sequence[SweepCell], model: str) -> Growth:
    (growth,) = (g for key, g in fit_times(cells).items() if key.model == model)
    assert isinstance(growth, Growth)
    return growth


@pytest.mark.parametrize(("model", "exponent"), [("conv", 1.0), ("attentive", 2.0)])
def test_the_growth_of_time_is_found_through_noise(model: str, exponent: float) -> None:
    growth = growth_of(cells_of(Grid()), model)
    assert growth.interval is not None
    assert growth.interval.low <= exponent <= growth.interval.high
    assert growth.interval.high - growth.interval.low < 0.2


def test_memory_grows_as_it_was_made_to() -> None:
    found = {key.model: growth for key, growth in fit_process_memory(cells_of(Grid())).items()}
    for model, exponent in (("conv", 1.0), ("attentive", 2.0)):
        growth = found[model]
        assert isinstance(growth, Growth)
        assert growth.curve.exponent == pytest.approx(exponent, abs=1e-3)


def test_counts_lie_on_a_line_of_integers() -> None:
    lines = summarize_sweep(["conv"], make_sweep(GRID)).counts
    assert len(lines) == 3  # batches; threads change nothing
    for key, line in lines.items():
        assert line is not None
        assert line.is_exact
        assert line.per_sample == 1000 * key.batch


LIMIT = Limit(6e9, "made up")


def test_the_longest_audio_fits_the_memory_exactly() -> None:
    """250 MB + 40 MB a second, and 260 MB + 5 MB times the square of seconds, in 6 GB."""
    cells = cells_of(Grid())
    found = {each.key.model: each for each in find_longest(fit_process_memory(cells), cells, LIMIT)}
    conv, attentive = found["conv"], found["attentive"]
    assert conv.n_samples / 8000 == pytest.approx((6e9 - 250e6) / 40e6, rel=0.02)
    assert conv.factor == pytest.approx(conv.n_samples / LENGTHS[-1])
    assert attentive.n_samples / 8000 == pytest.approx(math.sqrt((6e9 - 260e6) / 5e6), rel=0.02)
    for each in found.values():
        assert not each.is_more
        assert each.ends is not None
        assert each.ends[0] <= each.n_samples <= each.ends[1]


def test_nothing_is_said_beyond_a_hundred_times_the_longest_measured() -> None:
    cells = cells_of(Grid(models=("conv",)))
    (found,) = find_longest(fit_process_memory(cells), cells, Limit(1e15, "made up"))
    assert (found.is_more, found.factor) == (True, 100.0)
    assert found.n_samples == 100 * LENGTHS[-1]


def test_a_shorter_cell_that_ran_out_of_memory_stands_beside_the_answer() -> None:
    records = [
        without_result(record, Status.OOM, "Refused.")
        if is_of(record, "conv", "memory", LENGTHS[-1])
        else record
        for record in make_sweep(Grid(models=("conv",)))
    ]
    cells = collect_cells(records)
    (found,) = find_longest(fit_process_memory(cells), cells, LIMIT)
    assert found.failed is not None
    assert found.failed.key.n_samples == LENGTHS[-1]
    assert found.factor == pytest.approx(found.n_samples / LENGTHS[-2])


def test_memory_at_hand_is_what_forecasts_saw_free_or_all_there_is() -> None:
    cells = cells_of(Grid(models=("conv",)))
    blind = [replace(cell, forecast=None) for cell in cells]
    gpu = environment(machine={"gpu": GPU}).machine
    found = memory_at_hand(cells, ENVIRONMENT.machine, "cpu")
    assert found is not None
    assert found.n_bytes == FREE_BYTES
    assert memory_at_hand(blind, ENVIRONMENT.machine, "cpu") == Limit(
        8e9, "all that the machine has"
    )
    assert memory_at_hand(blind, gpu, "cuda") == Limit(24e9, "all that the GPU has")
    assert memory_at_hand(blind, ENVIRONMENT.machine, "cuda") is None
    assert memory_at_hand(blind, None, "cpu") is None


def timed(threads: int, *medians_s: float) -> list[Record]:
    job = make_job("conv", threads=threads)
    return make_rounds([[time_s] * 3 for time_s in medians_s], job)


def test_the_best_number_of_threads_is_the_fastest() -> None:
    records = [*timed(1, 1.00, 1.01, 1.02), *timed(2, 0.60, 0.61, 0.62)]
    (choice,) = choose_fastest(collect_cells(records), "threads")
    assert choice.best.key.threads == 2
    assert choice.ties == ()
    assert [cell.key.threads for cell in choice.cells] == [1, 2]


def test_threads_whose_ranges_overlap_are_not_distinguished() -> None:
    records = [*timed(1, 1.00, 1.01, 1.02), *timed(2, 0.60, 0.61, 0.62), *timed(4, 0.59, 0.62)]
    (choice,) = choose_fastest(collect_cells(records), "threads")
    assert choice.best.key.threads == 4
    assert [cell.key.threads for cell in choice.ties] == [2]


def test_one_number_of_threads_is_no_choice() -> None:
    assert list(choose_fastest(collect_cells(timed(1, 1.0, 1.0, 1.0)), "threads")) == []


def test_the_best_batch_takes_least_time_for_a_mixture() -> None:
    """The fixed part of a call is shared by its mixtures."""
    grid = Grid(models=("conv",), lengths=(4000,), batches=(1, 2, 4), noise=1e-4)
    (choice,) = choose_fastest(cells_of(grid), "batch")
    assert choice.best.key.batch == 4
    rates = [cell.throughput.value for cell in choice.cells if cell.throughput]
    expected = [batch / (0.004 + batch * 0.05) for batch in (1, 2, 4)]
    assert rates == pytest.approx(expected, rel=1e-3)


def test_two_networks_cross_where_their_times_are_equal() -> None:
    """0.004 + 0.1 t = 0.002 + 0.02 t^2, which is at 5.02 s."""
    (crossing,) = find_crossings(fit_times(cells_of(Grid())))
    assert crossing.models == ("attentive", "conv")
    expected_s = (0.1 + math.sqrt(0.1**2 + 4 * 0.02 * 0.002)) / (2 * 0.02)
    assert crossing.n_samples / 8000 == pytest.approx(expected_s, rel=0.05)
    assert crossing.low < 8000 * expected_s < crossing.high
    assert crossing.high / crossing.low < 1.5


def test_networks_do_not_cross_outside_the_lengths_of_both() -> None:
    short = cells_of(Grid(lengths=LENGTHS[:3]))
    assert list(find_crossings(fit_times(short))) == []
    apart = [c for c in cells_of(Grid()) if (c.key.model == "conv") == (c.key.n_samples > 32000)]
    assert list(find_crossings(fit_times(apart))) == []


@pytest.mark.parametrize(("n_lengths", "most"), [(3, 0), (4, 2), (7, 2)])
def test_crossings_that_noise_has_made_are_rare(n_lengths: int, most: int) -> None:
    """The same network twice, under two names; through three lengths any curve goes exactly."""
    n_crossed = 0
    for seed in range(20):
        grid = Grid(models=("conv",), lengths=LENGTHS[:n_lengths], noise=0.02)
        records, twins = (make_sweep(replace(grid, seed=2 * seed + one)) for one in (0, 1))
        twins = [replace(record, job=replace(record.job, model="twin")) for record in twins]
        growths = fit_times(collect_cells([*records, *twins]))
        assert all(isinstance(growth, Growth) for growth in growths.values())
        n_crossed += bool(list(find_crossings(growths)))
    assert n_crossed <= most


def test_crossings_are_of_equal_settings() -> None:
    found: list[Crossing] = list(find_crossings(fit_times(cells_of(replace(GRID, batches=(1, 2))))))
    settings = {(crossing.key.batch, crossing.key.threads) for crossing in found}
    assert settings == {(batch, threads) for batch in (1, 2) for threads in (1, 2, 4)}


def test_forecasts_are_judged_by_what_was_measured() -> None:
    def cell(length: int, forecast: int, measured: int | None) -> SweepCell:
        key = Key("conv", "inference", "cpu", "float32", 1, 1, length)
        peaks: MemoryPeaks | None = make_peaks(measured) if measured else None
        return SweepCell(key, memory=peaks, forecast=make_forecast(forecast))

    cells = [
        cell(1, 1_050_000_000, 1_000_000_000),
        cell(2, 900_000_000, 1_000_000_000),
        cell(3, 1_200_000_000, 1_000_000_000),
        cell(4, 10, None),
    ]
    found = judge_forecasts(cells, lambda each: each.process_error)
    assert [c.key.n_samples for c, _ in found.errors] == [3, 2, 1]
    assert [error for _, error in found.errors] == pytest.approx([0.2, -0.1, 0.05])
    assert found.n_good == 2
    assert found.median_error == pytest.approx(0.05)


def test_memory_of_more_threads_is_left_out_where_there_are_fewer() -> None:
    kept = with_fewest_threads(fit_process_memory(cells_of(GRID)))
    assert {key.threads for key in kept} == {1}
    assert len(kept) == 2 * 3


def test_a_summary_has_the_networks_that_were_asked_for() -> None:
    sweep = summarize_sweep(["attentive"], make_sweep(Grid()))
    assert {cell.key.model for cell in sweep.cells} == {"attentive"}
    assert sweep.machine == ENVIRONMENT.machine
    assert sweep.devices == ["cpu"]
    (longest,) = sweep.longest()
    assert longest.limit.n_bytes == FREE_BYTES
