"""Peaks of known size: 100 MiB are reported as 100 +- 2 MiB by every instrument; and the split."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from torch import nn

from bench.measuring.isolate import run_jobs
from bench.measuring.memory.known import Known
from bench.measuring.probes import memory
from bench.measuring.step import prepare_step
from bench.networks.factory import resolve_factory
from bench.registry import REGISTRY, Entry
from bench.results.measurements import MemoryPeaks
from bench.results.record import Status, results_of
from bench.results.workload import PHASES, Phase, Workload
from tests import fault_models
from tests.bench.example_records import ENVIRONMENT, make_job
from tests.simulated_cuda.fixtures import a_gpu_fixture as a_gpu_fixture

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
Found = Mapping[tuple[str, Phase], MemoryPeaks]
CELLS: list[tuple[str, Phase]] = [
    ("healthy", "inference"),
    ("allocates_100_mib", "inference"),
    ("sudormrf-0.25x", "inference"),
    ("healthy", "update"),
]


def known(value: int | None) -> int:
    """A value that this machine tells."""
    assert value is not None
    return value


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
        records = list(run_jobs(jobs, ENVIRONMENT))
    assert [record.status for record in records] == [Status.OK] * len(CELLS)
    peaks = [found for _, found in results_of(MemoryPeaks, records)]
    return dict(zip(CELLS, peaks, strict=True))


@on_linux
@pytest.mark.parametrize("field", ["growth_rss_bytes", "peak_allocated_bytes", "activation_bytes"])
def test_100_mib_are_100_mib(found: Found, field: str) -> None:
    without, with_block = (found[name, "inference"] for name in ("healthy", "allocates_100_mib"))
    held, held_with_block = getattr(without, field), getattr(with_block, field)
    assert abs(held_with_block - 100 * MIB) <= 2 * MIB
    assert held <= 2 * MIB
    assert abs(held_with_block - held - 100 * MIB) <= 2 * MIB


@on_linux
def test_the_minimum_of_100_mib_is_exact(found: Found) -> None:
    """The convolution: its weights, input and output. Then: its output, the block, the product."""
    without, with_block = (found[name, "inference"] for name in ("healthy", "allocates_100_mib"))
    weights = (2 * 3 + 2) * 4
    assert known(without.minimum_bytes) == weights + (1 + 2) * 4 * N_SAMPLES
    assert known(with_block.minimum_bytes) == weights + 100 * MIB + (2 + 2) * 4 * N_SAMPLES
    assert without.minimum_traced_on == "meta"


@on_linux
def test_the_split_adds_up_to_the_peak(found: Found) -> None:
    for (_, phase), cell in found.items():
        lasting = cell.weight_bytes + cell.gradient_bytes + cell.optimiser_bytes
        assert lasting + cell.activation_bytes == cell.peak_allocated_bytes
        example = (1 if phase == "inference" else 1 + 2) * 4 * N_SAMPLES
        assert cell.activation_bytes > example


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
        assert cell.weight_bytes == weights
        assert cell.gradient_bytes == gradient
        assert cell.optimiser_bytes == optimiser


@on_linux
def test_no_implementation_holds_less_than_the_minimum(found: Found) -> None:
    """No tolerance: both are sums of exact sizes."""
    for cell in found.values():
        assert cell.peak_allocated_bytes >= known(cell.minimum_bytes)
        lasting = cell.weight_bytes + cell.optimiser_bytes
        assert known(cell.minimum_bytes) == lasting + known(cell.minimum_live_bytes)


@on_linux
def test_the_sampled_figure_is_of_this_process(found: Found) -> None:
    """Between what the process holds after the step at least, and what the kernel saw at most."""
    for cell in found.values():
        assert known(cell.memory_profiler_bytes) > 20 * MIB
        assert known(cell.memory_profiler_bytes) <= known(cell.peak_rss_bytes) + 2 * MIB


@on_linux
def test_the_peak_is_floor_and_growth(found: Found) -> None:
    for cell in found.values():
        assert known(cell.peak_rss_bytes) == known(cell.floor_rss_bytes) + known(
            cell.growth_rss_bytes
        )
        assert known(cell.floor_rss_bytes) > 20 * MIB  # Python and torch themselves


@on_linux
@pytest.mark.thorough
@pytest.mark.parametrize("entry", REGISTRY.values(), ids=REGISTRY)
def test_no_registered_network_holds_less_than_its_minimum(entry: Entry) -> None:
    workload = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)
    cell = memory.measure(resolve_factory(entry.factory), workload, 0.0)
    assert cell.minimum_traced_on == "meta"
    assert cell.peak_allocated_bytes >= known(cell.minimum_bytes)


@on_linux
@pytest.mark.parametrize("dtype", ["amp-bfloat16", "amp-float16"])
def test_under_autocast_what_lasts_is_that_of_float32(dtype: str) -> None:
    """Also where a gradient scaler leaves out the first steps: Adam has its state."""
    workload = Workload("update", "cpu", N_SAMPLES, 1, dtype, 1, 0)
    cell = memory.measure(resolve_factory(FACTORIES["healthy"]), workload, 0.0)
    weights = (2 * 3 + 2) * 4
    assert (cell.weight_bytes, cell.gradient_bytes) == (weights, weights)
    assert cell.optimiser_bytes == 2 * weights + 2 * 4
    lasting = cell.weight_bytes + cell.gradient_bytes + cell.optimiser_bytes
    assert lasting + cell.activation_bytes == cell.peak_allocated_bytes
    assert cell.minimum_traced_on == "cpu"
    assert cell.peak_allocated_bytes >= known(cell.minimum_bytes)


class OnNoDevice(nn.Conv1d):
    """Stays where it is, whatever device it is sent to."""

    def to(self, *place: Any, **options: Any) -> Self:
        return self


@pytest.mark.parametrize("workspace_bytes", [0, 32 * MIB])
def test_cublas_workspaces_are_no_activations(
    monkeypatch: pytest.MonkeyPatch, workspace_bytes: int
) -> None:
    """On stand-ins for what a GPU's allocator tells of the same step."""
    peak_bytes = 10 * MIB + workspace_bytes
    peaks = Known({"peak_allocated_bytes": peak_bytes})
    monkeypatch.setattr(memory, "measure_cuda", lambda run, prefix="": (run(), peaks)[1])
    monkeypatch.setattr(memory, "measure_cublas_workspace", lambda: workspace_bytes)
    monkeypatch.setattr(memory, "measure_minimum", lambda build, workload, step: Known())
    monkeypatch.setattr(
        memory, "prepare_step", lambda model, workload: prepare_step(model, workload, "cpu")
    )
    workload = Workload("update", "cuda", N_SAMPLES, 1, "float32", 1, 0)
    cell = memory.measure(lambda: OnNoDevice(1, 2, 3, padding=1), workload, 0.0)
    assert cell.workspace_bytes == workspace_bytes
    lasting = cell.weight_bytes + cell.gradient_bytes + cell.optimiser_bytes
    assert cell.activation_bytes == 10 * MIB - lasting
    assert lasting + cell.activation_bytes + workspace_bytes == cell.peak_allocated_bytes


@on_linux
def test_the_cpu_has_no_such_workspaces(found: Found) -> None:
    assert {cell.workspace_bytes for cell in found.values()} == {None}


@pytest.mark.usefixtures("a_gpu")
def test_100_mib_are_100_mib_on_cuda() -> None:
    workload = Workload("inference", "cuda", N_SAMPLES, 1, "float32", 1, 0)
    without, with_block = (
        memory.measure(resolve_factory(FACTORIES[name]), workload, 0.0)
        for name in ("healthy", "allocates_100_mib")
    )
    for field in ("peak_allocated_bytes", "peak_reserved_bytes", "cold_peak_allocated_bytes"):
        growth = getattr(with_block, field) - getattr(without, field)
        assert abs(growth - 100 * MIB) <= 2 * MIB
    assert with_block.peak_allocated_bytes <= known(with_block.peak_reserved_bytes)
    assert with_block.peak_allocated_bytes >= known(with_block.minimum_bytes)


@pytest.mark.usefixtures("a_gpu")
def test_the_split_adds_up_on_cuda() -> None:
    workload = Workload("update", "cuda", N_SAMPLES, 1, "float32", 1, 0)
    cell = memory.measure(resolve_factory(FACTORIES["healthy"]), workload, 0.0)
    parts = ("weight_bytes", "gradient_bytes", "optimiser_bytes", "activation_bytes")
    held = sum(getattr(cell, part) for part in parts) + known(cell.workspace_bytes)
    assert held == cell.peak_allocated_bytes
    assert all(getattr(cell, part) > 0 for part in parts)


@pytest.mark.cuda
@pytest.mark.parametrize("phase", PHASES)
def test_a_product_on_cuda_leaves_a_workspace_that_is_apart(phase: Phase) -> None:
    workload = Workload(phase, "cuda", N_SAMPLES, 1, "float32", 1, 0)
    without = memory.measure(resolve_factory(FACTORIES["healthy"]), workload, 0.0)
    with_product = memory.measure(fault_models.multiplies, workload, 0.0)
    assert known(with_product.workspace_bytes) > known(without.workspace_bytes)
    assert with_product.activation_bytes - without.activation_bytes <= MIB
