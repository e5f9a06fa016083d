"""The operators of one step in their order: what each costs, where it runs, what autograd keeps.

A pass of its own, of which no time is taken: every operator goes through Python. Backward's
operators are traced to the forward operator that they differentiate by autograd's numbers: a node
has the number that is current when its forward operator is about to run.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_iter

from bench.counting.counter import EveryOperator, count_call
from bench.counting.modules import ModulePath
from bench.counting.origins import Origins, evaluated_node, newest_node
from bench.measuring.memory.held import find_held
from bench.measuring.profiling.source import find_line
from bench.measuring.step import PARTS, Step
from bench.results.measurements import Tally
from bench.results.profile import Place

NO_EVENT = ("profiler", "prim")
"""Namespaces of operators that torch's profiler does not record."""


@dataclass(frozen=True)
class OperatorRun:
    """One run of an operator; ``name`` is what torch's profiler calls it."""

    name: str
    place: Place
    tally: Tally

    @property
    def computes(self) -> bool:
        """Whether it does more than to move, fill or look at data."""
        return self.tally.kind != "movement"

    def called(self, name: str) -> "OperatorRun":
        """The same work by an operator of another name."""
        if name == self.name:
            return self
        operator = name.rpartition("::")[2]
        return replace(self, name=name, place=replace(self.place, operator=operator))


@dataclass
class Kept:
    """A storage that autograd keeps: its size, who made it, and the runs that need it again."""

    n_bytes: int
    made_by: int | None
    kept_for: list[int] = field(default_factory=list)


@dataclass
class Trace:
    """What one step ran; ``origins`` are the runs of forward by autograd's nodes."""

    origins: Origins[int]
    runs: list[OperatorRun] = field(default_factory=list)
    kept: dict[int, Kept] = field(default_factory=dict)  # by storage
    skipped: set[int] = field(default_factory=set)  # runs that a profiled step does without

    def module_of(self, sequence: int | None) -> str | None:
        """The module whose operator an autograd node differentiates; None where none is known."""
        run = self.origins.of(sequence)
        return None if run is None else self.runs[run].place.module


def parts_of(step: Step) -> Sequence[str]:
    """The parts that a step marks the ends of, and the last."""
    return ("forward",) if step.optimiser is None else PARTS


def trace_step(step: Step) -> Trace:
    """Run a warm step once, operator by operator."""
    tracer = _Tracer(step)
    with ExitStack() as stack:
        path = stack.enter_context(ModulePath(step.model))
        tracer.module = path.current
        stack.enter_context(EveryOperator(tracer.add))
        stack.enter_context(torch.autograd.graph.saved_tensors_hooks(tracer.keep, _as_it_is))
        step.run(tracer.next_part)
    return tracer.trace


class _Tracer:
    """Notes each operator as it runs, and each tensor that autograd keeps."""

    def __init__(self, step: Step) -> None:
        self.trace = Trace(Origins(step.model))
        self.module: Callable[[], str] = str
        self._parts = iter(parts_of(step))
        self._part = next(self._parts)
        held = find_held(step)
        self._held = {_key(one) for one in (*held.weights, *held.optimiser, *held.example)}
        self._makers: dict[int, int] = {}
        self._references: dict[int, StorageWeakRef] = {}  # so that no address comes twice

    def next_part(self) -> None:
        """The step's part has ended."""
        self._part = next(self._parts)

    def add(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        """One operator has run."""
        if func.namespace in NO_EVENT:
            return
        number = len(self.trace.runs)
        place = self._place(func._overloadpacket.__name__, number)
        tally = count_call(func, args, kwargs, out)
        self.trace.runs.append(OperatorRun(func._schema.name, place, tally))
        for tensor in _tensors(out):
            self._makers.setdefault(self._refer(tensor), number)

    def keep(self, tensor: Tensor) -> Tensor:
        """Autograd keeps a tensor for the node that was made last."""
        key = self._refer(tensor)
        if key not in self._held:
            n_bytes = tensor.untyped_storage().nbytes()
            kept = self.trace.kept.setdefault(key, Kept(n_bytes, self._makers.get(key)))
            run = self.trace.origins.of(newest_node())
            kept.kept_for.append(len(self.trace.runs) if run is None else run)
        return tensor

    def _place(self, operator: str, number: int) -> Place:
        node, origins = evaluated_node(), self.trace.origins
        if node is None:
            origins.note(number)
            module = self.module() if self._part == "forward" else ""
            return Place(self._part, module, operator, find_line())
        owner = origins.owner_of(node)
        if owner is not None:
            return Place(self._part, owner, operator, "")
        forward = origins.of(node._sequence_nr())
        if forward is None:
            return Place(self._part, "", operator, "")
        origin = self.trace.runs[forward].place
        return Place(self._part, origin.module, operator, origin.line)

    def _refer(self, tensor: Tensor) -> int:
        key = _key(tensor)
        if key not in self._references:
            self._references[key] = StorageWeakRef(tensor.untyped_storage())
        return key


def _key(tensor: Tensor) -> int:
    key: int = tensor.untyped_storage()._cdata
    return key


def _tensors(values: Any) -> Iterable[Tensor]:
    return (value for value in tree_iter(values) if isinstance(value, Tensor))


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor
