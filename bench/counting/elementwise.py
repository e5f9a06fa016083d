"""FLOPs of the operators that work element by element, and the operators that only move data.

Conventions: an addition, multiplication, division, comparison or selection is one FLOP, and so
is one elementary function (exp, log, square root, tanh, sigmoid). What a fused operator does is
counted as its formula is written, for each element of the tensor named below.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import torch

aten = torch.ops.aten


class PerElement(NamedTuple):
    """FLOPs for each element of the operator's ``out`` (its first result) or first input."""

    flops: int
    of: str = "out"


_ONE = (
    "abs add add_ bitwise_and bitwise_not bitwise_or ceil clamp_max "
    "clamp_min cos div div_ eq exp floor ge gt le log log10 log2 logical_and logical_not lt "
    "maximum minimum mul mul_ ne neg pow reciprocal relu relu_ remainder rsqrt rsub sigmoid "
    "sigmoid_ sign sin sqrt sqrt_ square sub sub_ tanh tanh_ threshold where round erf cumsum "
    "cumprod atan2 neg_ exp_ angle expm1 log1p masked_fill masked_fill_ sgn cummax cummin "
    "bitwise_and_ bitwise_or_ logical_and_ logical_or_ hypot trunc"
).split()
_ONE_PER_INPUT = "sum mean max min argmax argmin prod any all equal".split()

ELEMENTWISE: dict[Any, PerElement] = {
    **{getattr(aten, name): PerElement(1) for name in _ONE},
    **{getattr(aten, name): PerElement(1, "input") for name in _ONE_PER_INPUT},
    aten.amax: PerElement(1, "input"),
    aten.amin: PerElement(1, "input"),
    aten.var: PerElement(4, "input"),  # mean, subtract, square, sum
    aten.std: PerElement(4, "input"),
    aten.var_mean: PerElement(4, "input"),
    aten.linalg_vector_norm: PerElement(2, "input"),
    aten.logsumexp: PerElement(4, "input"),
    aten.logcumsumexp: PerElement(4),  # as logsumexp, of every prefix from the one before
    aten.hann_window: PerElement(4),  # a - b cos(c n)
    aten.hamming_window: PerElement(4),
    aten.addcmul: PerElement(3),
    aten.addcmul_: PerElement(3),
    aten.addcdiv: PerElement(3),
    aten.addcdiv_: PerElement(3),
    aten.lerp: PerElement(3),
    aten.lerp_: PerElement(3),
    aten._prelu_kernel: PerElement(2),
    aten._prelu_kernel_backward: PerElement(3),
    aten.leaky_relu: PerElement(2),
    aten.leaky_relu_backward: PerElement(2),
    aten.elu: PerElement(4),
    aten.elu_backward: PerElement(4),
    aten.gelu: PerElement(5),
    aten.gelu_backward: PerElement(11),
    aten.silu: PerElement(2),
    aten.silu_backward: PerElement(6),
    aten.softplus: PerElement(3),
    aten.threshold_backward: PerElement(1),
    aten.sigmoid_backward: PerElement(3),
    aten.tanh_backward: PerElement(3),
    aten.glu: PerElement(2),
    aten.glu_backward: PerElement(3),
    aten._softmax: PerElement(5),  # maximum, subtract, exp, sum, divide
    aten._safe_softmax: PerElement(5),
    aten._softmax_backward_data: PerElement(4),
    aten._log_softmax: PerElement(5),
    aten._log_softmax_backward_data: PerElement(4),
    aten.upsample_nearest1d_backward: PerElement(1, "input"),
    aten.reflection_pad1d_backward: PerElement(1, "input"),  # each is added to where it came from
    aten.upsample_linear1d: PerElement(3),
    aten.upsample_linear1d_backward: PerElement(4, "input"),
    aten.avg_pool2d: PerElement(1, "input"),
    aten._adaptive_avg_pool2d: PerElement(1, "input"),
    aten.native_dropout: PerElement(2),
    aten.col2im: PerElement(1, "input"),  # overlap-add
    aten._thnn_fused_lstm_cell: PerElement(21),
    aten.unfold_backward: PerElement(1, "input"),
    aten.embedding_dense_backward: PerElement(1, "input"),
    aten._amp_update_scale_: PerElement(3),  # overflow, one step more, enough of them
}
"""FLOPs of each operator that works element by element, norms and reductions included."""

Formula = Callable[[Mapping[str, Any]], int]
"""FLOPs from an operator's arguments, by the names of its schema."""


def _norm(call: Mapping[str, Any]) -> int:
    """Moments (3: a sum, a square, its sum), standardising (2), weight and bias (2)."""
    moments = 3 if call.get("training", True) else 0
    affine = 2 if call["weight"] is not None else 0
    return int((moments + 2 + affine) * call["input"].numel())


def _norm_backward(call: Mapping[str, Any]) -> int:
    """For the input 9 (standardised again 2, two weighted sums 3, combination 4), or 2 where
    the moments are fixed; for weight and bias 3.
    """
    of_input, of_weight, of_bias = call["output_mask"]
    per_input = 9 if call.get("train", True) else 2
    return int((per_input * of_input + 3 * (of_weight or of_bias)) * call["input"].numel())


def _rms_norm(call: Mapping[str, Any]) -> int:
    """A square, its sum, the quotient, the weight; of each group a sum with eps and a root."""
    n_elements = call["input"].numel()
    n_groups = n_elements // prod(call["normalized_shape"])
    return int((3 + (call["weight"] is not None)) * n_elements + 2 * n_groups)


def _clamp(call: Mapping[str, Any]) -> int:
    """A comparison with each bound there is."""
    n_bounds = (call["min"] is not None) + (call["max"] is not None)
    return int(n_bounds * call["self"].numel())


def _put(call: Mapping[str, Any]) -> int:
    """Values that are added to what is there; put in its place, they only move."""
    return int(call["values"].numel()) if call["accumulate"] else 0


def _bag(call: Mapping[str, Any]) -> int:
    """One addition for each number of each row that goes into a bag."""
    width = call["weight"].shape[-1] if "weight" in call else call["grad"].shape[-1]
    return int(call["indices"].numel() * width)


ELEMENTWISE_CALLS: dict[Any, Formula] = {
    aten.native_group_norm: _norm,
    aten.native_layer_norm: _norm,
    aten.native_batch_norm: _norm,
    aten._fused_rms_norm: _rms_norm,
    aten.native_group_norm_backward: _norm_backward,
    aten.native_layer_norm_backward: _norm_backward,
    aten.native_batch_norm_backward: _norm_backward,
    aten.clamp: _clamp,
    aten.clamp_: _clamp,
    aten.scatter_add: lambda call: call["src"].numel(),
    aten.scatter_add_: lambda call: call["src"].numel(),
    aten.index_add: lambda call: call["source"].numel(),
    aten.index_add_: lambda call: call["source"].numel(),
    aten.scatter_reduce: lambda call: call["src"].numel(),
    aten.scatter_reduce_: lambda call: call["src"].numel(),
    aten.index_put: _put,
    aten.index_put_: _put,
    aten._embedding_bag: _bag,
    aten._embedding_bag_forward_only: _bag,
    aten._embedding_bag_backward: _bag,
    aten._embedding_bag_dense_backward: _bag,
}
"""Operators whose FLOPs depend on more than the size of one tensor."""

_MOVES = (
    "clone cat stack copy_ _to_copy constant_pad_nd pad index index_select complex scatter_ "
    "gather scatter select_backward slice_backward as_strided_scatter unsafe_split "
    "unsafe_split_with_sizes split_with_sizes_copy flip roll repeat upsample_nearest1d im2col "
    "embedding _unsafe_view _reshape_copy unfold_copy contiguous reflection_pad1d triu tril "
    "_foreach_copy _foreach_copy_ _foreach_clone"
).split()
_FILLS = (
    "zeros zeros_like ones ones_like full full_like empty empty_like empty_strided new_zeros "
    "new_ones new_empty new_full new_empty_strided fill_ zero_ arange scalar_tensor "
    "normal_ uniform_ bernoulli_ randn rand eye linspace resize_ _foreach_zero_"
).split()
_BOOKKEEPING = (
    "_local_scalar_dense lift_fresh lift_fresh_copy set_ item _assert_async detach_ squeeze_ "
    "unsqueeze_ transpose_ t_ swapaxes_"
).split()


def _operators(names: list[str]) -> set[Any]:
    """Those of the named operators that this release of torch has."""
    return {getattr(aten, name) for name in names if hasattr(aten, name)}


ZERO_FLOPS: dict[Any, str] = {
    **dict.fromkeys(_operators(_MOVES), "moves data"),
    **dict.fromkeys(_operators(_FILLS), "fills memory"),
    **dict.fromkeys(_operators(_BOOKKEEPING), "bookkeeping"),
}
"""Operators that compute nothing, each with the reason; views are known by their schema."""
