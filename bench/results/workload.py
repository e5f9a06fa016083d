"""What a network is asked to do."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["inference", "update", "gpu_inference"]
PHASES: tuple[Phase, ...] = ("inference", "update")
"""The paper's two, which every run measures."""
GPU_PHASES: tuple[Phase, ...] = (*PHASES, "gpu_inference")
"""Those of a run with a GPU."""


@dataclass(frozen=True)
class Workload:
    """One kind of work.

    ``phase`` is one forward without gradients on the CPU (``inference``, the paper's I) or on a GPU
    (``gpu_inference``), or one whole training step (``update``, the paper's B) on ``device``.
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


def phases_of(update_device: str) -> tuple[Phase, ...]:
    """The phases of a run, whose training step is on ``cpu`` or ``cuda``."""
    return GPU_PHASES if update_device == "cuda" else PHASES
