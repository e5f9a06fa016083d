"""Time of one step: the first call, the warm-up and every timed call, raw."""

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import torch
from torch import nn

from bench.machine.gpu import SLOWDOWNS, Gpu, open_gpu
from bench.machine.state import read_gpu
from bench.measure.repetition import Sample, Sampler, StopRule, sampler, time_repeatedly
from bench.measure.step import Run, Step, prepare_step
from bench.measure.stopwatch import Stopwatch, time_on_cuda, time_on_host
from bench.results.environment import GpuReading
from bench.results.measurements import LatencyTimes
from bench.results.workload import Workload

CALLS_BETWEEN_LOOKS = 20
"""Timed calls on a GPU from one look at what holds its clock back to the next."""
N_COLD_CACHE = 10
"""Calls on a GPU whose second-level cache was overwritten just before."""


def watch_clock(sample: Sampler, gpu: Gpu | None, reasons: set[str]) -> Sampler:
    """The same samples; after every so many of them ``reasons`` gains what lowers the GPU's clock.

    The driver is asked outside the timed region, while the GPU is still warm from the call.
    """
    calls = count()

    def take(run: Run) -> Sample:
        taken = sample(run)
        if gpu is not None and next(calls) % CALLS_BETWEEN_LOOKS == 0:
            reasons.update(SLOWDOWNS & set(gpu.throttle_reasons() or ()))
        return taken

    return take


def time_with_cold_cache(run: Run, stopwatch: Stopwatch) -> tuple[float, ...]:
    """Seconds of calls that find nothing of theirs in the GPU's second-level cache.

    Calls one after another find what fits of their weights and features in it.
    """
    cache_bytes = torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    filler = torch.empty(2 * cache_bytes, dtype=torch.uint8, device="cuda")
    times_s = []
    for _ in range(N_COLD_CACHE):
        filler.zero_()
        times_s.append(stopwatch(run).total_s)
    return tuple(times_s)


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> LatencyTimes:
    """Times of one step in this process.

    Raises:
        CellError: the network breaks the contract.
    """
    on_cuda = workload.device == "cuda"
    stopwatch = time_on_cuda if on_cuda else time_on_host
    step = prepare_step(build().to(workload.device), workload)
    first_s = stopwatch(step.run_checked).total_s
    sample = sampler(stopwatch, workload.threads)
    rule = StopRule(max(0.0, budget_s - first_s))
    if on_cuda:
        return _measure_on_cuda(step, sample, rule, first_s, workload.threads)
    return time_repeatedly(step.run, sample, rule, workload.threads).to_times(first_s)


def _measure_on_cuda(
    step: Step, sample: Sampler, rule: StopRule, first_s: float, threads: int
) -> LatencyTimes:
    """The same with the GPU's clock watched, and calls that find nothing in its cache."""
    slowed_by: set[str] = set()
    before = _read_own_gpu()
    series = time_repeatedly(step.run, watch_clock(sample, open_gpu(), slowed_by), rule, threads)
    during = _read_own_gpu()  # the clocks do not fall before the next milliseconds
    slowed_by |= SLOWDOWNS & set((during and during.throttle_reasons) or ())
    return replace(
        series.to_times(first_s),
        cold_cache_times_s=time_with_cold_cache(step.run, time_on_cuda),
        gpu_before=before,
        gpu_during=during,
        gpu_slowed_by=tuple(sorted(slowed_by)),
    )


def _read_own_gpu() -> GpuReading | None:
    """Clocks, what slows them, heat, power and energy; None where the driver is hidden."""
    driver = open_gpu()
    return None if driver is None else read_gpu(driver, os.getpid(), has_context=True)
