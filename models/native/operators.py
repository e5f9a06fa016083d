"""The native operators, and what torch has to know of them: shapes without data, and gradients.

``sudormrf::blocks`` computes one U-ConvBlock behind another. ``sudormrf::block_to_train`` computes
one and returns with it what its backward needs beside the input: the two products and the norms'
statistics. All else is computed again in ``sudormrf::block_backward``. ``sudormrf::causal_block``,
for inference alone, is the block of a causal network; with what came before its frames it goes on
with a stream.
"""

from functools import cache
from math import ceil
from typing import Any

import torch
from torch import Tensor

from models.native.build import load

TILE, NARROW = 64, 32
"""Channels that lie side by side, and what they are a multiple of where there are fewer."""

LAST = ("depth", "variant", "is_global")
"""What follows features and parameters in each operator's arguments."""


@cache
def load_operators() -> None:
    """Have ``torch.ops.sudormrf``, built where need be.

    Raises:
        NotBuilt: they can't be had here.
    """
    load()
    torch.library.register_fake("sudormrf::blocks", fake_block)
    torch.library.register_fake("sudormrf::block_to_train", fake_block_to_train)
    torch.library.register_fake("sudormrf::block_backward", fake_block_backward)
    torch.library.register_fake("sudormrf::causal_block", fake_causal_block)
    torch.library.register_fake("sudormrf::pack", fake_pack)
    torch.library.register_fake("sudormrf::multiply", fake_multiply)
    torch.library.register_fake("sudormrf::normalise_and_multiply", fake_normalise_and_multiply)
    torch.library.register_fake("sudormrf::decode", fake_decode)
    torch.library.register_autograd(
        "sudormrf::block_to_train", backward, setup_context=setup_context
    )


def fake_block(features: Tensor, *_: Any) -> Tensor:
    """As the features: ``[batch, bn_chan, frames]``, with channels side by side in memory."""
    return torch.empty_like(features.transpose(1, 2).contiguous()).transpose(1, 2)


def fake_block_to_train(
    features: Tensor, parameters: list[Tensor], depth: int, variant: str, is_global: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The output, and what is saved: two products, and the norms' statistics."""
    batch, bn_chan, frames = features.shape
    hid_chan = parameters[0].shape[0]
    out = fake_block(features)
    statistics = features.new_empty(depth + 4, 2, batch * max(bn_chan, hid_chan))
    tile = min(TILE, NARROW * ceil(hid_chan / NARROW))
    expanded = features.new_empty(batch, ceil(hid_chan / TILE), frames, tile)
    return out, expanded, features.new_empty(batch, frames, bn_chan), statistics


def fake_block_backward(
    gradient: Tensor, features: Tensor, saved: list[Tensor], parameters: list[Tensor], *last: Any
) -> tuple[Tensor, list[Tensor]]:
    """As the features, and as each of the parameters."""
    like = fake_block(features)
    return like, [torch.empty_like(parameter) for parameter in parameters]


def fake_causal_block(
    features: Tensor, parameters: list[Tensor], past: list[Tensor], depth: int, variant: str
) -> tuple[Tensor, list[Tensor]]:
    """As the features, and as what came before each level."""
    out = fake_block(features)
    return out, [torch.empty_like(level) for level in past]


def fake_pack(weight: Tensor) -> Tensor:
    """In one panel; how many channels a panel has is the processor's."""
    n_out, n_in, _ = weight.shape
    return weight.new_empty(1, n_in, n_out)


def fake_multiply(features: Tensor, panels: Tensor, n_out: int) -> Tensor:
    """As the features, of other channels."""
    return features.new_empty(*features.shape[:2], n_out)


def fake_normalise_and_multiply(features: Tensor, *rest: Any) -> Tensor:
    """The same."""
    return fake_multiply(features, *rest[-2:])


def fake_decode(features: Tensor, *rest: Any) -> Tensor:
    """``[batch, n_src, n_samples]``."""
    *_, n_src, _, _, _, n_samples = rest
    return features.new_empty(len(features), n_src, n_samples)


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    """Keep what backward needs."""
    features, parameters, *ctx.last = inputs
    saved = output[1:]
    ctx.mark_non_differentiable(*saved)
    ctx.save_for_backward(features, *saved, *parameters)


def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Any, ...]:
    """The gradients of features and parameters."""
    features, *rest = ctx.saved_tensors
    found = torch.ops.sudormrf.block_backward(gradient, features, rest[:3], rest[3:], *ctx.last)
    return *found, *(None for _ in LAST)
