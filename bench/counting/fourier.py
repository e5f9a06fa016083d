"""Fourier transforms: 5 n log2 n FLOPs for n complex points, half of it for n real ones.

That is the field's count of the radix-2 algorithm (FFTW's figures use it too), for any n. None of
it is a multiply-add: a transform is no matrix product. A normalised transform multiplies each
number that comes out, once.
"""

from collections.abc import Callable, Sequence
from math import log2, prod
from typing import Any

import torch
from torch import Tensor

from bench.counting.elementwise import Formula

aten = torch.ops.aten

PER_POINT = 5


def transform_flops(n_points: int, n_transforms: int, *, is_real: bool) -> int:
    """Transforms of ``n_points`` each, over all their axes, to the nearest whole FLOP."""
    return round(n_transforms * n_points * PER_POINT * log2(n_points) / (2 if is_real else 1))


def _points(shape: Sequence[int], axes: Sequence[int]) -> int:
    return prod(shape[axis] for axis in axes)


def _scaling(call: Any, numbers_each: int) -> int:
    out: Tensor = call["out"]
    return numbers_each * out.numel() if call["normalization"] else 0


def _of_input(is_real: bool) -> Formula:
    """A transform whose points are those of its input."""

    def flops(call: Any) -> int:
        shape = call["self"].shape
        n_points = _points(shape, call["dim"])
        n_transforms = prod(shape) // n_points
        flops = transform_flops(n_points, n_transforms, is_real=is_real)
        return flops + _scaling(call, 2)

    return flops


def _to_real(call: Any) -> int:
    """From half of the spectrum to ``n`` real points."""
    shape = call["out"].shape
    n_points = _points(shape, call["dim"])
    flops = transform_flops(n_points, prod(shape) // n_points, is_real=True)
    return flops + _scaling(call, 1)


FOURIER: dict[Any, Callable[[Any], int]] = {
    aten._fft_r2c: _of_input(is_real=True),
    aten._fft_c2c: _of_input(is_real=False),
    aten._fft_c2r: _to_real,
}
"""Operators that need their result ``out`` beside their arguments."""
