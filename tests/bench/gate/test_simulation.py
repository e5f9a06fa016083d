"""The gate's own error rates, on simulated rounds."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UsageError
from bench.gate.effect import LOOKS, Contrasts
from bench.gate.noise import (
    TURNS,
    Bank,
    Conditions,
    live_pairs,
    median_of_known,
    read_bank,
    simulate_bursts,
    simulate_calls,
    simulate_rounds,
)
from bench.gate.simulation import CONDITIONS, main, rate_gates, recorded_runs, render_table
from bench.results.intervals import Array
from bench.results.record import Record
from bench.results.store import RecordFile, read_records
from tests.bench.example_records import make_job, make_latency, make_record
from tests.bench.gate.live import in_turns

ROOT = Path(__file__).parents[3]
N_GATES = 1000
PROCESSES, CALLS = 0.015, 0.05
"""Standard deviations of the made-up noise, which has heavy tails (Student's t of 3)."""


def heavy_tails(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Of standard deviation 1."""
    deviations: Array = rng.standard_t(3, shape) / np.sqrt(3)
    return deviations


@pytest.fixture(scope="module")
def bank() -> Bank:
    rng = np.random.default_rng(0)
    return Bank(PROCESSES * heavy_tails(rng, (200,)), CALLS * heavy_tails(rng, (400, TURNS)))


def rounds(bank: Bank, name: str, n_gates: int, n_rounds: int = LOOKS[-1]) -> Contrasts:
    conditions = CONDITIONS[name]
    return simulate_rounds(bank, conditions, (n_gates, n_rounds), np.random.default_rng(1))


def tolerance(share: float, n_gates: int) -> float:
    """Four standard errors of a share."""
    return 4 * float(np.sqrt(share * (1 - share) / n_gates))


def require_targets(bank: Bank, name: str, n_gates: int) -> None:
    """At most 1 % wrong; where it isn't wild, 95 % of slow-downs by 10 % and 80 % by 5 % found."""
    same_code, slack = rounds(bank, name, n_gates), tolerance(0.01, n_gates)
    assert rate_gates(same_code, 0.0).fails <= 0.01 + slack
    five, ten = rate_gates(same_code, 0.05), rate_gates(same_code, 0.10)
    assert five.passes <= 0.01 + slack
    assert ten.passes <= 0.01 + slack
    if name != "wild":
        assert ten.fails >= 0.95 - tolerance(0.95, n_gates)
        assert five.fails >= 0.80 - tolerance(0.80, n_gates)


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_gate_is_as_seldom_wrong_as_is_promised(bank: Bank, name: str) -> None:
    require_targets(bank, name, N_GATES)


@pytest.mark.thorough
@pytest.mark.parametrize("name", CONDITIONS)
def test_the_gate_is_as_seldom_wrong_as_is_promised_in_10000_gates(bank: Bank, name: str) -> None:
    require_targets(bank, name, 10_000)


@pytest.mark.parametrize("n_rounds", [2, 5, 16, 20])
def test_a_gate_that_time_ends_is_as_seldom_wrong(bank: Bank, n_rounds: int) -> None:
    same_code = rounds(bank, "bursts", N_GATES, n_rounds)
    assert rate_gates(same_code, 0.0).fails <= 0.01 + tolerance(0.01, N_GATES)
    assert rate_gates(same_code, 0.05).passes <= 0.01 + tolerance(0.01, N_GATES)


def test_rates_add_up_and_more_noise_costs_more_rounds(bank: Bank) -> None:
    calm, wild = (rate_gates(rounds(bank, name, 100), 0.0) for name in ("as recorded", "wild"))
    for found in (calm, wild):
        assert sum(found[:3]) == pytest.approx(1.0)
        assert found.probable <= found.inconclusive
    assert calm.mean_rounds < wild.mean_rounds


STILL = Bank(np.zeros(3), np.zeros((3, TURNS)))


def test_effect_and_control_deviate_as_processes_do() -> None:
    """Either as one process does, by 1 %: within four standard errors of 4000 rounds."""
    rng = np.random.default_rng(0)
    bank = replace(STILL, processes=0.01 * rng.normal(size=5000))
    found = simulate_rounds(bank, Conditions(), (400, 10), rng)
    for values in found:
        assert values.std() == pytest.approx(0.01, rel=4 / np.sqrt(2 * 4000) + 0.02)
        assert values.mean() == pytest.approx(0.0, abs=4 * 0.01 / np.sqrt(4000))


def test_what_drifts_between_turns_cancels_nearly() -> None:
    """A trend of 40 % over a round of 32 calls is 1.25 % a call, so 5 % at most in a turn."""
    found = simulate_rounds(STILL, Conditions(trend=0.4), (300, 4), np.random.default_rng(0))
    assert 0 < np.abs(found.effect).max() < 0.04
    assert found.effect.mean() == pytest.approx(0.0, abs=4 * found.effect.std() / np.sqrt(1200))


@pytest.mark.parametrize("flagged", [0.0, 0.7, 1.0])
def test_the_counters_flag_their_share_of_the_calls_in_bursts(flagged: float) -> None:
    conditions = Conditions(burst_rate=0.1, flagged=flagged)
    logs, is_flagged = simulate_calls(STILL, conditions, 2000, np.random.default_rng(0))
    assert logs.shape == is_flagged.shape == (2000, TURNS, 4)
    is_slow = logs > 0
    assert not (is_flagged & ~is_slow).any()
    share = is_flagged.sum() / is_slow.sum()
    assert share == pytest.approx(flagged, abs=tolerance(flagged, int(is_slow.sum())))


def test_what_the_counters_see_moves_nothing() -> None:
    """And a round whose every turn they flag is made again."""
    conditions = Conditions(burst_rate=0.5, flagged=1.0)
    found = simulate_rounds(STILL, conditions, (100, 5), np.random.default_rng(0))
    assert not np.any(found.effect)
    assert not np.any(found.control)


def test_bursts_take_the_share_of_time_that_their_rates_say() -> None:
    """0.02 begin with each call and last two calls: about 4 % of calls."""
    conditions = Conditions(burst_rate=0.02, burst_calls=2.0)
    slow = simulate_bursts(conditions, (500, 1000), np.random.default_rng(0))
    assert (slow > 0).mean() == pytest.approx(0.02 * 2 / (1 + 0.02 * 2), rel=0.1)
    assert (slow >= 0).all()


def test_a_median_is_of_what_is_known() -> None:
    values = np.random.default_rng(0).normal(size=(200, 7))
    values[np.random.default_rng(1).random(values.shape) < 0.4] = np.nan
    values[0] = np.nan
    values[1, 1:] = np.nan
    found = median_of_known(values)
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], np.nanmedian(values[1:], axis=-1))


def recorded(
    n_rounds: int, seats: Sequence[tuple[str, int]], *, sides: bool = False, seed: int = 0
) -> list[Record]:
    """Rounds of live processes with the noise of this file; network k takes k times as long.

    A seat is a network and, with ``sides``, the number of its process in the round.
    """
    rng, records = np.random.default_rng(seed), []
    models = [model for model, _ in seats]
    for index in range(n_rounds):
        pace = heavy_tails(rng, (30,))  # of the machine, which cancels in a turn
        for model, copy in seats:
            process = PROCESSES * rng.normal()
            logs = pace + process + CALLS * rng.normal(size=30)
            times_s = 0.05 * (1 + models.index(model)) * np.exp(logs)
            job = make_job(model, round_index=2 * index + copy if sides else index)
            records.append(make_record(job, in_turns(times_s, disturbed=(0, 7))))
    return records


NETWORKS = [("dprnn", 0), ("demucs", 0), ("conv-tasnet", 0)]
REVISIONS = [("dprnn", 0), ("dprnn", 0), ("dprnn", 1), ("dprnn", 1)]


@pytest.mark.parametrize(
    ("seats", "sides", "n_runs", "n_rounds", "within"),
    [
        (NETWORKS, False, 1, 100, 0.15),
        (REVISIONS, True, 1, 100, 0.15),
        (NETWORKS, False, 500, 3, 0.05),
    ],
)
def test_a_bank_has_the_deviations_of_the_rounds_that_were_recorded(
    seats: list[tuple[str, int]], sides: bool, n_runs: int, n_rounds: int, within: float
) -> None:
    """Whatever the machine does from turn to turn, in one long run or in many short ones.

    A process deviates as its own times do, and by what is left of 28 calls in their median.
    """
    runs = [recorded(n_rounds, seats, sides=sides, seed=seed) for seed in range(n_runs)]
    bank = read_bank(runs)
    left = CALLS * np.sqrt(np.pi / 2 / 28)
    assert bank.processes.std() == pytest.approx(np.hypot(PROCESSES, left), rel=within)
    assert bank.calls.std() == pytest.approx(CALLS, rel=0.15)
    assert bank.calls.shape[1] == TURNS
    assert simulate_rounds(bank, Conditions(), (3, 4), np.random.default_rng(0)).effect.size == 12


def test_only_processes_that_lived_side_by_side_are_pairs() -> None:
    """Of two networks in two revisions each: its own other revision; of networks: every other."""
    run = [
        *recorded(3, REVISIONS, sides=True),
        *recorded(3, [("demucs", copy) for _, copy in REVISIONS], sides=True),
    ]
    assert len(live_pairs(run)) == 2 * 2  # either network, and which side is the first
    assert len(live_pairs(recorded(3, NETWORKS))) == 3


def test_records_without_turns_are_no_bank() -> None:
    with pytest.raises(UsageError, match="too few rounds"):
        read_bank([[make_latency(*[1.0] * 9, round_index=index) for index in range(30)]])


def test_the_command_prints_a_row_for_each_condition_and_slow_down(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = RecordFile(tmp_path / "run.jsonl")
    for record in recorded(12, NETWORKS):
        file.append(record)
    assert main(["--gates", "20", str(file.path)]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == 5 * len(CONDITIONS)
    for row in rows:
        fails, passes, is_open, _ = map(float, re.findall(r"([\d.]+)% \|", row)[-4:])
        assert fails + passes + is_open == pytest.approx(100, abs=0.2)


def test_the_command_says_what_records_it_lacks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "none.jsonl").touch()
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "too few rounds" in capsys.readouterr().err
    assert recorded_runs(tmp_path) == [tmp_path / "none.jsonl"]


@pytest.mark.thorough
def test_the_table_of_the_method_is_the_simulations() -> None:
    paths = recorded_runs(ROOT / "reports" / "records" / "gate")
    bank = read_bank(read_records(path).records for path in paths)
    assert render_table(bank, N_GATES) in (ROOT / "docs" / "method.md").read_text()
