"""Peaks of memory by hand: the allocator's to the byte, the kernel's within two MiB."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.memory import peaks
from bench.measuring.memory.liveness import trace_minimum
from bench.measuring.step import prepare_step
from bench.results.record import CellError, Status
from bench.results.workload import Workload

MIB = 2**20
N_SAMPLES = 400
on_linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="this kernel does not reset peaks"
)


@on_linux
@pytest.mark.parametrize("n_mib", [5, 64])
def test_the_allocators_peak_is_exact_and_not_the_sum(n_mib: int) -> None:
    def run() -> None:
        for _ in range(3):
            first = torch.empty(n_mib * MIB, dtype=torch.uint8)
            second = torch.empty(n_mib * MIB, dtype=torch.uint8)
            del first, second

    assert peaks.measure_peak_allocated(run) == 2 * n_mib * MIB


def test_what_was_held_before_does_not_count() -> None:
    held = [torch.empty(8 * MIB, dtype=torch.uint8)]
    assert peaks.measure_peak_allocated(held.clear) == 0


@on_linux
def test_a_peak_of_the_past_is_forgotten() -> None:
    torch.ones(64 * MIB, dtype=torch.uint8)
    found = peaks.measure_peak_resident(lambda: None)
    assert int(found.values["growth_rss_bytes"]) <= 2 * MIB


def test_the_resident_set_is_read_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "PROCESS_STATUS", tmp_path / "status")
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    assert peaks.read_resident_bytes("VmRSS") == MIB
    assert peaks.read_resident_bytes("VmHWM") == 2 * MIB
    with pytest.raises(KeyError, match="VmSwap"):
        peaks.read_resident_bytes("VmSwap")


def test_a_kernel_without_the_switch_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peaks, "CLEAR_REFS", tmp_path / "absent" / "clear_refs")
    with pytest.raises(CellError, match="does not reset the peak of a process") as refused:
        peaks.reset_peak()
    assert refused.value.status == Status.UNSUPPORTED


def test_a_peak_below_the_floor_is_no_negative_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's two counters are not read in the same instant."""
    sizes = SimpleNamespace(VmRSS=100, VmHWM=90)
    monkeypatch.setattr(peaks, "reset_peak", lambda: None)
    monkeypatch.setattr(peaks, "read_resident_bytes", lambda field: getattr(sizes, field))
    assert peaks.measure_peak_resident(lambda: None).values["growth_rss_bytes"] == 0


def test_what_cublas_gives_back_is_what_it_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stand-in for torch's allocator, which holds 3 MiB of the network's own."""
    held = {"own": 3 * MIB, "workspaces": 2 * 8 * MIB}
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: sum(held.values()))
    monkeypatch.setattr(
        torch._C, "_cuda_clearCublasWorkspaces", lambda: held.pop("workspaces"), raising=False
    )
    assert peaks.measure_cublas_workspace() == 2 * 8 * MIB
    assert held == {"own": 3 * MIB}


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
    peak = peaks.measure_peak_held(step)
    minimum = int(trace_minimum(step).values["minimum_bytes"])
    assert 0 <= peak - 6 * 4 * MIB <= MIB // 16
    assert 0 <= minimum - 5 * 4 * MIB <= MIB // 16
