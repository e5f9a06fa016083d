"""How a recording is separated: in what chunks, and to which levels."""

from dataclasses import dataclass

from bench.errors import UsageError
from bench.evaluation.consistency import Consistency
from bench.registry import SAMPLE_RATE

CHUNK_S = 8.0
OVERLAP = 0.25  # of a chunk
MIN_CHUNK_S = 1.0


@dataclass(frozen=True)
class SeparationSettings:
    """How a recording is separated.

    Raises:
        UsageError: the chunks are shorter than a second, or overlap by nothing or more than half.
    """

    chunk_s: float = CHUNK_S  # what the network hears at once; infinite for all of a recording
    consistency: Consistency = "gain"
    overlap: float = OVERLAP  # of a chunk with the next, up to a half

    def __post_init__(self) -> None:
        if not self.chunk_s >= MIN_CHUNK_S:
            raise UsageError(f"--chunk-s must be at least {MIN_CHUNK_S:g}, not {self.chunk_s:g}.")
        if not 0 < self.overlap <= 0.5:
            raise UsageError(f"Chunks overlap by more than 0 and up to 0.5, not {self.overlap:g}.")

    def n_chunk(self, duration_s: float) -> int:
        """Samples of a chunk; one chunk holds a recording that is no longer."""
        return round(min(self.chunk_s, duration_s + 1) * SAMPLE_RATE)
