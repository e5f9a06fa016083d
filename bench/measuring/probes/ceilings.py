"""What this machine reaches at the shapes that occur in a network, and of memory and caches.

The shapes are those of a forward as torch's operators run it, without data where that is possible.
Products are timed with the same threads, in the dtype in which the network computes, in passes over
all of them, so that what disturbs a moment disturbs each alike.
"""

import math
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from bench.counting.counter import EveryOperator, OperationCounter
from bench.counting.products import ProductFinder
from bench.machine.instructions import NO_BFLOAT16, has_bfloat16
from bench.measuring.contract import require_threads
from bench.measuring.counted_step import without_data_if_possible
from bench.measuring.profiling.rates import (
    COPY_BYTES,
    PRODUCT_SIZES,
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

Key = TypeVar("Key", bound=Hashable)

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
        CellError: the network breaks the contract, or runs elsewhere, or the processor computes
            in another dtype.
    """
    if workload.phase != "inference":
        raise CellError(Status.UNSUPPORTED, "Ceilings are of inference on the CPU.")
    dtype = workload.autocast_dtype or workload.parameter_dtype
    if dtype == "bfloat16" and not has_bfloat16():
        raise CellError(Status.UNSUPPORTED, NO_BFLOAT16)
    workload = replace(workload, runtime="eager")  # of all runtimes alike
    demand = without_data_if_possible(
        lambda device: count_demand(build, workload, device), workload
    )
    require_threads(workload)
    products = repeated(prepare_products(demand.calls, getattr(torch, dtype)))
    peaks = repeated(prepare_peaks(dtype))
    moves = repeated(prepare_moves())
    every = (*products.values(), *peaks.values(), *moves.values())
    time_in_passes(every, sampler(time_on_host, workload.threads), budget_s)
    return Ceilings(
        dtype=dtype,
        macs=demand.macs,
        bytes_moved=demand.bytes_moved,
        compulsory_bytes=demand.compulsory_bytes,
        products=tuple(
            ProductCeiling(shape, demand.calls[shape], one.times) for shape, one in products.items()
        ),
        peaks=tuple(
            PeakCeiling(name, PRODUCT_SIZES["cpu"], one.times) for name, one in peaks.items()
        ),
        bandwidths=tuple(BandwidthCeiling(*key, one.times) for key, one in moves.items()),
    )


def count_demand(build: Callable[[], nn.Module], workload: Workload, device: str) -> Demand:
    """What one warm forward runs, in the form in which it computes its layers.

    Raises:
        CellError: the estimates break the contract.
    """
    with torch.device(device):
        model = build()
    found = ProductFinder()
    with operator_by_operator():
        with OperationCounter():  # makes recurrent layers quick on meta tensors
            step = prepare_step(model, workload, device)
            estimates = step.run_checked()
        with OperationCounter() as counter, EveryOperator(found.add):
            step.run()
    moved = sum(tally.bytes_read + tally.bytes_written for tally in counter.tallies.values())
    return Demand(counter.macs, moved, count_compulsory_bytes(step, estimates), found.calls)


def operator_by_operator() -> AbstractContextManager[object]:
    """In which a compiled network runs as its eager graph.

    The compiler is not loaded for it: that takes a second, and a network that uses it has done so.
    """
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance


def count_compulsory_bytes(step: Step, estimates: Tensor) -> int:
    """Weights, mixture and estimates: what no form of the network does without."""
    tensors = [*step.model.parameters(), *step.model.buffers(), step.example.mixture, estimates]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def repeated(works: Mapping[Key, Work]) -> dict[Key, RepeatedWork]:
    """The same, ready to be timed."""
    return {key: RepeatedWork(work) for key, work in works.items()}


def prepare_peaks(dtype: str) -> dict[str, Work]:
    """A product of large matrices in each dtype."""
    return {name: square_product(getattr(torch, name), "cpu") for name in (*PEAK_DTYPES, dtype)}


def prepare_moves() -> dict[tuple[str, int], Work]:
    """Each way to move data of each size."""
    copies = {("copy", n_bytes): copy_of(n_bytes // 2, "cpu") for n_bytes in DATA_BYTES}
    return copies | {("read", n_bytes): read_of(n_bytes, "cpu") for n_bytes in DATA_BYTES}


def prepare_products(
    shapes: Iterable[ProductShape], dtype: torch.dtype
) -> dict[ProductShape, Work]:
    """A call for each shape; all share their memory, which is as large as the largest needs."""
    shapes = list(shapes)

    def operand(size: Callable[[ProductShape], int]) -> Tensor:
        return torch.rand(max(map(size, shapes), default=0)).to(dtype)

    left = operand(lambda one: one.groups * one.m * one.k)
    right = operand(lambda one: one.groups * one.k * one.n)
    out = operand(lambda one: one.groups * one.m * one.n)
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


def time_in_passes(
    works: Iterable[RepeatedWork],
    sample: Sampler,
    budget_s: float,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Run all of them in turn until the time is spent, and no less than a few times."""
    works = list(works)
    for one in works:
        one.run()  # loads and lays out what it needs
        call_s = min(sample(one.run).timing.total_s for _ in range(2))
        one.repeats = min(MOST_REPEATS, max(1, math.ceil(LEAST_RUN_S / call_s)))
    end = now() + budget_s
    for number in range(MOST_PASSES):
        if number >= LEAST_PASSES and now() >= end:
            return
        for one in works:
            one.samples.append(sample(one.run))
