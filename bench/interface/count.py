"""Exact counts of any torch module, in the process that asks for them."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from bench.counting.counter import OperationCounter
from bench.counting.modules import ModulePath, summarize_modules, total_of
from bench.errors import UsageError
from bench.measuring.contract import as_defined, has_lazy_layers
from bench.results.measurements import ModuleRow, Tally
from bench.units import format_si

Loss = Callable[[Any], Tensor]
"""From a module's output to a tensor with one element."""
Optimiser = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
"""From parameters to an optimiser of them, such as ``torch.optim.Adam``."""


@dataclass(frozen=True)
class Count:
    """What one forward or one training step of a module costs.

    A multiply-add is one MAC and two FLOPs. Bytes are those of every operator's tensors, each read
    or written once. Operators without a formula are in no sum of ``macs`` or ``flops``.
    """

    macs: int
    flops: int
    bytes_read: int
    bytes_written: int
    by_module: tuple[ModuleRow, ...]  # in the module's order; sums include what is inside
    by_operator: Mapping[str, Tally]

    @property
    def unknown_operators(self) -> dict[str, int]:
        """Calls of the operators that no formula covers, by name."""
        return {name: t.calls for name, t in self.by_operator.items() if t.kind == "unknown"}

    def __str__(self) -> str:
        read, written = format_si(self.bytes_read, "B"), format_si(self.bytes_written, "B")
        costs = f"{format_si(self.macs, 'MAC')}, {format_si(self.flops, 'FLOP')}"
        lines = [f"{costs}, {read} read, {written} written"]
        lines += [
            f"  {row.path} ({row.type}): {format_si(row.macs, 'MAC')}"
            for row in self.by_module
            if row.path and "." not in row.path
        ]
        if unknown := self.unknown_operators:
            lines.append(f"  without a formula: {', '.join(sorted(unknown))}")
        return "\n".join(lines)


def count(
    module: nn.Module,
    *inputs: object,
    loss: Loss | None = None,
    optimiser: Optimiser | None = None,
) -> Count:
    """The exact operations of ``module(*inputs)``, in the training mode that the module is in.

    Without ``loss``, of one forward without gradients; with it, of forward, loss and backward; with
    ``optimiser`` of its step too, after an uncounted step that makes its state. All run on a deep
    copy, where the module and the inputs are: on ``meta`` nothing is computed. Module, inputs and
    torch's random state stay as they are. Layers are counted as they are defined, whatever equal
    form the module computes them in.

    Raises:
        UsageError: the module can't be copied or holds TorchScript, the loss is no scalar or has no
            gradient, or there is an optimiser without a loss.
        Exception: what the module itself raises.
    """
    if optimiser is not None and loss is None:
        raise UsageError("An optimiser needs gradients: give count() a loss too.")
    with _random_state_kept(), _as_eager_graph(), torch.inference_mode(False):
        copy = as_defined(_copy(module))
        data = tree_map_only(Tensor, _copy_tensor, inputs)
        if loss is None:
            return _count_forward(copy, data)
        with _gradients_kept(module), torch.enable_grad():
            return _count_step(copy, data, loss, optimiser)


@torch.no_grad()
def _count_forward(module: nn.Module, inputs: tuple[Any, ...]) -> Count:
    _give_lazy_layers_their_shapes(module, inputs)
    return _counted(module, lambda: module(*inputs))


def _count_step(
    module: nn.Module, inputs: tuple[Any, ...], loss: Loss, make: Optimiser | None
) -> Count:
    _give_lazy_layers_their_shapes(module, inputs)
    optimiser = make([p for p in module.parameters() if p.requires_grad]) if make else None

    def run() -> None:
        _require_scalar(loss(module(*inputs))).backward()
        if optimiser is not None:
            optimiser.step()

    if optimiser is not None:
        run()
    for tensor in (*module.parameters(), *_tensors(inputs)):
        tensor.grad = None
    return _counted(module, run)


def _counted(module: nn.Module, run: Callable[[], object]) -> Count:
    with closing(ModulePath(module)) as path, OperationCounter(path.current) as counter:
        run()
    tallies = dict(sorted(counter.tallies.items()))
    total = total_of(tallies.values())
    return Count(
        macs=total.macs,
        flops=total.flops,
        bytes_read=total.bytes_read,
        bytes_written=total.bytes_written,
        by_module=summarize_modules(module, counter, path),
        by_operator=tallies,
    )


def _require_scalar(loss: object) -> Tensor:
    if not isinstance(loss, Tensor):
        raise UsageError(f"The loss must be a scalar tensor, and it is a {type(loss).__name__}.")
    if loss.numel() != 1:
        raise UsageError(
            f"The loss must be a scalar tensor, and it is one of shape {list(loss.shape)}: take "
            "its mean, say."
        )
    if not loss.requires_grad:
        raise UsageError(
            "The loss has no gradient: the module has no parameters to train, or the loss does not "
            "depend on them."
        )
    return loss


def _copy(module: nn.Module) -> nn.Module:
    """A deep copy without gradients.

    Raises:
        UsageError: it can't be copied, or a part of it can't be watched.
    """
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise UsageError(
            f"{type(module).__name__} holds TorchScript, whose parts can't be told apart: count "
            "the module that it was made from."
        )
    computed = (
        value
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, Tensor) and not value.is_leaf
    )  # weights that a hook computes before each forward, which torch would refuse to copy
    try:
        copy = deepcopy(module, {id(tensor): tensor.detach().clone() for tensor in computed})
    except Exception as error:
        raise UsageError(
            f"{type(module).__name__} can't be copied ({error}). It is counted on a copy, so that "
            "it stays as it is: take what can't be copied out of it."
        ) from error
    copy.zero_grad(set_to_none=True)
    return copy


def _copy_tensor(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


def _tensors(inputs: tuple[Any, ...]) -> list[Tensor]:
    found: list[Tensor] = []
    tree_map_only(Tensor, found.append, inputs)
    return found


def _give_lazy_layers_their_shapes(module: nn.Module, inputs: tuple[Any, ...]) -> None:
    if has_lazy_layers(module):
        with torch.no_grad():
            module(*inputs)


def _random_state_kept() -> AbstractContextManager[None]:
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    return torch.random.fork_rng(devices)


def _as_eager_graph() -> AbstractContextManager[object]:
    """A compiled module's; nothing is compiled where torch's compiler was never loaded."""
    is_loaded = "torch._dynamo" in sys.modules
    return torch.compiler.set_stance("force_eager") if is_loaded else nullcontext()


@contextmanager
def _gradients_kept(module: nn.Module) -> Iterator[None]:
    """Also where the loss depends on the module itself, and not on its copy alone."""
    gradients = [(parameter, parameter.grad) for parameter in module.parameters()]
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient
