"""How fast this process multiplies and moves where nothing else limits it."""

from collections.abc import Callable

import torch

from bench.measuring.step import no_mark
from bench.measuring.stopwatch import Stopwatch
from bench.results.profile import MachineRates

PRODUCT_SIZE = 768
"""Of a product of matrices: tens of milliseconds on one thread."""
COPY_BYTES = 64 << 20
"""More than caches hold."""
N_CALLS = 7


def measure_rates(stopwatch: Stopwatch, device: str, dtype: torch.dtype) -> MachineRates:
    """The best of a few calls of each."""
    factor = torch.ones(PRODUCT_SIZE, PRODUCT_SIZE, dtype=dtype, device=device)
    source = torch.ones(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    product_s = _shortest(stopwatch, lambda: factor @ factor)
    copy_s = _shortest(stopwatch, lambda: target.copy_(source))
    return MachineRates(2 * PRODUCT_SIZE**3 / product_s, 2 * COPY_BYTES / copy_s)


def _shortest(stopwatch: Stopwatch, work: Callable[[], torch.Tensor]) -> float:
    def run(mark: Callable[[], None] = no_mark) -> torch.Tensor:
        return work()

    return min(stopwatch(run).total_s for _ in range(N_CALLS))
