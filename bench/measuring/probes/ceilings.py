"""What this machine reaches at the shapes that occur in a network, and of memory and caches.

The shapes are those of a forward as torch's operators run it, without data where that is possible.
Products are timed with the same threads, in the dtype in which the network computes, in passes over
all of them, so that what disturbs a moment disturbs each alike.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from bench.counting.counter import EveryOperator, OperationCounter
from bench.counting.products import ProductFinder
from bench.measuring.contract import require_threads
from bench.measuring.counted_step import without_data_if_possible
from bench.measuring.profiling.rates import (
    COPY_BYTES,
    PRODUCT_SIZE,
    Work,
    copy_of,
    read_of,
    square_product,
)
from bench.measuring.repetition import Sample, Sampler, sampler
from bench.measuring.step import Step, no_mark, prepare_step
from bench.measuring.stopwatch import time_on_host
from bench.results.ceilings import (
    BandwidthCeiling,
    Ceilings,
    PeakCeiling,
    ProductCeiling,
    ProductShape,
    RepeatedTimes,
)
from bench.results.contention import CallContention
from bench.results.record import CellError, Status
from bench.results.workload import Workload

PEAK_DTYPES = ("float32", "bfloat16")
"""Of the products of large matrices, beside the network's own."""
DATA_BYTES = (256 << 10, 8 << 20, 2 * COPY_BYTES)
"""What is moved: in a core's cache, in one that cores share, in memory."""
LEAST_PASSES = 3
MOST_PASSES = 15
LEAST_RUN_S = 0.002
"""Shorter work is repeated within one timed run until it takes so long."""
MOST_REPEATS = 1000


@dataclass(frozen=True)
class Demand:
    """What a forward asks of a machine."""

    macs: int
    bytes_moved: int
    compulsory_bytes: int
    calls: Mapping[ProductShape, int]


@dataclass
class RepeatedWork:
    """One piece of work and the timed runs of it."""

    work: Work
    repeats: int = 1
    samples: list[Sample] = field(default_factory=list)

    def run(self, mark: Callable[[], None] = no_mark) -> Tensor:
        """All repeats, one after another."""
        for _ in range(self.repeats - 1):
            self.work()
        return self.work()

    @property
    def times(self) -> RepeatedTimes:
        """As they are stored."""
        walls_s = tuple(sample.timing.total_s for sample in self.samples)
        contention = CallContention.of([sample.contention for sample in self.samples])
        return RepeatedTimes(self.repeats, walls_s, contention)


@torch.inference_mode()
def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> Ceilings:
    """The ceilings of one forward on the CPU.

    Raises:
        CellError: the network breaks the contract, or runs elsewhere.
    """
    if workload.phase != "inference":
        raise CellError(Status.UNSUPPORTED, "Ceilings are of inference on the CPU.")
    workload = replace(workload, runtime="eager")  # of all runtimes alike
    demand = without_data_if_possible(
        lambda device: count_demand(build, workload, device), workload
    )
    require_threads(workload)
    dtype = workload.autocast_dtype or workload.parameter_dtype
    products = prepare_products(demand.calls, getattr(torch, dtype))
    peaks = {name: square_product(getattr(torch, name), "cpu") for name in (*PEAK_DTYPES, dtype)}
    moves = {("copy", n): copy_of(n // 2, "cpu") for n in DATA_BYTES}
    moves |= {("read", n): read_of(n, "cpu") for n in DATA_BYTES}
    of_products = {shape: RepeatedWork(work) for shape, work in products.items()}
    of_peaks = {name: RepeatedWork(work) for name, work in peaks.items()}
    of_moves = {key: RepeatedWork(work) for key, work in moves.items()}
    every = [*of_products.values(), *of_peaks.values(), *of_moves.values()]
    time_in_passes(every, sampler(time_on_host, workload.threads), budget_s)
    return Ceilings(
        dtype=dtype,
        macs=demand.macs,
        bytes_moved=demand.bytes_moved,
        compulsory_bytes=demand.compulsory_bytes,
        products=tuple(
            ProductCeiling(shape, demand.calls[shape], one.times)
            for shape, one in of_products.items()
        ),
        peaks=tuple(PeakCeiling(name, PRODUCT_SIZE, one.times) for name, one in of_peaks.items()),
        bandwidths=tuple(BandwidthCeiling(*key, one.times) for key, one in of_moves.items()),
    )


def count_demand(build: Callable[[], nn.Module], workload: Workload, device: str) -> Demand:
    """What one warm forward runs, in the form in which it computes its layers.

    Raises:
        CellError: the estimates break the contract.
    """
    with torch.compiler.set_stance("force_eager"):
        with torch.device(device):
            model = build()
        with OperationCounter():  # makes recurrent layers quick on meta tensors
            step = prepare_step(model, workload, device)
            estimates = step.run_checked()
        found = ProductFinder()
        with OperationCounter() as counter, EveryOperator(found.add):
            step.run()
    moved = sum(tally.bytes_read + tally.bytes_written for tally in counter.tallies.values())
    return Demand(counter.macs, moved, count_compulsory_bytes(step, estimates), found.calls)


def count_compulsory_bytes(step: Step, estimates: Tensor) -> int:
    """Weights, mixture and estimates: what no form of the network does without."""
    tensors = [*step.model.parameters(), *step.model.buffers(), step.example.mixture, estimates]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def prepare_products(
    shapes: Iterable[ProductShape], dtype: torch.dtype
) -> dict[ProductShape, Work]:
    """A call for each shape; all share their memory, which is as large as the largest needs."""
    shapes = sorted(shapes, key=lambda shape: -shape.macs)
    sizes = [
        (one.groups * one.m * one.k, one.groups * one.k * one.n, one.groups * one.m * one.n)
        for one in shapes
    ]
    left, right, out = (
        (torch.rand(max(column)).to(dtype) for column in zip(*sizes, strict=True))
        if sizes
        else (torch.empty(0),) * 3
    )
    return {shape: product_of(shape, left, right, out) for shape in shapes}


def product_of(shape: ProductShape, left: Tensor, right: Tensor, out: Tensor) -> Work:
    """One product, of factors laid out row by row at the beginnings of these tensors."""
    groups, m, k, n = shape.groups, shape.m, shape.k, shape.n
    first = left[: groups * m * k].view(groups, m, k)
    second = right[: groups * k * n].view(groups, k, n)
    result = out[: groups * m * n].view(groups, m, n)
    if groups > 1:
        return lambda: torch.bmm(first, second, out=result)
    first, second, result = first[0], second[0], result[0]
    return lambda: torch.mm(first, second, out=result)


def time_in_passes(works: Iterable[RepeatedWork], sample: Sampler, budget_s: float) -> None:
    """Run all of them in turn until the time is spent, and no less than a few times."""
    works = list(works)
    for one in works:
        one.run()  # loads and lays out what it needs
        call_s = sample(one.run).timing.total_s
        one.repeats = min(MOST_REPEATS, max(1, math.ceil(LEAST_RUN_S / call_s)))
    end = time.monotonic() + budget_s
    for number in range(MOST_PASSES):
        if number >= LEAST_PASSES and time.monotonic() >= end:
            return
        for one in works:
            one.samples.append(sample(one.run))
