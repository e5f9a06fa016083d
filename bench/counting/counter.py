"""Counts operations at the level of ATen operators: whatever runs while a counter is entered."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from bench.counting.attention import ATTENTION_MATMULS, ATTENTION_MORE_FLOPS
from bench.counting.complex_numbers import COMPLEX, MACS, has_complex, lacks_formula
from bench.counting.elementwise import ELEMENTWISE, ELEMENTWISE_CALLS, ZERO_FLOPS
from bench.counting.fourier import FOURIER
from bench.counting.matmul import MATMULS, MORE_FLOPS, Arguments
from bench.counting.multi_tensor import MULTI_TENSOR
from bench.counting.native import NATIVE_MATMULS, NATIVE_MORE_FLOPS
from bench.counting.recurrent import (
    RECURRENT_MATMULS,
    RECURRENT_MORE_FLOPS,
    WholeRecurrentLayers,
)
from bench.results.measurements import Kind, Tally

aten = torch.ops.aten

ALL_MATMULS = MATMULS | ATTENTION_MATMULS | RECURRENT_MATMULS
ALL_MORE_FLOPS = MORE_FLOPS | ATTENTION_MORE_FLOPS | RECURRENT_MORE_FLOPS | NATIVE_MORE_FLOPS
ALL_ELEMENTWISE_CALLS = ELEMENTWISE_CALLS | MULTI_TENSOR | FOURIER
FORMULAS = ALL_MATMULS | NATIVE_MATMULS


class EveryOperator(TorchDispatchMode):
    """Reports every ATen operator that runs, after composite ones were taken apart."""

    def __init__(self, report: Callable[[Any, Any, Any, Any], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.report = report

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is aten.equal.default and is_flag_without_data(args[0]):
            return False
        if kind_of(func) == "unknown":
            # Perhaps a composite operator, which inference mode lets through whole. Function
            # modes are off here: they would send the decomposition back to the operator itself.
            with self, torch._C.DisableTorchFunction():
                decomposed = func.decompose(*args, **kwargs)
            if decomposed is not NotImplemented:
                return decomposed
        out = func(*args, **kwargs)
        self.report(func, args, kwargs, out)
        return out


class NoAutocastWithoutData(TorchFunctionMode):
    """Autocast leaves meta tensors as they are: their bytes would be those of another dtype."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        is_on = torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
        if is_on and any(tensor.is_meta for tensor in _tensors(args)):
            raise NotImplementedError("autocast does not reach tensors without data")
        return func(*args, **(kwargs or {}))


class OperationCounter(ExitStack):
    """Adds up, while it is entered, what runs.

    ``scope`` names where in a network the present operator runs, for sums by place.
    """

    def __init__(self, scope: Callable[[], str] = lambda: "") -> None:
        super().__init__()
        self.scope = scope
        self.by_scope: dict[str, dict[str, Tally]] = {}
        self._is_entered = False

    @property
    def tallies(self) -> dict[str, Tally]:
        """Sums by the operator's name, over all places."""
        merged: dict[str, Tally] = {}
        for tallies in self.by_scope.values():
            for name, tally in tallies.items():
                merged[name] = merged[name] + tally if name in merged else tally
        return merged

    @property
    def macs(self) -> int:
        """Multiply-adds of everything that ran."""
        return sum(tally.macs for tally in self.tallies.values())

    @property
    def flops(self) -> int:
        """FLOPs of everything that ran."""
        return sum(tally.flops for tally in self.tallies.values())

    def __enter__(self) -> Self:
        if self._is_entered:
            raise RuntimeError("this counter is entered already; make another for an inner count")
        self._is_entered = True
        self.enter_context(EveryOperator(self._add_operator))
        self.enter_context(WholeRecurrentLayers())
        self.enter_context(NoAutocastWithoutData())
        return self

    def __exit__(self, *exception: Any) -> bool | None:
        self._is_entered = False
        return super().__exit__(*exception)

    def _add_operator(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        if func.namespace == "profiler":
            return
        here, name = self.by_scope.setdefault(self.scope(), {}), func._overloadpacket.__name__
        tally = count_call(func, args, kwargs, out)
        here[name] = here[name] + tally if name in here else tally


def count_call(func: Any, args: Any, kwargs: Any, out: Any) -> Tally:
    """What one call of an operator costs, from the shapes of what went in and came out."""
    operator = key_of(func)
    if func.is_view:
        return Tally("movement", calls=1, reason="view")
    kind, macs, flops = kind_of(func), 0, 0
    is_complex = has_complex(tree_iter((args, kwargs, out)))
    if operator in FORMULAS:
        call = {**name_arguments(func, args, kwargs), "out": out}
        macs = count_macs(operator, call)
        more = ALL_MORE_FLOPS[operator](call) if operator in ALL_MORE_FLOPS else 0
        flops = 2 * macs + more * (2 if is_complex else 1)
    elif is_complex and operator in COMPLEX:
        flops = COMPLEX[operator]({**name_arguments(func, args, kwargs), "out": out})
    elif is_complex and lacks_formula(operator):
        kind = "unknown"
    elif operator in ALL_ELEMENTWISE_CALLS:
        flops = ALL_ELEMENTWISE_CALLS[operator]({**name_arguments(func, args, kwargs), "out": out})
    elif operator in ELEMENTWISE:
        cost = ELEMENTWISE[operator]
        counted = next(_tensors(tree_iter(out if cost.of == "out" else args)))
        flops = cost.flops * counted.numel()
    return Tally(
        kind,
        1,
        macs,
        flops,
        bytes_read=count_bytes(tree_iter((args, kwargs))),
        bytes_written=count_bytes(tree_iter(_written(func, args, kwargs, out))),
        reason=ZERO_FLOPS.get(operator, ""),
    )


def count_macs(operator: Any, call: Arguments) -> int:
    """Multiply-adds of an operator that is a matrix product, of real numbers."""
    return FORMULAS[operator](call) * (MACS if has_complex(tree_iter(dict(call))) else 1)


def _written(func: Any, args: Any, kwargs: Any, out: Any) -> Any:
    """The result; of an operator that returns nothing, the arguments that it changes."""
    if func._schema.returns:
        return out
    call = name_arguments(func, args, kwargs)
    arguments = func._schema.arguments
    return [call[a.name] for a in arguments if a.alias_info and a.alias_info.is_write]


def key_of(func: Any) -> Any:
    """By what the tables know an operator: itself, or its name where it need not exist."""
    return func._schema.name if func.namespace == "sudormrf" else func._overloadpacket


def kind_of(func: Any) -> Kind:
    """The class of an operator; ``unknown`` is one that no table names."""
    operator = key_of(func)
    if operator in FORMULAS:
        return "matmul"
    if any(operator in table for table in (ELEMENTWISE, ALL_ELEMENTWISE_CALLS, COMPLEX)):
        return "elementwise"
    return "movement" if func.is_view or operator in ZERO_FLOPS else "unknown"


def is_flag_without_data(tensor: Tensor) -> bool:
    """Whether a comparison asks for the truth of a single flag that holds no data.

    So torch's ``istft`` asks whether its windows leave a gap, which it would refuse. On the meta
    device nobody can know; there they leave none.
    """
    return tensor.is_meta and tensor.ndim == 0 and tensor.dtype == torch.bool


def name_arguments(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Arguments:
    """What an operator was called with, by the names of its schema, defaults filled in."""
    named = {
        argument.name: args[index] if index < len(args) else argument.default_value
        for index, argument in enumerate(func._schema.arguments)
    }
    return {**named, **kwargs}


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    return (value for value in values if isinstance(value, Tensor))


def count_bytes(values: Iterable[Any]) -> int:
    """Bytes of the tensors among ``values``, each read or written once; a broadcast axis is one."""
    total = 0
    for tensor in _tensors(values):
        if tensor.is_nested:  # of several lengths, which have no strides
            total += tensor.numel() * tensor.element_size()
            continue
        n_elements = 1
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            n_elements *= size if stride != 0 else min(size, 1)
        total += n_elements * tensor.element_size()
    return total
