"""What the profiler sees on a real GPU: kernels, to the unit, and a GPU that waits for the host."""

import pytest
import torch

from bench.measuring.kernels import busy_ns, count_kernels, profile_device
from bench.measuring.probes import launches
from bench.measuring.step import no_mark
from bench.results.measurements import LAUNCH_BOUND_BELOW
from bench.results.workload import Phase
from tests import fault_models
from tests.bench.example_records import make_job


@pytest.mark.cuda
def test_a_hundred_additions_are_a_hundred_kernels() -> None:
    tensor = torch.ones(1000, device="cuda")

    def run(mark: object = no_mark) -> torch.Tensor:
        for _ in range(100):
            tensor.add_(1)
        return tensor

    run()
    works = profile_device(run)
    assert works is not None
    assert count_kernels(works) == 100
    assert busy_ns(works) > 0


@pytest.mark.cuda
@pytest.mark.parametrize("phase", ["gpu_inference", "update"])
def test_a_tiny_network_launches_something_and_waits_for_the_host(phase: Phase) -> None:
    workload = make_job("healthy", "launches", phase, device="cuda", n_samples=400).workload
    found = launches.measure(fault_models.healthy, workload, 0.1)
    assert found.n_launches
    assert found.busy_share is not None
    assert 0 < found.busy_share < LAUNCH_BOUND_BELOW
    assert (found.replay_status == "ok") == (phase == "gpu_inference")
