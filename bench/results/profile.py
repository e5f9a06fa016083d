"""Where the time and the memory of one step go: what the probe ``profile`` finds.

Everything is told by rows. A row is a place in a step: all runs of one operator, called by one line
of a network's source, in one module, in one part of the step. What passes between operators
(Python, the dispatch of operators, autograd's engine) has rows of its own, without an operator.
"""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from bench.results.contention import CallContention
from bench.results.measurements import Kind, Result

BETWEEN = ""
"""In the place of an operator's name: what passes between operators."""


@dataclass(frozen=True)
class Place:
    """Where in a step something runs.

    In backward, module and line are those of the forward operator that is differentiated. They are
    empty for what belongs to none: the loss, the optimiser, the network itself.
    """

    part: str  # of a training step, or "forward"
    module: str  # its path in the network
    operator: str  # ATen's name, or BETWEEN
    line: str  # of the source, as "models/sudormrf.py:130"


@dataclass(frozen=True)
class ProfileRow:
    """What one place costs in one step; a time for each step that was profiled."""

    place: Place
    times_s: tuple[float, ...]
    kind: Kind = "movement"
    calls: int = 0  # of the operator
    macs: int = 0
    flops: int = 0
    bytes_read: int = 0
    bytes_written: int = 0


@dataclass(frozen=True)
class ProfiledModule:
    """One module of the network, in the network's order."""

    path: str  # empty for the network itself
    type: str
    n_params: int  # its own, without those of modules inside it


@dataclass(frozen=True)
class Block:
    """One piece of memory that the step's allocator handed out, and the operators of its life.

    Operators are numbers in ``MemoryTimeline.rows``. ``died`` is None where it outlives the step.
    """

    n_bytes: int
    born: int
    died: int | None


@dataclass(frozen=True)
class MemoryTimeline:
    """Every allocation of one step, in order.

    ``rows`` are the rows of the operators in the order in which they ran. Number k of ``changes``
    is the block that is handed out (its number from 1) or given back (the same, negative) at that
    moment, while or after operator ``moments[k]`` ran.
    """

    before_bytes: int  # held before the step: weights, the optimiser's state, the example
    rows: tuple[int, ...]
    block_bytes: tuple[int, ...]
    changes: tuple[int, ...]
    moments: tuple[int, ...]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks in the order in which they were handed out."""
        born: dict[int, int] = {}
        died: dict[int, int] = {}
        for change, moment in zip(self.changes, self.moments, strict=True):
            (born if change > 0 else died)[abs(change) - 1] = moment
        return tuple(
            Block(n_bytes, born[number], died.get(number))
            for number, n_bytes in enumerate(self.block_bytes)
        )

    @cached_property
    def live_bytes(self) -> tuple[int, ...]:
        """What is alive after each change, with what was held before the step."""
        deltas = (
            self.block_bytes[abs(change) - 1] * (1 if change > 0 else -1) for change in self.changes
        )
        return tuple(accumulate(deltas, initial=self.before_bytes))[1:]

    @property
    def peak_bytes(self) -> int:
        """The most that is alive at one moment."""
        return max(self.live_bytes, default=self.before_bytes)

    @property
    def peak_change(self) -> int | None:
        """The change after which so much is alive for the first time; None of no change."""
        return self.live_bytes.index(self.peak_bytes) if self.changes else None

    def alive_after(self, change: int) -> list[int]:
        """The numbers of the blocks that are alive after a change."""
        alive: dict[int, None] = {}
        for changed in self.changes[: change + 1]:
            if changed > 0:
                alive[changed - 1] = None
            else:
                del alive[-changed - 1]
        return list(alive)

    def fullest_change_of_each_operator(self) -> Iterator[tuple[int, int]]:
        """Each operator during which something changes, with the change after which most is alive.

        Operators are numbers in ``rows``.
        """
        fullest: dict[int, int] = {}
        for change, (moment, live) in enumerate(zip(self.moments, self.live_bytes, strict=True)):
            if moment not in fullest or live > self.live_bytes[fullest[moment]]:
                fullest[moment] = change
        yield from sorted(fullest.items())


@dataclass(frozen=True)
class SavedTensor:
    """Memory that autograd keeps from forward to backward."""

    n_bytes: int
    made_by: int | None  # the row of the operator that made it; None: it was there before the step
    kept_for: tuple[int, ...]  # the rows of the forward operators whose gradients need it


@dataclass(frozen=True)
class MachineRates:
    """What this process reaches where nothing else limits it: the floor that times stand on."""

    product_flops_per_s: float  # of a matrix product
    copy_bytes_per_s: float  # read and written, of a copy that fits into no cache


@dataclass(frozen=True)
class Profile(Result):
    """Where the time and the memory of a warm step go.

    Times were taken with torch's profiler at work (``rows``, ``profiled_times_s``), calls
    without it in between (``plain_times_s``): number k of the one was made right before number k
    of the other. On a GPU the times of rows are those of its kernels.
    """

    rows: tuple[ProfileRow, ...]
    modules: tuple[ProfiledModule, ...]
    memory: MemoryTimeline
    saved: tuple[SavedTensor, ...]
    plain_times_s: tuple[float, ...]
    profiled_times_s: tuple[float, ...]
    rates: MachineRates
    peak_allocated_bytes: int  # the allocator's, of a step without markers
    defined_macs: int  # of the layers as they are defined, as Table 1 has them
    defined_flops: int
    plain_contention: CallContention | None = None
    profiled_contention: CallContention | None = None

    @property
    def macs(self) -> int:
        """As it ran: a layer may be computed in another form than the one it is defined by."""
        return sum(row.macs for row in self.rows)

    @property
    def flops(self) -> int:
        """Likewise."""
        return sum(row.flops for row in self.rows)

    @property
    def undisturbed(self) -> list[int]:
        """The profiled steps that count: during which nothing else ran, or all if too few."""
        calm = self._calm
        return calm if len(calm) >= MIN_STEPS else list(range(len(self.profiled_times_s)))

    @property
    def n_disturbed(self) -> int:
        """Profiled steps during which the kernel's counters show other work."""
        return len(self.profiled_times_s) - len(self._calm)

    @property
    def _calm(self) -> list[int]:
        if self.profiled_contention is None:
            return list(range(len(self.profiled_times_s)))
        return self.profiled_contention.undisturbed(self.profiled_times_s)

    def attributed_s(self, step: int) -> float:
        """What the rows of one profiled step add up to."""
        return sum(row.times_s[step] for row in self.rows)


@dataclass(frozen=True)
class StepTrace(Result):
    """What torch's profiler recorded of one step, for Perfetto or chrome://tracing."""

    gzip_base64: str

    @property
    def packed(self) -> bytes:
        """The bytes of a file ``*.json.gz``."""
        return b64decode(self.gzip_base64)


MIN_STEPS = 3
"""Undisturbed ones; of fewer there is no interval."""
