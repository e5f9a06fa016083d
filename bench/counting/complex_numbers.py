"""FLOPs of operators on complex numbers, in real additions, multiplications and functions.

A product of two complex numbers is four real products and two additions; so a complex
multiply-add is four real ones. Where one operand is real, it meets each of the two parts.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from bench.counting.elementwise import ELEMENTWISE

aten = torch.ops.aten

MACS = 4
"""Real multiply-adds in a complex one."""


def _pair(both: int, one: int) -> Callable[[Mapping[str, Any]], int]:
    """For each number that comes out: of two complex operands, or of one."""

    def flops(call: Mapping[str, Any]) -> int:
        is_both = _is_complex(call["self"]) and _is_complex(call["other"])
        return (both if is_both else one) * int(call["out"].numel())

    return flops


def _is_complex(operand: object) -> bool:
    return operand.is_complex() if isinstance(operand, Tensor) else isinstance(operand, complex)


def _each(flops: int) -> Callable[[Mapping[str, Any]], int]:
    """For each number that comes in."""
    return lambda call: flops * int(call["self"].numel())


def _power(call: Mapping[str, Any]) -> int:
    """A square is a product; any other power is a logarithm, a product and an exponential."""
    is_square = call["exponent"] == 2 if not isinstance(call["exponent"], Tensor) else False
    return (6 if is_square else 6 + 6 + 5) * int(call["out"].numel())


_PAIRS = {"add": (2, 1), "sub": (2, 1), "mul": (6, 2), "div": (11, 2)}
"""A quotient: the numerator's product 6, the square of the denominator 3, two divisions."""

COMPLEX: dict[Any, Callable[[Mapping[str, Any]], int]] = {
    **{
        getattr(aten, name + suffix): _pair(*flops)
        for name, flops in _PAIRS.items()
        for suffix in ("", "_")
    },
    aten.abs: _each(4),  # two squares, a sum, a root
    aten.angle: _each(1),
    aten.sgn: _each(6),  # divided by its modulus
    aten.neg: _each(2),
    aten.conj_physical: _each(1),
    aten._conj_physical: _each(1),
    aten.exp: _each(5),  # e^a times cos b and sin b
    aten.log: _each(6),  # the modulus, its logarithm, the angle
    aten.reciprocal: _each(6),  # the square of the modulus 3, a sign, two divisions
    aten.square: _each(6),
    aten.pow: _power,
    aten.sum: _each(2),
    aten.mean: _each(2),
    aten.cumsum: _each(2),
    aten.polar: lambda call: 4 * int(call["out"].numel()),  # a cos b and a sin b
    aten.where: lambda call: int(call["out"].numel()),
    aten.masked_fill: _each(1),
    aten.masked_fill_: _each(1),
    aten.scatter_add: lambda call: 2 * int(call["src"].numel()),
    aten.scatter_add_: lambda call: 2 * int(call["src"].numel()),
    aten.index_add: lambda call: 2 * int(call["source"].numel()),
    aten.index_add_: lambda call: 2 * int(call["source"].numel()),
    aten.unfold_backward: lambda call: 2 * int(call["grad_in"].numel()),
    aten.linalg_vector_norm: _each(4),
    aten.eq: _each(2),
    aten.ne: _each(2),
}
"""FLOPs of each operator whose operands are complex, by its arguments and its result ``out``."""


def has_complex(values: Iterable[Any]) -> bool:
    """Whether a tensor among them, or a number, is complex."""
    return any(map(_is_complex, values))


def lacks_formula(operator: Any) -> bool:
    """Whether an operator that has a formula for real numbers has none for complex ones."""
    return operator in ELEMENTWISE and operator not in COMPLEX
