"""A profile on a real GPU: kernels by operator, backward in its own thread, the device's memory."""

import pytest
import torch
from torch import nn

from bench.measuring.probes import profile
from bench.results.profile import Profile
from bench.results.workload import Phase
from tests.bench.example_records import make_job
from tests.bench.measuring.profiling.networks import Chain


def wide() -> nn.Module:
    return Chain(64)


def profiled(phase: Phase) -> Profile:
    threads = torch.get_num_threads()
    job = make_job("wide", "profile", phase, device="cuda", n_samples=1 << 16, threads=threads)
    return profile.measure(wide, job.workload, 0.1)


@pytest.mark.cuda
@pytest.mark.parametrize("phase", ["gpu_inference", "update"])
def test_kernels_take_no_longer_than_the_step_and_the_log_has_the_allocators_peak(
    phase: Phase,
) -> None:
    found = profiled(phase)
    for step, whole_s in enumerate(found.profiled_times_s):
        assert 0 < found.attributed_s(step) <= whole_s
    assert found.memory.peak_bytes == found.peak_allocated_bytes


@pytest.mark.cuda
def test_backwards_kernels_are_with_the_modules_that_they_differentiate() -> None:
    rows = profiled("update").rows
    found = {row.place.module for row in rows if row.place.part == "backward" and row.times_s[0]}
    assert {"encoder", "decoder", "blocks.0.0", "blocks.1.1"} <= found
