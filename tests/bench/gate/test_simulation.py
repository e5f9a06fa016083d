"""The gate's own error rates, on the synthetic clock."""

import re
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UsageError
from bench.gate.noise import Bank, Conditions, read_bank, simulate_bursts, simulate_process_times
from bench.gate.simulation import (
    CONDITIONS,
    Rates,
    main,
    recorded_runs,
    render_table,
    simulate_gates,
)
from bench.results.store import read_records
from tests.bench.example_records import make_latency

ROOT = Path(__file__).parents[3]
RECORDS = ROOT / "reports" / "records" / "gate"
BEARABLE = [name for name in CONDITIONS if name != "wild"]


@pytest.fixture(scope="module")
def bank() -> Bank:
    paths = recorded_runs(RECORDS)
    return read_bank(read_records(path).records for path in paths)


def rates(bank: Bank, name: str, slow_down: float, n_gates: int) -> Rates:
    return simulate_gates(bank, CONDITIONS[name], slow_down, n_gates, np.random.default_rng(1))


def tolerance(share: float, n_gates: int) -> float:
    """Four standard errors of a share."""
    return 4 * float(np.sqrt(share * (1 - share) / n_gates))


def require_targets(bank: Bank, name: str, n_gates: int) -> None:
    slack = tolerance(0.01, n_gates)
    assert rates(bank, name, 0.0, n_gates).fails <= 0.01 + slack
    ten = rates(bank, name, 0.10, n_gates)
    assert ten.passes <= 0.01 + slack
    five = rates(bank, name, 0.05, n_gates)
    assert five.passes <= 0.01 + slack
    if name in BEARABLE:
        assert ten.fails >= 0.95 - tolerance(0.95, n_gates)
        assert five.fails >= 0.80 - tolerance(0.80, n_gates)


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_gate_is_as_seldom_wrong_as_is_promised(bank: Bank, name: str) -> None:
    require_targets(bank, name, 1000)


@pytest.mark.thorough
@pytest.mark.parametrize("name", CONDITIONS)
def test_the_gate_is_as_seldom_wrong_as_is_promised_in_10000_gates(bank: Bank, name: str) -> None:
    require_targets(bank, name, 10_000)


def test_rates_add_up_and_more_noise_costs_more_rounds(bank: Bank) -> None:
    calm, wild = (rates(bank, name, 0.0, 100) for name in ("as recorded", "wild"))
    for found in (calm, wild):
        assert sum(found[:3]) == pytest.approx(1.0)
    assert calm.mean_rounds < wild.mean_rounds


def test_the_clock_shows_the_deviations_of_its_bank_and_nothing_else(bank: Bank) -> None:
    times = simulate_process_times(bank, Conditions(), (50, 40), np.random.default_rng(0))
    assert {round(abs(time), 9) for time in times.flat} <= {
        round(abs(deviation), 9) for deviation in bank.processes
    }


def test_bursts_take_the_share_of_time_that_their_rates_say() -> None:
    """0.02 begin for each process of five calls and last two processes: about 4 % of calls."""
    conditions = Conditions(burst_rate=0.02, burst_processes=2.0)
    slow = simulate_bursts(conditions, (500, 1000), np.random.default_rng(0))
    assert (slow > 0).mean() == pytest.approx(0.02 * 2 / (1 + 0.02 * 2), rel=0.1)
    assert (slow >= 0).all()


def test_drift_and_bursts_are_added_to_the_clock(bank: Bank) -> None:
    def last_tenth(**conditions: float) -> float:
        times = simulate_process_times(
            bank, Conditions(scale=0.0, **conditions), (200, 40), np.random.default_rng(0)
        )
        return float(times[:, -4:].mean())

    assert last_tenth() == 0.0
    assert last_tenth(trend=0.4) == pytest.approx(0.4 * 37.5 / 40)
    assert last_tenth(burst_rate=0.2) > 0.03
    assert last_tenth(walk=0.05) != 0.0


def test_records_without_neighbours_are_no_bank() -> None:
    with pytest.raises(UsageError, match="too few processes"):
        read_bank([[make_latency(*[1.0] * 9)]])


def test_the_command_prints_a_row_for_each_condition_and_slow_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--gates", "20", *map(str, recorded_runs(RECORDS))]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == 5 * len(CONDITIONS)
    for row in rows:
        assert sum(map(float, re.findall(r"([\d.]+)% \|", row)[-3:])) == pytest.approx(100, abs=0.2)


def test_the_command_says_what_records_it_lacks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "none.jsonl").touch()
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "too few processes" in capsys.readouterr().err


@pytest.mark.thorough
def test_the_table_of_the_method_is_the_simulations(bank: Bank) -> None:
    assert render_table(bank, 1000) in (ROOT / "docs" / "method.md").read_text()
