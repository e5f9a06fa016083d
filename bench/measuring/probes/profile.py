"""Where the time and the memory of a warm step go, each from a pass of its own.

One pass notes every operator (``profiling.trace``), several take times with torch's profiler at
work, each right after a call without it, and one follows the allocator. No figure of another
probe is ever taken here.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from bench.measuring.contract import require_threads
from bench.measuring.counted_step import count_step, without_data_if_possible
from bench.measuring.memory.held import count_storage_bytes, find_held
from bench.measuring.memory.peaks import measure_cuda, measure_peak_held
from bench.measuring.profiling.ledger import add_up_times, follow_memory
from bench.measuring.profiling.markers import profile_step
from bench.measuring.profiling.rates import measure_rates
from bench.measuring.profiling.rows import make_rows, saved_tensors
from bench.measuring.profiling.spans import read_step
from bench.measuring.profiling.trace import Trace, trace_step
from bench.measuring.repetition import Sample, sampler, warm_up
from bench.measuring.step import Run, Step, prepare_step
from bench.measuring.stopwatch import time_on_cuda, time_on_host
from bench.results.contention import CallContention
from bench.results.profile import (
    MemoryTimeline,
    Place,
    Profile,
    ProfiledModule,
)
from bench.results.workload import Workload

LEAST_PAIRS = 5
"""Of a call without the profiler and one with it: enough for an interval."""
MOST_PAIRS = 20


@dataclass
class Pairs:
    """Calls without the profiler and, each right after one, calls with it."""

    plain: list[Sample] = field(default_factory=list)
    profiled: list[Sample] = field(default_factory=list)
    seconds: list[dict[Place, float]] = field(default_factory=list)  # of the profiled ones


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> Profile:
    """The profile of a step.

    Raises:
        CellError: the network breaks the contract, or runs other operators each time.
    """
    on_device = workload.device == "cuda"
    stopwatch = time_on_cuda if on_device else time_on_host
    sample = sampler(stopwatch, workload.threads)
    defined = without_data_if_possible(lambda device: count_step(build, workload, device), workload)
    step = prepare_step(build().to(workload.device), workload)
    step.run_checked()
    require_threads(workload)
    step.settle()
    warm_up(step.run, sample, on_device)
    trace = trace_step(step)
    pairs = take_pairs(step, trace, sample, budget_s, on_device)
    rows, of_runs = make_rows(trace, pairs.seconds)
    product_dtype = getattr(torch, workload.autocast_dtype or workload.parameter_dtype)
    return Profile(
        rows=rows,
        modules=describe_modules(step.model),
        memory=follow_step(step, trace, of_runs),
        saved=saved_tensors(trace, of_runs),
        plain_times_s=_times(pairs.plain),
        profiled_times_s=_times(pairs.profiled),
        plain_contention=CallContention.of([one.contention for one in pairs.plain]),
        profiled_contention=CallContention.of([one.contention for one in pairs.profiled]),
        rates=measure_rates(stopwatch, workload.device, product_dtype),
        peak_allocated_bytes=measure_peak(step, workload.device),
        defined_macs=defined.macs,
        defined_flops=defined.flops,
    )


def take_pairs(
    step: Step, trace: Trace, sample: Callable[[Run], Sample], budget_s: float, on_device: bool
) -> Pairs:
    """Pairs of calls until the time is spent, also on reading what the profiler recorded."""
    pairs = Pairs()
    end = time.monotonic() + budget_s
    while len(pairs.plain) < LEAST_PAIRS or (
        len(pairs.plain) < MOST_PAIRS and time.monotonic() < end
    ):
        pairs.plain.append(sample(step.run))
        profiler = profile_step(step, lambda run: pairs.profiled.append(sample(run)))
        span = read_step(profiler, step.example.mixture.device.type)
        pairs.seconds.append(add_up_times(trace, span, on_device))
    return pairs


def follow_step(step: Step, trace: Trace, rows: Sequence[int]) -> MemoryTimeline:
    """The allocations of a step that begins without gradients, as the first of a training."""
    if step.optimiser is not None:
        step.optimiser.zero_grad()
    device = step.example.mixture.device.type
    before = bytes_held(step, device)
    profiler = profile_step(step, lambda run: run(), with_memory=True)
    return follow_memory(trace, read_step(profiler, device), tuple(rows), before)


def bytes_held(step: Step, device: str) -> int:
    """What is there before a step without gradients; on a GPU also what libraries hold."""
    if device == "cuda":
        return torch.cuda.memory_allocated()
    held = find_held(step)
    return count_storage_bytes((*held.weights, *held.optimiser, *held.example))


def measure_peak(step: Step, device: str) -> int:
    """The allocator's peak in a step that nobody has marked."""
    if device == "cuda":
        if step.optimiser is not None:
            step.optimiser.zero_grad()
        return int(measure_cuda(step.run).values["peak_allocated_bytes"])
    return measure_peak_held(step)


def describe_modules(model: nn.Module) -> tuple[ProfiledModule, ...]:
    """Every module in the network's order."""
    return tuple(
        ProfiledModule(path, type(one).__name__, sum(p.numel() for p in one.parameters(False)))
        for path, one in model.named_modules()
    )


def _times(samples: Sequence[Sample]) -> tuple[float, ...]:
    return tuple(sample.timing.total_s for sample in samples)
