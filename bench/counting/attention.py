"""Attention in each form that torch runs as one operator: pure functions of shapes.

Every query meets every key, masked or not: that is what the kernels' definition says, and what
the literature counts. Beside the products, each score is scaled (1) and takes part in a softmax
(5), as in the operators that work element by element.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from bench.counting.matmul import Arguments

aten = torch.ops.aten

SCALE, SOFTMAX, SOFTMAX_BACKWARD = 1, 5, 4
NORM = 7
"""A layer norm with weight and bias: moments 3, standardising 2, the two 2."""
RELU, GELU = 1, 5


def _attention(call: Arguments) -> int:
    """Scores, then their product with the values; shapes ``[..., length, width]``."""
    query, key, value = (call[name].shape for name in ("query", "key", "value"))
    return int(prod(query[:-1]) * key[-2] * (query[-1] + value[-1]))


def _n_scores(call: Arguments) -> int:
    return int(prod(call["query"].shape[:-1]) * call["key"].shape[-2])


def _masked(call: Arguments) -> int:
    """A mask that is a tensor is added to the scores."""
    name = next((name for name in ("attn_mask", "attn_bias") if call.get(name) is not None), None)
    return 0 if name is None else _n_scores(call)


def _operators(*names: str) -> tuple[Any, ...]:
    """Those of the named operators that this release of torch has."""
    return tuple(getattr(aten, name) for name in names if hasattr(aten, name))


FUSED = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)
ATTENTIONS = _operators(*FUSED)
ATTENTION_BACKWARDS = _operators(*(f"{name}_backward" for name in FUSED))


def _tokens(sequences: Tensor) -> tuple[int, int]:
    """Tokens in all, and pairs of tokens of one sequence, of ``[batch, length, width]``."""
    if sequences.is_nested:
        lengths = [int(size[0]) for size in sequences._nested_tensor_size()]
    else:
        lengths = [sequences.shape[1]] * sequences.shape[0]
    return sum(lengths), sum(length * length for length in lengths)


def _self_attention(sequences: Tensor, width: int) -> int:
    """Three projections in, scores, their product with the values, one projection out."""
    n_tokens, n_pairs = _tokens(sequences)
    return 4 * n_tokens * width * width + 2 * n_pairs * width


def _beside_self_attention(sequences: Tensor, width: int, heads: int, mask: object) -> int:
    """The four biases, and what each score of each head goes through."""
    n_tokens, n_pairs = _tokens(sequences)
    per_score = SCALE + SOFTMAX + (mask is not None)
    return 4 * n_tokens * width + per_score * heads * n_pairs


def _native_attention(call: Arguments) -> int:
    return _self_attention(call["query"], call["embed_dim"])


def _beside_native_attention(call: Arguments) -> int:
    query, heads = call["query"], call["num_head"]
    flops = _beside_self_attention(query, call["embed_dim"], heads, call["mask"])
    if call["need_weights"] and call["average_attn_weights"]:
        flops += heads * _tokens(query)[1]
    return flops


def _encoder_layer(call: Arguments) -> int:
    """Self-attention and two linear layers."""
    n_tokens, _ = _tokens(call["src"])
    linear: int = call["ffn_weight_1"].numel() + call["ffn_weight_2"].numel()
    return _self_attention(call["src"], call["embed_dim"]) + n_tokens * linear


def _beside_encoder_layer(call: Arguments) -> int:
    """Biases, the activation, two residual sums and two norms."""
    width: int = call["embed_dim"]
    src, heads = call["src"], call["num_heads"]
    n_tokens, _ = _tokens(src)
    n_hidden: int = call["ffn_weight_1"].shape[0]
    per_hidden = 1 + (GELU if call["use_gelu"] else RELU)
    feed_forward = n_tokens * (per_hidden * n_hidden + width)
    around = n_tokens * width * 2 * (1 + NORM)
    return _beside_self_attention(src, width, heads, call["mask"]) + feed_forward + around


ATTENTION_MATMULS: dict[Any, Callable[[Arguments], int]] = {
    **dict.fromkeys(ATTENTIONS, _attention),
    **dict.fromkeys(ATTENTION_BACKWARDS, lambda call: 2 * _attention(call)),
    aten._native_multi_head_attention: _native_attention,
    aten._transformer_encoder_layer_fwd: _encoder_layer,
}
"""Multiply-adds of each form of attention."""

ATTENTION_MORE_FLOPS: dict[Any, Callable[[Arguments], int]] = {
    **dict.fromkeys(ATTENTIONS, lambda call: (SCALE + SOFTMAX) * _n_scores(call) + _masked(call)),
    **dict.fromkeys(ATTENTION_BACKWARDS, lambda call: (SOFTMAX_BACKWARD + SCALE) * _n_scores(call)),
    aten._native_multi_head_attention: _beside_native_attention,
    aten._transformer_encoder_layer_fwd: _beside_encoder_layer,
}
"""FLOPs beside two for each multiply-add."""
