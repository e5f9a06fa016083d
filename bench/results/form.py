"""A network in another form, and how near its estimates come to those of eager float32.

Both measures are over estimates of recorded speech that the form has not been made with:
the largest difference over the largest value of the reference, and SI-SDR of one against the other.
"""

from dataclasses import dataclass

from bench.results.workload import AMP


@dataclass(frozen=True)
class Parity:
    """How far two estimates of the same mixtures are apart."""

    max_relative_error: float
    si_sdr_db: float  # the lowest of all estimates
    si_sdr_loss_db: float  # against the recorded sources, by the mean; says much of trained weights


@dataclass(frozen=True)
class Limit:
    """What a form must keep to."""

    max_relative_error: float
    si_sdr_db: float


FLOAT32, SHORT_FLOAT, INTEGER = Limit(1e-3, 60.0), Limit(0.1, 25.0), Limit(0.5, 10.0)
LIMITS = {
    "float64": FLOAT32,
    "float32": FLOAT32,
    "bfloat16": SHORT_FLOAT,
    "float16": SHORT_FLOAT,
    "int8": INTEGER,
}
"""For each precision. Rounding alone moves deep recurrent networks by some 1e-4 in float32."""
MOST_THREADS = 1.1
"""Processor time over wall time, for each thread that was asked for."""


def limit_of(dtype: str) -> Limit:
    """The limit of a precision, with autocast or without."""
    return LIMITS[dtype.removeprefix(AMP)]


def judge(parity: Parity, dtype: str) -> str:
    """What is wrong with a form, as a sentence; empty where it computes what the network does."""
    limit = limit_of(dtype)
    is_near = parity.max_relative_error <= limit.max_relative_error
    if is_near and parity.si_sdr_db >= limit.si_sdr_db:
        return ""
    return (
        f"Its estimates differ from those of eager float32 by {parity.max_relative_error:.1e} of "
        f"the largest value (allowed in {dtype}: {limit.max_relative_error:.0e}), at an SI-SDR of "
        f"{parity.si_sdr_db:.0f} dB (at least {limit.si_sdr_db:.0f} dB)."
    )


@dataclass(frozen=True)
class Form:
    """What a network was made into; None is not known, or nothing of that kind.

    ``preparation_s`` leads from the network to a form that takes its first call; that call is not
    in it. ``peak_rss_bytes`` is the process's peak in a warm call, what the preparation has loaded
    included; ``device_bytes`` is what it holds on a GPU after one, CUDA's own included.
    """

    version: str
    precision: str
    waiting: str
    preparation_s: float
    parity: Parity
    file_bytes: int | None = None
    any_length: bool | None = None
    peak_rss_bytes: int | None = None
    device_bytes: int | None = None

    @property
    def memory_bytes(self) -> int | None:
        """Of the process, where the network runs."""
        return self.peak_rss_bytes if self.device_bytes is None else self.device_bytes
