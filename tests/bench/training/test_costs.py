"""A training's operations are Table 1's column B; counters of energy are read as they wrap."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from bench.machine.energy import EnergyCounter, board_counter, find_packages
from bench.machine.gpu import Gpu
from bench.measuring.counted_step import count_step
from bench.training import costs
from bench.training.costs import Meter, Spent, count_updates, open_meter
from bench.training.parallel import Group
from models.sudormrf import sudormrf_0_25x
from tests.bench import tiny_corpora as tiny
from tests.bench.example_records import make_job
from tests.bench.machine.powercap import write_zone


@pytest.mark.parametrize("build", [tiny.masker, sudormrf_0_25x])
def test_an_update_of_one_phase_is_the_update_step_of_table_1(build: type[nn.Module]) -> None:
    workload = make_job(phase="update", n_samples=4000, batch=2, threads=1).workload
    step = count_step(build, workload, "meta")
    assert count_updates(build, 4000, 2) == [(step.macs, step.flops)]


def test_two_steps_cost_what_they_run() -> None:
    """Frames of 4 samples, 16 filters of 9 taps for 3 signals in, 2 out; each twice or thrice.

    Forward, gradient of the weights, and gradient of the decoder's input: the encoder's input
    needs none.
    """
    filterbank, separation = count_updates(tiny.two_step, 400, 1)
    filter_macs = 100 * 16 * 9
    assert filterbank.macs == 3 * filter_macs * 2 + 2 * filter_macs * 3
    step = count_step(
        tiny.two_step,
        make_job(phase="update", n_samples=400, batch=1, threads=1).workload,
        "meta",
    )
    # The second step encodes the mixture twice and the sources once, forward only, and
    # decodes nothing.
    assert separation.macs == step.macs - (2 + 6) * filter_macs + (1 + 3) * filter_macs


class NeedsData(tiny.Masker):
    """Reads a value, which a tensor without data has not."""

    def forward(self, mixture):  # type: ignore[no-untyped-def]
        return super().forward(mixture * float(mixture.abs().max() > 0))


def test_a_network_that_needs_data_is_counted_with_data() -> None:
    assert count_updates(NeedsData, 400, 1)[0].macs == count_updates(tiny.masker, 400, 1)[0].macs


def meter_of(powercap: Path, *others: EnergyCounter) -> Meter:
    packages = find_packages(powercap).counter
    return Meter([*([packages] if packages else []), *others])


def test_energy_of_all_packages_over_a_wrap(tmp_path: Path) -> None:
    write_zone(tmp_path, "intel-rapl:0", 9_000_000)
    write_zone(tmp_path, "intel-rapl:1", 1_000_000)
    write_zone(tmp_path, "intel-rapl:0:0", 0, "core")
    write_zone(tmp_path, "intel-rapl:2", 0, "psys")
    meter = meter_of(tmp_path)
    write_zone(tmp_path, "intel-rapl:0", 500_000)  # 1 J to the end, half a joule on from zero
    write_zone(tmp_path, "intel-rapl:1", 3_000_000)
    write_zone(tmp_path, "intel-rapl:0:0", 7_000_000, "core")
    write_zone(tmp_path, "intel-rapl:2", 8_000_000, "psys")
    assert meter.read().energy_j == pytest.approx(1.5 + 2.0)
    assert meter.read().energy_j == 0.0


def test_a_gpus_energy_is_added_to_the_packages(tmp_path: Path) -> None:
    readings = iter([100.0, 107.0, None])
    gpu = Gpu(nvml=None, handle=None)
    gpu.total_energy_j = lambda: next(readings)  # type: ignore[method-assign]
    write_zone(tmp_path, "intel-rapl:0", 0)
    meter = meter_of(tmp_path, board_counter(gpu))
    write_zone(tmp_path, "intel-rapl:0", 3_000_000)
    assert meter.read().energy_j == pytest.approx(10.0)
    write_zone(tmp_path, "intel-rapl:0", 4_000_000)
    assert meter.read().energy_j == pytest.approx(1.0)  # the driver fell silent


def test_no_counter_is_no_energy(tmp_path: Path) -> None:
    assert meter_of(tmp_path).read().energy_j is None
    assert Spent(1.0, 2.0, 3.0) + Spent(1.0, 2.0, None) == Spent(2.0, 4.0, None)
    assert Spent(1.0, 2.0, 3.0) + Spent(0.5, 0.5, 0.5) == Spent(1.5, 2.5, 3.5)


def test_the_processors_of_a_machine_are_counted_by_one_of_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four processes that each counted them would add them up four times."""
    monkeypatch.setattr(costs, "find_packages", lambda: find_packages(tmp_path))
    energies = []
    for rank in range(4):
        write_zone(tmp_path, "intel-rapl:0", 0)
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        meter = open_meter(torch.device("cpu"))
        write_zone(tmp_path, "intel-rapl:0", 5_000_000)
        energies.append(meter.read().energy_j)
    assert energies == [5.0, None, None, None]


def test_the_energy_of_a_training_is_that_of_the_gpus_of_all_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here 2 J, and 3 J of another process, in the message that its gradients come with."""
    one = tiny.training()
    spent = Spent(wall_s=1.0, cpu_s=0.5, energy_j=2.0)
    monkeypatch.setattr(one, "meter", SimpleNamespace(read=lambda: spent))

    def add_another(values: Tensor, group: Group) -> Tensor:
        others = torch.zeros_like(values)
        others[-3:] = torch.tensor([0.25, 3.0, 1.0])
        return values + others

    monkeypatch.setattr("bench.training.training.sum_over_processes", add_another)
    monkeypatch.setattr("bench.training.loop.sum_over_processes", add_another)
    batch = next(tiny.mixtures(one.settings).train(0, 0))
    one.update(*batch)
    assert one.position.energy_j == 5.0
    assert one.position.cpu_s == 0.75
    assert one.position.wall_s == 1.0


def test_an_energy_that_no_process_knows_is_not_zero() -> None:
    shares = [Spent(1.0, 0.5, energy).share() for energy in (None, None)]
    assert Spent(1.0, 0.5, None).of_all(*map(sum, zip(*shares, strict=True))).energy_j is None
    shares = [Spent(1.0, 0.5, energy).share() for energy in (None, 4.0)]
    assert Spent(1.0, 0.5, None).of_all(*map(sum, zip(*shares, strict=True))).energy_j == 4.0
