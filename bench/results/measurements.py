"""What each probe finds: one frozen type for each, raw and in SI base units.

What a machine or device does not tell is None; ``notes`` says why, by the field's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from bench.results.contention import CallContention, Contention
from bench.results.environment import GpuReading
from bench.results.form import Form

Kind = Literal["matmul", "elementwise", "movement", "unknown"]
"""The class of an operator; ``unknown`` is one without a formula."""


@dataclass(frozen=True)
class Result:
    """What a probe found. Every probe has its own kind of it."""


@dataclass(frozen=True)
class ContractCheck(Result):
    """The network keeps the contract; it returned so many estimates."""

    n_src: int


@dataclass(frozen=True)
class ParameterCount(Result):
    """Numbers of parameters, a shared one once, and the bytes of the weights with the buffers."""

    n_params: int
    n_trainable_params: int
    n_buffer_elements: int
    weight_bytes: int


@dataclass(frozen=True)
class Tally:
    """What the calls of one operator add up to."""

    kind: Kind
    calls: int = 0
    macs: int = 0
    flops: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    reason: str = ""  # why an operator of the kind movement has no FLOPs

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.kind,
            self.calls + other.calls,
            self.macs + other.macs,
            self.flops + other.flops,
            self.bytes_read + other.bytes_read,
            self.bytes_written + other.bytes_written,
            self.reason,
        )


@dataclass(frozen=True)
class OperationCount(Result):
    """Multiply-adds and FLOPs of one step, with every operator that ran."""

    macs: int
    flops: int
    operators: Mapping[str, Tally]
    counted_on: str  # "meta", or a device where the network needs data
    is_eager_graph_of_compiled: bool = False

    @property
    def unknown_operators(self) -> dict[str, int]:
        """Calls of the operators that no formula covers, by name."""
        return {
            name: tally.calls for name, tally in self.operators.items() if tally.kind == "unknown"
        }

    def of_kind(self, kind: Kind) -> Tally:
        """The sums over the operators of one class."""
        return sum((t for t in self.operators.values() if t.kind == kind), Tally(kind))


@dataclass(frozen=True)
class MemoryPeaks(Result):
    """Peaks of one warmed step, and where the allocator's goes.

    ``weight_bytes + gradient_bytes + optimiser_bytes + activation_bytes + workspace_bytes ==
    peak_allocated_bytes``, where a ``workspace_bytes`` of None adds nothing.
    """

    peak_allocated_bytes: int
    weight_bytes: int
    gradient_bytes: int
    optimiser_bytes: int
    activation_bytes: int
    minimum_bytes: int | None = None  # that any schedule of the same operators must hold
    minimum_live_bytes: int | None = None
    minimum_traced_on: str | None = None
    floor_rss_bytes: int | None = None  # of the process, on the CPU
    peak_rss_bytes: int | None = None
    growth_rss_bytes: int | None = None
    memory_profiler_bytes: int | None = None
    floor_allocated_bytes: int | None = None  # on CUDA, as all below
    peak_reserved_bytes: int | None = None
    process_bytes: int | None = None
    cold_floor_allocated_bytes: int | None = None  # of the first step: libraries load kernels
    cold_peak_allocated_bytes: int | None = None
    cold_peak_reserved_bytes: int | None = None
    cold_process_bytes: int | None = None
    workspace_bytes: int | None = None  # that cuBLAS keeps from step to step
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LatencyTimes(Result):
    """Every timed call of one process, and what went on around it."""

    times_s: tuple[float, ...]
    first_time_s: float | None = None
    warmup_times_s: tuple[float, ...] = ()
    is_warmup_stable: bool | None = None
    stopped_by: str | None = None  # "budget" or "turns"; in older records others
    parts_s: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of a training step
    host_times_s: tuple[float, ...] | None = None  # where the clock was another, a GPU's events
    contention: CallContention | None = None
    series_contention: Contention | None = None  # of all calls together, before there were turns
    is_series_contended: bool | None = None
    turns: tuple[int, ...] | None = None  # of the round, in which each call was made
    page_faults: tuple[int, ...] | None = None  # minor ones, of each call
    load_s: float | None = None  # building, first call and warm-up
    waited_s: float | None = None  # of the conductor, for quiet moments before these calls
    processor_s: tuple[float, ...] | None = None  # of the whole process, in each call
    form: Form | None = None  # in which another than eager float32 was timed
    thread_gain: float | None = None  # a matrix product's time on one thread over that on all
    cold_cache_times_s: tuple[float, ...] | None = None  # on CUDA, as all below
    gpu_before: GpuReading | None = None
    gpu_during: GpuReading | None = None
    gpu_slowed_by: tuple[str, ...] = ()

    @property
    def latency_s(self) -> float:
        """The median of this process's undisturbed calls, or of all where there are none."""
        return median(self.undisturbed_s or self.times_s)

    @property
    def threads_used(self) -> float | None:
        """Processor time over wall time, the median of the calls; None where it was not taken.

        Where another process interrupts a call between the readings of the two clocks, its other
        threads may spin meanwhile: that call seems to use more of them than there are.
        """
        if not self.processor_s:
            return None
        calls = zip(self.processor_s, self._walls_s, strict=True)
        shares = [used_s / wall_s for used_s, wall_s in calls if wall_s]
        return median(shares) if shares else None

    @property
    def undisturbed_s(self) -> list[float]:
        """The times of the calls during which the counters show nothing else, in their order."""
        return [self.times_s[index] for index in self.undisturbed]

    @property
    def undisturbed(self) -> list[int]:
        """Which calls those are; all where nothing was counted."""
        if self.contention is None:
            return list(range(len(self.times_s)))
        return self.contention.undisturbed(self._walls_s)

    @property
    def calls(self) -> list[Contention]:
        """The contention of each timed call; none where nothing was counted."""
        return [] if self.contention is None else self.contention.calls(self._walls_s)

    @property
    def _walls_s(self) -> tuple[float, ...]:
        return self.times_s if self.host_times_s is None else self.host_times_s


LAUNCH_BOUND_BELOW = 0.5
"""Of a call's time, in which the GPU is busy: with less it waits longer than it works."""


@dataclass(frozen=True)
class Launches(Result):
    """What the host has a GPU do in one warm call, and whether that keeps it busy.

    ``busy_s`` is how long at least one kernel, copy or fill ran in a call under a profiler, and
    ``call_s`` the median time of calls without one. ``replay_s`` is the median of a CUDA graph of
    the call; where there is none, ``replay_status`` and ``replay_reason`` say why.
    """

    call_s: float
    n_launches: int | None = None  # of kernels
    busy_s: float | None = None
    replay_s: float | None = None
    replay_status: str = "skipped"  # a value of Status
    replay_reason: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def busy_share(self) -> float | None:
        """The share of a call in which the GPU is busy; 1 where a profiled call was the slower."""
        return None if self.busy_s is None else min(1.0, self.busy_s / self.call_s)

    @property
    def is_launch_bound(self) -> bool | None:
        """Whether the GPU waits for the host for most of a call."""
        share = self.busy_share
        return None if share is None else share < LAUNCH_BOUND_BELOW


@dataclass(frozen=True)
class ModuleRow:
    """The operations of one module; sums include what is inside it, ``own_*`` do not."""

    path: str  # empty for the network itself
    type: str
    part: str
    n_params: int
    macs: int
    flops: int
    own_macs: int
    own_flops: int
    output_bytes: int
    own_n_params: int | None = None  # not in the records of version 0.1


@dataclass(frozen=True)
class ModuleCounts(Result):
    """Where the operations of a forward go: every module, in the network's order."""

    modules: tuple[ModuleRow, ...]


@dataclass(frozen=True)
class ScalingCounts(Result):
    """Multiply-adds of a forward over lengths and batch sizes, and the line through them."""

    fitted_samples: tuple[int, ...]
    fitted_macs: tuple[int, ...]
    fixed_macs: float
    macs_per_sample: float
    is_on_a_line: bool
    checked_samples: int
    checked_macs: int
    error_at_checked: float
    checked_batch: int
    batch_ratio: float


CauseKind = Literal[
    "bias",  # additions of biases are counted too
    "positions",  # a transposed convolution's weights meet its output positions
    "no matmul",  # work that multiplies no matrices is counted too
    "more",  # beside the matmuls of a layer, something else in it
    "less",  # not all of a layer's matmuls
    "none",  # none of a layer's matmuls
    "no formula",  # an operator is counted as 0
    "groups",  # a grouped convolution's weight gradient is multiplied by its groups
    "formula",  # an operator is counted by another formula
    "data",  # it needs data, and with data other operators run
]


@dataclass(frozen=True)
class Cause:
    """Why a counter's result differs from ours."""

    kind: CauseKind
    where: str  # a type of layer, or an operator; empty where it is neither
    macs: float  # that the counter has more than we have; negative: less


@dataclass(frozen=True)
class CounterResult:
    """What one counter says of one step, or why it says nothing.

    ``causes`` are those that were computed. They need not sum to the whole difference; None where
    nobody looked for any. ``unknown_operators`` ran and are in no count.
    """

    macs: float | None = None
    flops: int | None = None
    elapsed_s: float | None = None
    reason: str = ""
    causes: tuple[Cause, ...] | None = None
    unknown_operators: tuple[str, ...] = ()


@dataclass(frozen=True)
class CounterComparison(Result):
    """Counters by name, of one forward and of one training step."""

    inference: Mapping[str, CounterResult]
    update: Mapping[str, CounterResult]


@dataclass(frozen=True)
class StreamTimes(Result):
    """A mixture that is separated while it arrives, in chunks of one size."""

    chunk_samples: int
    hop_samples: int
    lookahead_samples: int
    latency_samples: int
    state_bytes: int
    macs_per_hop: int
    times_s: tuple[float, ...]  # of each chunk
    contention: Contention | None = None
    is_contended: bool | None = None
