"""What this machine reaches at the shapes of one network: what the probe ``ceilings`` finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.results.contention import CallContention
from bench.results.measurements import Result


@dataclass(frozen=True)
class RepeatedTimes:
    """Timed runs of one piece of work, each of ``repeats`` calls one after another."""

    repeats: int
    walls_s: tuple[float, ...]  # of whole runs
    contention: CallContention | None = None

    @property
    def undisturbed_s(self) -> list[float]:
        """Seconds of one call, of each run during which nothing else ran."""
        if self.contention is None:
            return [wall_s / self.repeats for wall_s in self.walls_s]
        return [
            self.walls_s[run] / self.repeats for run in self.contention.undisturbed(self.walls_s)
        ]

    @property
    def call_s(self) -> float:
        """The median of the undisturbed runs, or of all where there are none."""
        return median(self.undisturbed_s or [wall_s / self.repeats for wall_s in self.walls_s])


@dataclass(frozen=True)
class ProductShape:
    """``groups`` products at once of factors ``[m, k]`` and ``[k, n]``."""

    m: int
    k: int
    n: int
    groups: int = 1

    @property
    def macs(self) -> int:
        """Multiply-adds of all groups together."""
        return self.groups * self.m * self.k * self.n


@dataclass(frozen=True)
class ProductCeiling:
    """A product at a shape that occurs ``calls`` times in a step."""

    shape: ProductShape
    calls: int
    times: RepeatedTimes

    @property
    def total_s(self) -> float:
        """Of all its calls in a step."""
        return self.calls * self.times.call_s


@dataclass(frozen=True)
class PeakCeiling:
    """A product of two large square matrices, which fit into a cache."""

    dtype: str
    size: int
    times: RepeatedTimes

    @property
    def flops(self) -> int:
        """Of one call."""
        return 2 * self.size**3


@dataclass(frozen=True)
class BandwidthCeiling:
    """Moving data that stand in ``n_bytes`` of memory, all of which one call moves."""

    work: str  # "copy": half is read and half written; "read": a dot product
    n_bytes: int
    times: RepeatedTimes


@dataclass(frozen=True)
class Ceilings(Result):
    """One process's ceilings, and what a network's step asks of them.

    ``macs`` and ``bytes_moved`` are of the step as torch's operators run it. ``compulsory_bytes``
    are the weights, the mixture and the estimates, each moved once.
    """

    dtype: str  # of the products
    macs: int
    bytes_moved: int
    compulsory_bytes: int
    products: tuple[ProductCeiling, ...]
    peaks: tuple[PeakCeiling, ...]
    bandwidths: tuple[BandwidthCeiling, ...]

    @property
    def products_s(self) -> float:
        """The products that occur, one after another."""
        return sum(product.total_s for product in self.products)

    @property
    def compulsory_s(self) -> float:
        """The compulsory bytes at a rate that they can't exceed.

        Data that fit into a cache move faster than those that do not, so the rate is that of the
        largest of the measured sizes that is no larger than they are.
        """
        sizes = [one.n_bytes for one in self.bandwidths]
        size = max((n for n in sizes if n <= self.compulsory_bytes), default=min(sizes))
        return self.compulsory_bytes * fastest(self.bandwidths, size).times.call_s / size

    @property
    def floor_s(self) -> float:
        """The longer of the two: no step of these products and bytes is shorter."""
        return max(self.products_s, self.compulsory_s)

    @property
    def other_macs(self) -> int:
        """Multiply-adds that are part of no product of matrices: of depth-wise convolutions."""
        return self.macs - sum(product.calls * product.shape.macs for product in self.products)

    @property
    def n_undisturbed(self) -> int:
        """Undisturbed runs that each part of the floor has at least."""
        parts = [*(product.times for product in self.products)]
        parts += [one.times for one in self.bandwidths]
        return min(len(times.undisturbed_s) for times in parts)


def fastest(bandwidths: Sequence[BandwidthCeiling], n_bytes: int) -> BandwidthCeiling:
    """The faster of the ways to move data of one size."""
    return min((one for one in bandwidths if one.n_bytes == n_bytes), key=_call_s)


def _call_s(bandwidth: BandwidthCeiling) -> float:
    return bandwidth.times.call_s
