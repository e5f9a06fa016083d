"""How fast this process multiplies and moves where nothing else limits it."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench.measuring.step import no_mark
from bench.measuring.stopwatch import Stopwatch
from bench.results.profile import MachineRates

PRODUCT_SIZES = {"cpu": 768, "cuda": 4096}
"""Of a product of matrices: ten milliseconds on one thread, and on a GPU beyond its launch."""
COPY_BYTES = 64 << 20
"""More than caches hold."""
N_CALLS = 7

Work = Callable[[], Tensor]
"""One call of what is timed."""


def measure_rates(stopwatch: Stopwatch, device: str, dtype: torch.dtype) -> MachineRates:
    """The best of a few calls of each."""
    product_s = _shortest(stopwatch, square_product(dtype, device))
    copy_s = _shortest(stopwatch, copy_of(COPY_BYTES, device))
    return MachineRates(2 * PRODUCT_SIZES[device] ** 3 / product_s, 2 * COPY_BYTES / copy_s)


def square_product(dtype: torch.dtype, device: str) -> Work:
    """A product of two matrices that are large: on a processor they fit into a cache."""
    size = PRODUCT_SIZES[device]
    factor = torch.ones(size, size, dtype=dtype, device=device)
    return lambda: factor @ factor


def copy_of(n_bytes: int, device: str) -> Work:
    """Reads so many bytes and writes as many."""
    source = torch.ones(n_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def read_of(n_bytes: int, device: str) -> Work:
    """Reads so many bytes and writes none: a dot product of two halves of them."""
    half = torch.ones(n_bytes // 8, device=device)
    other = torch.ones_like(half)
    return lambda: half @ other


def _shortest(stopwatch: Stopwatch, work: Work) -> float:
    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        return work()

    return min(stopwatch(run).total_s for _ in range(N_CALLS))
