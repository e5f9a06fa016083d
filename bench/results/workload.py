"""What a network is asked to do."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["inference", "update"]
PHASES: tuple[Phase, ...] = ("inference", "update")


@dataclass(frozen=True)
class Workload:
    """One kind of work.

    ``phase`` is one forward without gradients (``inference``, the paper's I) or one whole
    training step (``update``, the paper's B).
    """

    phase: Phase
    device: str  # "cpu" or "cuda"
    n_samples: int
    batch: int
    dtype: str  # "float32", "float64", "bfloat16" or "float16"
    threads: int
    seed: int
    runtime: str = "eager"  # a name of bench.runtimes.RUNTIMES
    keeps_pages: bool = False  # the C library's malloc gives no page back to the kernel
    chunk_samples: int | None = None  # of a stream, which ``n_samples`` are cut into
