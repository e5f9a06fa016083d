"""The theoretical minimum of a step's memory: weights and the largest live set of activations.

One whole step runs, on the meta device where it can, and every ATen operator is noted with the
storages that it reads and writes. A storage is alive from the operator that creates it to the last
one that uses it, autograd's saved tensors thus until backward reads them. The minimum is
the largest sum of bytes alive at one operator, plus the weights and the optimiser's state.

It is what any schedule must hold that runs these operators one by one, in this order, and frees
each result after its last use. It is no bound for one that computes results again instead of
keeping them, fuses operators, works in place where these operators do not, or changes their order.
What an operator needs inside itself (workspace, a recurrent layer's gates, which on the meta
device is one operator) is not counted.
"""

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_iter

from bench.counting.counter import EveryOperator, NoAutocastWithoutData
from bench.counting.recurrent import WholeRecurrentLayers
from bench.measuring.memory.held import count_storage_bytes, find_held
from bench.measuring.memory.known import Known
from bench.measuring.step import Step, prepare_step
from bench.results.workload import Workload

_aten = torch.ops.aten
SHAPE_READERS = frozenset(
    (
        _aten.empty_like,
        _aten.zeros_like,
        _aten.ones_like,
        _aten.full_like,
        _aten.rand_like,
        _aten.randn_like,
        _aten.new_empty,
        _aten.new_empty_strided,
        _aten.new_zeros,
        _aten.new_ones,
        _aten.new_full,
        _aten.is_same_size,
    )
)
"""Operators that look at their arguments' shapes and not at what is in them."""


@dataclass
class Lifetime:
    """A storage: its size, and the operators between which it must exist, both included."""

    n_bytes: int
    first: int
    last: int


class Lifetimes(ExitStack):
    """Notes, while it is entered, when storages are created and last used.

    ``apart`` are tensors that are held throughout and counted elsewhere. What else existed before
    is alive from the first operator to its last use. Views are no use of their own: what reads
    them is.
    """

    def __init__(self, apart: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.n_operators = 0
        self._storages: dict[int, Lifetime] = {}
        self._references: dict[int, StorageWeakRef] = {}  # so that no address comes twice
        self._apart = {self._key(tensor) for tensor in apart}

    def __enter__(self) -> Self:
        super().__enter__()
        self.enter_context(EveryOperator(self._add_operator))
        self.enter_context(WholeRecurrentLayers())
        self.enter_context(NoAutocastWithoutData())
        return self

    def keep(self, result: Any) -> None:
        """What the step returns must exist to its end."""
        self._use(result, first=0, now=max(0, self.n_operators - 1))

    def largest_live_bytes(self) -> int:
        """The most bytes that are alive at one operator."""
        return largest_live_set(self._storages.values())

    def _add_operator(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        if self._is_view(func, (args, kwargs), out) or func.namespace in ("profiler", "prim"):
            return
        now = self.n_operators
        self.n_operators += 1
        if func._overloadpacket not in SHAPE_READERS:
            self._use((args, kwargs), first=0, now=now)
        self._use(out, first=now, now=now)

    def _use(self, values: Any, first: int, now: int) -> None:
        for tensor in tree_iter(values):
            if isinstance(tensor, Tensor):
                key = self._key(tensor)
                if key not in self._apart:
                    lifetime = self._storages.setdefault(key, Lifetime(0, first, now))
                    lifetime.n_bytes = max(lifetime.n_bytes, tensor.untyped_storage().nbytes())
                    lifetime.last = now

    def _is_view(self, func: Any, values: Any, out: Any) -> bool:
        """Whether the result is its argument; ``reshape`` and ``contiguous`` copy where they must.

        Inference mode lets these two through whole.
        """
        if not func.is_view:
            return False
        there = {self._key(t) for t in tree_iter(values) if isinstance(t, Tensor)}
        return all(self._key(t) in there for t in tree_iter(out) if isinstance(t, Tensor))

    def _key(self, tensor: Tensor) -> int:
        """The storage's address, which a weak reference keeps from being given out again."""
        storage = tensor.untyped_storage()
        key: int = storage._cdata
        if key not in self._references:
            self._references[key] = StorageWeakRef(storage)
        return key


def largest_live_set(lifetimes: Iterable[Lifetime]) -> int:
    """The largest sum of bytes over the moments of some lifetimes."""
    changes: dict[int, int] = {0: 0}
    for lifetime in lifetimes:
        changes[lifetime.first] = changes.get(lifetime.first, 0) + lifetime.n_bytes
        changes[lifetime.last + 1] = changes.get(lifetime.last + 1, 0) - lifetime.n_bytes
    return max(accumulate(changes[moment] for moment in sorted(changes)))


def trace_minimum(step: Step) -> Known:
    """The minimum of a step that has run before (Adam has its state), by running it once more."""
    held = find_held(step)
    apart = (*held.weights, *held.optimiser)
    with _eager(), Lifetimes(apart) as lifetimes:
        lifetimes.keep(step.run())
    live = lifetimes.largest_live_bytes()
    return Known(
        {
            "minimum_bytes": count_storage_bytes(apart) + live,
            "minimum_live_bytes": live,
            "minimum_traced_on": step.example.mixture.device.type,
        }
    )


def _eager() -> AbstractContextManager[Any]:
    """A compiled network runs as its eager graph; without one, nothing slow is imported."""
    is_compiler_there = "torch._dynamo" in sys.modules
    return torch.compiler.set_stance("force_eager") if is_compiler_there else nullcontext()


def trace_without_data(build: Callable[[], nn.Module], workload: Workload) -> Known:
    """The minimum of a workload's step, on the meta device; a network that needs data raises."""
    with torch.device("meta"):
        model = build()
    with _eager(), Lifetimes():  # not for what it notes: recurrent layers are quick inside it
        step = prepare_step(model, workload, "meta")
        if step.optimiser is not None:
            step.run()  # gives Adam its state
    return trace_minimum(step)


def measure_minimum(build: Callable[[], nn.Module], workload: Workload, warm: Step) -> Known:
    """The minimum, or a note why it is not known.

    Traced on the meta device, else by running the step, which is ``warm`` already, once more.
    """
    try:
        return trace_without_data(build, workload)
    except Exception:  # whatever a network does that needs data
        try:
            return trace_minimum(warm)
        except Exception as error:  # or does under the mode that traces it
            return Known(notes={"minimum_bytes": f"The step could not be traced: {error}"})
