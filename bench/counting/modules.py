"""Sums of operations for every module of a network."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_iter

from bench.counting.counter import OperationCounter, count_bytes
from bench.counting.origins import Origins, evaluated_node
from bench.results.measurements import ModuleRow, Tally


class ModulePath(ExitStack):
    """The path of the module that is running, kept by hooks; and what each module put out.

    In backward it is the module whose forward is differentiated. Left as a context, it takes its
    hooks away.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.stack = [""]
        self.output_bytes: dict[str, int] = {}
        self._origins = Origins[str](model)
        for path, module in model.named_modules():
            self.callback(module.register_forward_pre_hook(self._enter(path)).remove)
            self.callback(module.register_forward_hook(self._leave(path)).remove)

    def current(self) -> str:
        """The innermost module that is running; the network itself is the empty path.

        To be asked while each operator runs: what backward differentiates is noted in forward.
        """
        node = evaluated_node()
        if node is None:
            self._origins.note(self.stack[-1])
            return self.stack[-1]
        owner = self._origins.owner_of(node)
        return (self._origins.of(node._sequence_nr()) or "") if owner is None else owner

    def _enter(self, path: str) -> Callable[..., None]:
        return lambda *_: self.stack.append(path)

    def _leave(self, path: str) -> Callable[..., None]:
        def leave(module: nn.Module, inputs: Any, output: Any) -> None:
            self.stack.pop()
            tensors = (value for value in tree_iter(output) if isinstance(value, Tensor))
            self.output_bytes[path] = self.output_bytes.get(path, 0) + count_bytes(tensors)

        return leave


def part_of(path: str, module: nn.Module) -> str:
    """The part of a separation network that a module's own operations belong to."""
    components = path.split(".")
    if "encoder" in components[:1] or "decoder" in components[:1]:
        return components[0]
    if any("mask_" in component for component in components):
        return "masks"
    if isinstance(module, nn.RNNBase):
        return "recurrent"
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        return "point-wise" if module.groups == 1 else "depth-wise"
    return "point-wise" if isinstance(module, nn.Linear) else "other"


def summarize_modules(
    model: nn.Module, counter: OperationCounter, path: ModulePath
) -> tuple[ModuleRow, ...]:
    """A row for each module in the network's order; sums include what is inside it."""
    own = {place: total_of(tallies.values()) for place, tallies in counter.by_scope.items()}
    nothing = total_of(())
    rows = []
    for name, module in model.named_modules():
        inside = (
            tally
            for place, tally in own.items()
            if name == "" or place == name or place.startswith(f"{name}.")
        )
        total = total_of(inside)
        rows.append(
            ModuleRow(
                path=name,
                type=type(module).__name__,
                part=part_of(name, module),
                n_params=sum(parameter.numel() for parameter in module.parameters()),
                macs=total.macs,
                flops=total.flops,
                own_macs=own.get(name, nothing).macs,
                own_flops=own.get(name, nothing).flops,
                own_n_params=sum(p.numel() for p in module.parameters(recurse=False)),
                output_bytes=path.output_bytes.get(name, 0),
            )
        )
    return tuple(rows)


def total_of(tallies: Iterable[Tally]) -> Tally:
    """The sum of some tallies, of whatever kinds."""
    return sum(tallies, Tally("matmul"))
