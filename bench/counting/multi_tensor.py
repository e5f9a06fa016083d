"""FLOPs of operators on lists of tensors, with which an optimiser makes its step on a GPU.

``_foreach_add_`` does to each tensor of a list what ``add_`` does to one, and so costs what that
many calls of it do. ``_fused_adam_`` is a whole step of Adam in one operator, and costs what the
step does that torch makes tensor by tensor. Both are counted by the rules of ``elementwise``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from bench.counting.elementwise import ELEMENTWISE, Formula

aten = torch.ops.aten

ADAM_FLOPS = 13
"""For each parameter: lerp_ 3 of the first moment; mul_ 1 and addcmul_ 3 of the second; its root 1,
divided 1, with eps added 1; addcdiv_ 3. The count of steps is an operator apart."""


def _n_elements(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _in_each(flops: int) -> Formula:
    """So many FLOPs for each element of the list; of a number to some powers, of these."""

    def count(call: Mapping[str, Any]) -> int:
        tensors = call["self"] if isinstance(call["self"], list | tuple) else call["exponent"]
        return flops * _n_elements(tensors)

    return count


def _fused_adam(call: Mapping[str, Any]) -> int:
    """A step, with what its options add: weight decay, a maximum, a sign, and unscaling."""
    more = (
        (call["weight_decay"] != 0)
        + call["amsgrad"]
        + call["maximize"]
        + (call["grad_scale"] is not None)
    )
    return int((ADAM_FLOPS + more) * _n_elements(call["self"]))


_SINGLE = {operator.__name__.rstrip("_"): cost.flops for operator, cost in ELEMENTWISE.items()}
_SINGLE["norm"] = ELEMENTWISE[aten.linalg_vector_norm].flops

MULTI_TENSOR: dict[Any, Formula] = {
    **{
        getattr(aten, name): _in_each(flops)
        for single, flops in _SINGLE.items()
        for name in (f"_foreach_{single}", f"_foreach_{single}_")
        if hasattr(aten, name)
    },
    **dict.fromkeys(
        (aten._fused_adam_, aten._fused_adam, aten._fused_adamw_, aten._fused_adamw), _fused_adam
    ),
    # What a gradient scaler does: each gradient is compared with infinity, and divided.
    aten._amp_foreach_non_finite_check_and_unscale_: _in_each(2),
}
"""Operators on lists, with a formula for each whose single-tensor operator has one."""
