"""What a network is asked to do."""

from dataclasses import dataclass, replace
from typing import Literal

from bench.registry import SAMPLE_RATE

Phase = Literal["inference", "update", "gpu_inference"]
PHASES: tuple[Phase, ...] = ("inference", "update")
"""The paper's two, which every run measures."""
GPU_PHASES: tuple[Phase, ...] = (*PHASES, "gpu_inference")
"""Those of a run with a GPU."""

INFERENCE: tuple[Phase, ...] = ("inference", "gpu_inference")
"""A forward alone, wherever it runs."""

INT8 = "int8"
"""Products of 8-bit integers, in runtimes that have them; all else is float32."""
AMP = "amp-"
"""Before a dtype: parameters are float32, and autocast takes the dtype where that does no harm."""


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
    dtype: str  # a name of bench.runtimes.DTYPES
    threads: int
    seed: int
    runtime: str = "eager"  # a name of bench.runtimes.RUNTIMES
    keeps_pages: bool = False  # the C library's malloc gives no page back to the kernel
    gives_pages_back: bool = False  # it gives back every large block that is freed
    chunk_samples: int | None = None  # of a stream, which ``n_samples`` are cut into
    tf32: bool = False  # on a GPU, factors of float32 products may be rounded to 10 bits
    sample_rate: int = SAMPLE_RATE  # Hz, of the network's own audio

    def at(self, sample_rate: int) -> "Workload":
        """The same duration of audio at another rate."""
        n_samples = self.n_samples * sample_rate // self.sample_rate
        return replace(self, n_samples=n_samples, sample_rate=sample_rate)

    @property
    def duration_s(self) -> float:
        """Of one mixture."""
        return self.n_samples / self.sample_rate

    @property
    def autocast_dtype(self) -> str | None:
        """The shorter type that autocast may take; None without autocast."""
        return self.dtype.removeprefix(AMP) if self.dtype.startswith(AMP) else None

    @property
    def parameter_dtype(self) -> str:
        """Of parameters and input."""
        return "float32" if self.autocast_dtype or self.dtype == INT8 else self.dtype

    @property
    def is_compared(self) -> bool:
        """Whether the network is in another form than that of Table 1, and is held against it."""
        is_plain = (self.runtime, self.dtype) == ("eager", "float32")
        return self.phase in INFERENCE and not is_plain

    @property
    def precision(self) -> str:
        """The dtype, and on a GPU what its float32 means, in words."""
        if self.device != "cuda" or self.parameter_dtype != "float32":
            return self.dtype
        return f"{self.dtype}, TF32 {'on' if self.tf32 else 'off'}"


def phases_of(update_device: str) -> tuple[Phase, ...]:
    """The phases of a run, whose training step is on ``cpu`` or ``cuda``."""
    return GPU_PHASES if update_device == "cuda" else PHASES
