"""Recurrent layers on the meta device, whole: torch would run every time step to count one.

While the mode is active, a call of ``torch.lstm`` or its relatives on meta tensors yields
results of the right shape at once and reports what it would have cost, forward and backward.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.measure.probes.products import GATE_FLOPS, rnn_backward_macs, rnn_macs

N_STATES = {"lstm": 2, "gru": 1, "rnn_tanh": 1, "rnn_relu": 1}

Report = Callable[[str, int, int, Sequence[Tensor], Sequence[Tensor]], None]
"""Told of one call: operator, multiply-adds, further FLOPs, what it read, what it wrote."""


class WholeRecurrentLayers(TorchFunctionMode):
    """Replaces recurrent layers on the meta device by their shapes and a report."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        # A packed sequence has tensors where the flag of the biases would be.
        if name not in N_STATES or not args[0].is_meta or not isinstance(args[3], bool):
            return func(*args, **(kwargs or {}))
        data, states, weights, _, num_layers, _, _, _, batch_first = args
        states = states if isinstance(states, Sequence) else (states,)
        return _ShapesOnly.apply(  # type: ignore[no-untyped-call]
            self.report, name, num_layers, batch_first, len(states), data, *states, *weights
        )


class _ShapesOnly(torch.autograd.Function):
    """Results and gradients of a recurrent layer without values."""

    @staticmethod
    def forward(
        ctx: Any,
        report: Report,
        name: str,
        num_layers: int,
        batch_first: bool,
        n_states: int,
        data: Tensor,
        *states_and_weights: Tensor,
    ) -> tuple[Tensor, ...]:
        states, weights = states_and_weights[:n_states], states_and_weights[n_states:]
        n_directions = states[0].shape[0] // num_layers
        output = data.new_empty(*data.shape[:-1], n_directions * states[0].shape[-1])
        results = (output, *(torch.empty_like(state) for state in states))
        ctx.save_for_backward(data, *states_and_weights)
        ctx.report, ctx.name, ctx.num_layers, ctx.n_states = report, name, num_layers, n_states
        n_steps = prod(data.shape[:-1])
        gates = n_steps * _gate_flops(name, states[-1], num_layers)
        report(name, rnn_macs(n_steps, weights), gates, (data, *states_and_weights), results)
        return results

    @staticmethod
    def backward(ctx: Any, *grad_results: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        data, weights = saved[0], saved[1 + ctx.n_states :]
        needed = ctx.needs_input_grad[5:]
        n_steps = prod(data.shape[:-1])
        macs = rnn_backward_macs(
            n_steps,
            weights,
            len(weights) // ctx.num_layers,
            needed[0],
            any(needed[-len(weights) :]),
        )
        # The gates again from what was kept, and their derivatives: about twice the forward.
        gates = 2 * n_steps * _gate_flops(ctx.name, saved[ctx.n_states], ctx.num_layers)
        gradients = [
            torch.empty_like(tensor) if is_needed else None
            for tensor, is_needed in zip(saved, needed, strict=True)
        ]
        written = [gradient for gradient in gradients if gradient is not None]
        ctx.report(f"{ctx.name}_backward", macs, gates, (*saved, *grad_results), written)
        return (None, None, None, None, None, *gradients)


def _gate_flops(name: str, state: Tensor, num_layers: int) -> int:
    """Further FLOPs of one step: ``state`` is ``[num_layers * n_directions, batch, hid_chan]``."""
    return GATE_FLOPS[name.partition("_")[0]] * state.shape[0] * state.shape[-1]
