"""Peaks of known size: 100 MiB are reported as 100 +- 2 MiB by every instrument; and the split."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.measure.isolate import run_jobs
from bench.measure.memory.liveness import trace_minimum
from bench.measure.probes import memory
from bench.measure.step import prepare_step
from bench.networks.factory import resolve_factory
from bench.registry import REGISTRY, Entry
from bench.results.record import CellError, Phase, Status, Workload
from tests.bench.example_records import make_job

MIB = 2**20
N_SAMPLES = 400
ROOT = Path(__file__).parents[4]
on_linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="this kernel does not reset peaks"
)


FACTORIES = {
    "healthy": "tests.fault_models:healthy",
    "allocates_100_mib": "tests.fault_models:allocates_100_mib",
    "sudormrf-0.25x": "models.sudormrf:sudormrf_0_25x",
}
Found = Mapping[tuple[str, Phase], Mapping[str, Any]]
CELLS: list[tuple[str, Phase]] = [
    ("healthy", "inference"),
    ("allocates_100_mib", "inference"),
    ("sudormrf-0.25x", "inference"),
    ("healthy", "update"),
]


@pytest.fixture(scope="module")
def found() -> Found:
    """Measured in real processes: a network, one that holds 100 MiB more in its forward, others."""
    jobs = [
        replace(
            make_job(
                name, "memory", phase, factory=FACTORIES[name], n_samples=N_SAMPLES, threads=1
            ),
            budget_s=0.0,
        )
        for name, phase in CELLS
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        records = list(run_jobs(jobs))
    assert [record.status for record in records] == [Status.OK] * len(CELLS)
    return dict(zip(CELLS, (record.measurement for record in records), strict=True))


@on_linux
@pytest.mark.parametrize("field", ["growth_rss_bytes", "peak_allocated_bytes", "activation_bytes"])
def test_100_mib_are_100_mib(found: Found, field: str) -> None:
    without, with_block = (found[name, "inference"] for name in ("healthy", "allocates_100_mib"))
    assert abs(with_block[field] - 100 * MIB) <= 2 * MIB
    assert without[field] <= 2 * MIB
    assert abs(with_block[field] - without[field] - 100 * MIB) <= 2 * MIB


@on_linux
def test_the_minimum_of_100_mib_is_exact(found: Found) -> None:
    """The convolution: its weights, input and output. Then: its output, the block, the product."""
    without, with_block = (found[name, "inference"] for name in ("healthy", "allocates_100_mib"))
    weights = (2 * 3 + 2) * 4
    assert without["minimum_bytes"] == weights + (1 + 2) * 4 * N_SAMPLES
    assert with_block["minimum_bytes"] == weights + 100 * MIB + (2 + 2) * 4 * N_SAMPLES
    assert without["minimum_traced_on"] == "meta"


@on_linux
def test_the_split_adds_up_to_the_peak(found: Found) -> None:
    for (_, phase), cell in found.items():
        lasting = cell["weight_bytes"] + cell["gradient_bytes"] + cell["optimiser_bytes"]
        assert lasting + cell["activation_bytes"] == cell["peak_allocated_bytes"]
        example = (1 if phase == "inference" else 1 + 2) * 4 * N_SAMPLES
        assert cell["activation_bytes"] > example


@on_linux
def test_what_lasts_is_known_by_hand(found: Found) -> None:
    """Two moments for each weight, and for each of two tensors a count of steps."""
    weights = (2 * 3 + 2) * 4
    expected: dict[Phase, tuple[int, int]] = {
        "inference": (0, 0),
        "update": (weights, 2 * weights + 2 * 4),
    }
    for phase, (gradient, optimiser) in expected.items():
        cell = found["healthy", phase]
        assert cell["weight_bytes"] == weights
        assert cell["gradient_bytes"] == gradient
        assert cell["optimiser_bytes"] == optimiser


@on_linux
def test_no_implementation_holds_less_than_the_minimum(found: Found) -> None:
    """No tolerance: both are sums of exact sizes."""
    for cell in found.values():
        assert cell["peak_allocated_bytes"] >= cell["minimum_bytes"]
        lasting = cell["weight_bytes"] + cell["optimiser_bytes"]
        assert cell["minimum_bytes"] == lasting + cell["minimum_live_bytes"]


@on_linux
def test_the_sampled_figure_is_of_this_process(found: Found) -> None:
    """Between what the process holds after the step at least, and what the kernel saw at most."""
    for cell in found.values():
        assert cell["memory_profiler_bytes"] > 20 * MIB
        assert cell["memory_profiler_bytes"] <= cell["peak_rss_bytes"] + 2 * MIB


@on_linux
def test_the_peak_is_floor_and_growth(found: Found) -> None:
    for cell in found.values():
        assert cell["peak_rss_bytes"] == cell["floor_rss_bytes"] + cell["growth_rss_bytes"]
        assert cell["floor_rss_bytes"] > 20 * MIB  # Python and torch themselves


@on_linux
@pytest.mark.parametrize("n_mib", [5, 64])
def test_the_allocators_peak_is_exact_and_not_the_sum(n_mib: int) -> None:
    def run() -> None:
        for _ in range(3):
            first = torch.empty(n_mib * MIB, dtype=torch.uint8)
            second = torch.empty(n_mib * MIB, dtype=torch.uint8)
            del first, second

    assert memory.measure_peak_allocated(run) == 2 * n_mib * MIB


def test_what_was_held_before_does_not_count() -> None:
    held = [torch.empty(8 * MIB, dtype=torch.uint8)]
    assert memory.measure_peak_allocated(held.clear) == 0


@on_linux
def test_a_peak_of_the_past_is_forgotten() -> None:
    torch.ones(64 * MIB, dtype=torch.uint8)
    found = memory.measure_peak_resident(lambda: None)
    assert found["growth_rss_bytes"] <= 2 * MIB


def test_the_resident_set_is_read_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PROCESS_STATUS", tmp_path / "status")
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    assert memory.read_resident_bytes("VmRSS") == MIB
    assert memory.read_resident_bytes("VmHWM") == 2 * MIB
    with pytest.raises(KeyError, match="VmSwap"):
        memory.read_resident_bytes("VmSwap")


def test_a_kernel_without_the_switch_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "absent" / "clear_refs")
    with pytest.raises(CellError, match="does not reset the peak of a process") as refused:
        memory.reset_peak()
    assert refused.value.status == Status.UNSUPPORTED


def test_a_peak_below_the_floor_is_no_negative_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's two counters are not read in the same instant."""
    sizes = SimpleNamespace(VmRSS=100, VmHWM=90)
    monkeypatch.setattr(memory, "reset_peak", lambda: None)
    monkeypatch.setattr(memory, "read_resident_bytes", lambda field: getattr(sizes, field))
    assert memory.measure_peak_resident(lambda: None)["growth_rss_bytes"] == 0


class Heavy(nn.Module):
    """Element-wise work alone, which needs no workspace, on four megabytes of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2**20))

    def forward(self, mixture: Tensor) -> Tensor:
        return mixture * self.weight[0]


def test_an_update_of_many_weights_by_hand() -> None:
    """Fullest in Adam: weights, gradients, two moments, and two results on the way to a third.

    Gradients of the step before are gone by then, and those of this one not read any more, so
    that the minimum is without them. There are a few kilobytes of activations.
    """
    workload = Workload("update", "cpu", N_SAMPLES, 1, "float32", 1, 0)
    step = prepare_step(Heavy(), workload)
    step.run()
    peak = memory.measure_peak_held(step)
    minimum = trace_minimum(step)["minimum_bytes"]
    assert 0 <= peak - 6 * 4 * MIB <= MIB // 16
    assert 0 <= minimum - 5 * 4 * MIB <= MIB // 16


@on_linux
@pytest.mark.thorough
@pytest.mark.parametrize("entry", REGISTRY.values(), ids=REGISTRY)
def test_no_registered_network_holds_less_than_its_minimum(entry: Entry) -> None:
    workload = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)
    cell = memory.measure(resolve_factory(entry.factory), workload, 0.0)
    assert cell["minimum_traced_on"] == "meta"
    assert cell["peak_allocated_bytes"] >= cell["minimum_bytes"]


@pytest.mark.cuda
def test_100_mib_are_100_mib_on_cuda() -> None:
    workload = Workload("inference", "cuda", N_SAMPLES, 1, "float32", 1, 0)
    without, with_block = (
        memory.measure(resolve_factory(FACTORIES[name]), workload, 0.0)
        for name in ("healthy", "allocates_100_mib")
    )
    for field in ("peak_allocated_bytes", "peak_reserved_bytes", "cold_peak_allocated_bytes"):
        assert abs(with_block[field] - without[field] - 100 * MIB) <= 2 * MIB
    assert with_block["peak_allocated_bytes"] <= with_block["peak_reserved_bytes"]
    assert with_block["peak_allocated_bytes"] >= with_block["minimum_bytes"]


@pytest.mark.cuda
def test_the_split_adds_up_on_cuda() -> None:
    workload = Workload("update", "cuda", N_SAMPLES, 1, "float32", 1, 0)
    cell = memory.measure(resolve_factory(FACTORIES["healthy"]), workload, 0.0)
    parts = ("weight_bytes", "gradient_bytes", "optimiser_bytes", "activation_bytes")
    assert sum(cell[part] for part in parts) == cell["peak_allocated_bytes"]
    assert all(cell[part] > 0 for part in parts)
