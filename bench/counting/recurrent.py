"""Recurrent layers on the meta device, whole: torch would run every time step to count one.

While the mode is active, a call of ``torch.lstm`` or its relatives on meta tensors becomes one
operator of this module, whose results have the right shapes and no values, and whose backward
is one operator too. A counter meets them like any other operator.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.counting.matmul import Arguments, gate_flops, rnn_backward_macs, rnn_macs

CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
CALL = ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional",
        "batch_first")  # fmt: skip
"""The arguments of torch.lstm and its relatives; a packed sequence is called with others."""

library = torch.library.Library("separation_bench", "DEF")
for _cell in CELLS:
    library.define(
        f"{_cell}(Tensor data, Tensor[] states, Tensor[] weights, int num_layers) -> Tensor[]"
    )
    library.define(
        f"{_cell}_backward(Tensor data, Tensor[] states, Tensor[] weights, int num_layers, "
        "Tensor[] grads, bool needs_data, bool needs_weights) -> Tensor[]"
    )


def _forward_shapes(
    data: Tensor, states: list[Tensor], weights: list[Tensor], num_layers: int
) -> list[Tensor]:
    n_directions = states[0].shape[0] // num_layers
    output = data.new_empty(*data.shape[:-1], n_directions * states[0].shape[-1])
    return [output, *(torch.empty_like(state) for state in states)]


def _backward_shapes(
    data: Tensor, states: list[Tensor], weights: list[Tensor], *_: object
) -> list[Tensor]:
    return [torch.empty_like(tensor) for tensor in (data, *states, *weights)]


for _cell in CELLS:
    library.impl(_cell, _forward_shapes, "Meta")
    library.impl(f"{_cell}_backward", _backward_shapes, "Meta")


class WholeRecurrentLayers(TorchFunctionMode):
    """Sends recurrent layers on the meta device to the operators above."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name not in CELLS:
            return func(*args, **(kwargs or {}))
        call = dict(zip(CALL, args, strict=False)) | dict(kwargs or {})
        if not call["input"].is_meta or not isinstance(call.get("has_biases"), bool):
            return func(*args, **(kwargs or {}))
        hx = call["hx"]
        states = hx if isinstance(hx, Sequence) else (hx,)
        return _WholeLayer.apply(  # type: ignore[no-untyped-call]
            name, call["num_layers"], len(states), call["input"], *states, *call["params"]
        )


class _WholeLayer(torch.autograd.Function):
    """The operators above, joined to autograd."""

    @staticmethod
    def forward(
        ctx: Any, cell: str, num_layers: int, n_states: int, data: Tensor, *others: Tensor
    ) -> tuple[Tensor, ...]:
        states, weights = others[:n_states], others[n_states:]
        ctx.save_for_backward(data, *others)
        ctx.cell, ctx.num_layers, ctx.n_states = cell, num_layers, n_states
        operator = getattr(torch.ops.separation_bench, cell)
        return tuple(operator(data, states, weights, num_layers))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        data, *others = ctx.saved_tensors
        states, weights = others[: ctx.n_states], others[ctx.n_states :]
        needed = ctx.needs_input_grad[3:]
        operator = getattr(torch.ops.separation_bench, f"{ctx.cell}_backward")
        needs_weights = any(needed[-len(weights) :])
        gradients = operator(data, states, weights, ctx.num_layers, grads, needed[0], needs_weights)
        kept = (g if is_needed else None for g, is_needed in zip(gradients, needed, strict=True))
        return (None, None, None, *kept)


def _steps(call: Arguments) -> int:
    return prod(call["data"].shape[:-1])


def _macs(call: Arguments) -> int:
    return rnn_macs(_steps(call), call["weights"])


def _backward_macs(call: Arguments) -> int:
    n_first = len(call["weights"]) // call["num_layers"]
    needs = call["needs_data"], call["needs_weights"]
    return rnn_backward_macs(_steps(call), call["weights"], n_first, *needs)


def _gates(cell: str) -> Callable[[Arguments], int]:
    def flops(call: Arguments) -> int:
        state = call["states"][-1]  # [num_layers * n_directions, batch, hid_chan]
        has_biases = any(weight.ndim == 1 for weight in call["weights"])
        n_units = _steps(call) * state.shape[0] * state.shape[-1]
        return gate_flops(cell.partition("_")[0], n_units, has_biases)

    return flops


def _twice(flops: Callable[[Arguments], int]) -> Callable[[Arguments], int]:
    """The gates again from what was kept, and their derivatives: about twice the forward."""
    return lambda call: 2 * flops(call)


_ops = torch.ops.separation_bench
RECURRENT_MATMULS: dict[Any, Callable[[Arguments], int]] = {
    **{getattr(_ops, cell): _macs for cell in CELLS},
    **{getattr(_ops, f"{cell}_backward"): _backward_macs for cell in CELLS},
}
RECURRENT_MORE_FLOPS: dict[Any, Callable[[Arguments], int]] = {
    **{getattr(_ops, cell): _gates(cell) for cell in CELLS},
    **{getattr(_ops, f"{cell}_backward"): _twice(_gates(cell)) for cell in CELLS},
}
