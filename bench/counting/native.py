"""Operations of SuDoRM-RF's native operators (docs/native.md): those of the layers they replace.

By name, because they exist only where they were built. What backward computes again, to spare
memory, is not counted: the numbers are the plain network's.
"""

from collections.abc import Callable
from math import prod
from typing import Any

from bench.counting.matmul import Arguments

RESAMPLING_STRIDE = 2
NORM, PRELU = 7, 2  # FLOPs for each number, as in bench/counting/elementwise.py
NORM_BACKWARD, PRELU_BACKWARD = 12, 4
SOFTMAX = 5
FRAME_NORM, OF_FRAME = 8, 2  # for each number and each frame, as models.sudormrf.FrameNorm takes


def _sizes(call: Arguments) -> tuple[int, int, list[int]]:
    """Numbers on a block's narrow features, on its wide ones, and on each level."""
    batch, bn_chan, frames = call["features"].shape
    wide = batch * call["parameters"][0].shape[0] * frames
    levels = [wide // RESAMPLING_STRIDE**level for level in range(call["depth"])]
    return batch * bn_chan * frames, wide, levels


def block_macs(call: Arguments) -> int:
    """Two point-wise convolutions over all frames, and a depth-wise one for each level."""
    shape: tuple[int, int, int] = tuple(call["features"].shape)
    batch, _, frames = shape
    expand, *levels, contract = (p for p in call["parameters"] if p.ndim == 3)
    macs: int = expand.numel() + contract.numel()
    macs_of_levels = (
        level.numel() * (frames // RESAMPLING_STRIDE**index) for index, level in enumerate(levels)
    )
    total: int = batch * (macs * frames + sum(macs_of_levels))
    return total


def _more_flops(call: Arguments, norm: int, prelu: int) -> int:
    """Biases, norms, activations and sums, of which forward and backward have as many."""
    narrow, wide, levels = _sizes(call)
    variant = call["variant"]
    of_level = 1 + norm + (prelu if variant == "text" else 0)
    of_wide = 1 + norm + prelu + norm + prelu
    of_narrow = 2  # the bias and the residual sum
    if variant != "improved":
        of_narrow += norm + prelu + (norm if variant == "code" else 0)
    return of_wide * wide + of_level * sum(levels) + sum(levels[:-1]) + of_narrow * narrow


def block_more_flops(call: Arguments) -> int:
    """What the block does beside its products."""
    return _more_flops(call, NORM, PRELU)


def causal_block_more_flops(call: Arguments) -> int:
    """The same of a causal block, whose norms are of one frame each, or which has none."""
    narrow, wide, levels = _sizes(call)
    if call["variant"] == "causal_v3":
        return (1 + PRELU) * (wide + sum(levels)) + sum(levels[:-1]) + 3 * narrow
    n_frames: int = (2 * wide + sum(levels)) // call["parameters"][0].shape[0]
    return _more_flops(call, FRAME_NORM, PRELU) + OF_FRAME * n_frames


def block_backward_more_flops(call: Arguments) -> int:
    """The gradients of all that; upsampling adds up each level but the coarsest."""
    return _more_flops(call, NORM_BACKWARD, PRELU_BACKWARD) + sum(_sizes(call)[2][:-1])


def of_all_blocks(of_one: Callable[[Arguments], int]) -> Callable[[Arguments], int]:
    """Of several blocks of one shape, whose parameters follow one another."""

    def of_all(call: Arguments) -> int:
        n_blocks: int = call["n_blocks"]
        parameters = call["parameters"][: len(call["parameters"]) // n_blocks]
        return n_blocks * of_one({**call, "parameters": parameters})

    return of_all


def product_macs(call: Arguments) -> int:
    """One matrix product over all frames."""
    return int(call["features"].numel() * call["n_out"])


def decode_macs(call: Arguments) -> int:
    """The mask head's product, where there is one, and the decoder's."""
    *batch_and_frames, n_in = call["features"].shape
    n_frames, n_masked, of_masks = prod(batch_and_frames), n_in, 0
    if call["masks"]:
        n_masked = call["masks"][1].numel()
        of_masks = n_in * n_masked
    of_decoders = n_masked * call["n_src"] * call["kernel_size"] // len(call["decoders"])
    return int(n_frames * (of_masks + of_decoders))


def decode_more_flops(call: Arguments) -> int:
    """Of masks the bias, the activation, and a product with the encoded mixture; overlap-add."""
    n_frames = prod(call["features"].shape[:-1])
    flops = n_frames * call["n_src"] * call["kernel_size"]
    if call["masks"]:
        _, bias, encoded = call["masks"]
        is_softmax = call["activation"] == "softmax" and bias.numel() > encoded.shape[-1]
        flops += n_frames * bias.numel() * (2 + (SOFTMAX if is_softmax else 1))
    return int(flops)


NATIVE_MATMULS: dict[Any, Callable[[Arguments], int]] = {
    "sudormrf::blocks": of_all_blocks(block_macs),
    "sudormrf::block_to_train": block_macs,
    "sudormrf::causal_block": block_macs,
    "sudormrf::block_backward": lambda call: 2 * block_macs(call),
    "sudormrf::multiply": product_macs,
    "sudormrf::normalise_and_multiply": product_macs,
    "sudormrf::decode": decode_macs,
}
"""Multiply-adds of each operator with matrix products."""

NATIVE_MORE_FLOPS: dict[Any, Callable[[Arguments], int]] = {
    "sudormrf::blocks": of_all_blocks(block_more_flops),
    "sudormrf::block_to_train": block_more_flops,
    "sudormrf::causal_block": causal_block_more_flops,
    "sudormrf::block_backward": block_backward_more_flops,
    "sudormrf::normalise_and_multiply": lambda call: NORM * call["features"].numel(),
    "sudormrf::decode": decode_more_flops,
}
"""FLOPs beside two for each multiply-add."""
