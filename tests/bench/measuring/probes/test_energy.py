"""The energy of a step: which counter tells it, what is refused, and what is checked at the end."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.machine.energy import PackageSearch
from bench.measuring import energy_windows
from bench.measuring.probes import energy
from bench.measuring.stopwatch import CallTiming
from bench.results.energy_use import EnergyUse
from bench.results.record import CellError, Status
from bench.results.workload import Phase, Workload
from tests import fault_models
from tests.bench.example_records import make_job
from tests.bench.measuring.made_up_power import MadeUpPower
from tests.simulated_cuda.install import simulated_cuda
from tests.simulated_cuda.usage import Usage

MACHINE = (20.0, 60.0, 0.25)
"""Watts at rest and at work, and seconds of a call."""


def workload(phase: Phase = "inference", **fields: Any) -> Workload:
    made = make_job(probe="energy", phase=phase, n_samples=400, batch=2).workload
    return replace(made, threads=torch.get_num_threads(), **fields)


@pytest.fixture(name="machine")
def machine_fixture(monkeypatch: pytest.MonkeyPatch) -> MadeUpPower:
    """Steps are run, and take made-up time and energy."""
    machine = MadeUpPower(*MACHINE)

    def stopwatch(run: Callable[[], object]) -> CallTiming:
        run()
        machine.call()
        return CallTiming(machine.call_s, [machine.call_s], machine.call_s)

    monkeypatch.setattr(energy, "time_on_host", stopwatch)
    monkeypatch.setattr(energy, "time_on_cuda", stopwatch)
    monkeypatch.setattr(energy_windows, "Clock", lambda: machine.clock)
    packages = PackageSearch(machine.counter(0.001, name="RAPL package-0"))
    monkeypatch.setattr(energy, "find_packages", lambda: packages)
    return machine


def measure(build: Callable[[], nn.Module], work: Workload) -> EnergyUse:
    return energy.measure(build, work, budget_s=5.0)


@pytest.mark.parametrize("phase", ["inference", "update"])
def test_a_step_on_processors_is_of_their_packages(phase: Phase, machine: MadeUpPower) -> None:
    """400 samples at 8 kHz twice: a tenth of a second of audio a call, which takes 40 W more."""
    found = measure(fault_models.healthy, workload(phase))
    assert (found.counter, found.other_counter) == ("RAPL package-0", None)
    assert found.audio_s == pytest.approx(0.1)
    assert found.work.n_calls == 20
    assert abs(found.net_j - 40.0 * 0.25 / 0.1) <= found.net_off_j
    assert found.gpu is None
    for window in found.windows:
        assert window.contention is not None
        assert window.contention.wall_s == window.wall_s


def test_without_a_counter_nothing_is_built_and_the_reason_has_the_remedy(
    machine: MadeUpPower, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> nn.Module:
        raise AssertionError("built")

    locked = PackageSearch(None, "Only root may read it.", "sudo chmod a+r it.")
    monkeypatch.setattr(energy, "find_packages", lambda: locked)
    with pytest.raises(CellError, match=r"Only root may read it\. sudo chmod a\+r it\.$") as found:
        measure(refuse, workload())
    assert found.value.status == Status.UNSUPPORTED


def test_training_that_leaves_nan_is_no_energy(
    machine: MadeUpPower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of times: what it computes from then on is no training."""

    class Ruined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv1d(1, 2, 1)
            self.n_calls = 0

        def forward(self, mixture: Tensor) -> Tensor:
            self.n_calls += 1
            estimates: Tensor = self.layer(mixture)
            return estimates * (float("nan") if self.n_calls > 9 else 1.0)

    with pytest.raises(CellError, match="NaN or Inf in the loss") as found:
        measure(Ruined, workload("update"))
    assert found.value.status == Status.NON_FINITE


@pytest.fixture(name="card")
def card_fixture(machine: MadeUpPower, monkeypatch: pytest.MonkeyPatch) -> MadeUpPower:
    """The simulated card's counter is that of the made-up machine."""
    counter = machine.counter(0.1)

    def energy_mj(usage: Usage) -> int:
        energy_j = counter.registers[0].read_j()
        assert energy_j is not None
        return int(1000 * energy_j)

    monkeypatch.setattr(Usage, "energy_mj", property(energy_mj))
    return machine


def on_card(phase: Phase = "update") -> Workload:
    return workload(phase, device="cuda")


@pytest.mark.parametrize("phase", ["gpu_inference", "update"])
def test_a_step_on_a_gpu_is_of_its_board_both_ways(phase: Phase, card: MadeUpPower) -> None:
    with simulated_cuda("data-centre card"):
        found = measure(fault_models.healthy, on_card(phase))
    assert (found.counter, found.other_counter) == (
        "NVML total energy",
        "NVML sampled power (instant)",
    )
    assert all(
        window.energies_j.keys() == {found.counter, found.other_counter} for window in found.windows
    )
    assert abs(found.net_j - 40.0 * 0.25 / 0.1) <= found.net_off_j
    assert found.gpu is not None
    assert found.gpu.is_shared is False


def test_a_driver_that_counts_no_energy_has_its_power_added_up(
    card: MadeUpPower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where it tells no instant power, the one that it averages."""
    with simulated_cuda("data-centre card"):
        import pynvml

        monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", None)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetFieldValues", None)
        with energy.open_counters(on_card()) as counters:
            assert [counter.name for counter in counters] == ["NVML sampled power"]


@pytest.mark.parametrize(
    ("scenario", "missing", "reason"),
    [
        ("no NVML", (), "no driver to ask"),
        (
            "data-centre card",
            ("TotalEnergyConsumption", "FieldValues", "PowerUsage"),
            "tells neither energy nor power",
        ),
    ],
)
def test_a_gpu_without_a_counter_says_why(
    card: MadeUpPower,
    monkeypatch: pytest.MonkeyPatch,
    scenario: str,
    missing: tuple[str, ...],
    reason: str,
) -> None:
    with simulated_cuda(scenario):
        import pynvml

        for name in missing:
            monkeypatch.setattr(pynvml, f"nvmlDeviceGet{name}", None)
        with pytest.raises(CellError, match=reason) as found:
            measure(fault_models.healthy, on_card())
    assert found.value.status == Status.UNSUPPORTED
