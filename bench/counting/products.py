"""The products of matrices that a forward consists of: their shapes, and how often each occurs.

Convolutions and recurrent layers are told as the products that compute them: a convolution as its
weights times the unfolded input, a recurrent layer as one product of its input and one for each
time step. A depth-wise convolution is none: it has no matrix.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from bench.counting.attention import ATTENTIONS
from bench.counting.counter import name_arguments
from bench.counting.matmul import Arguments
from bench.counting.recurrent import CELLS
from bench.results.ceilings import ProductShape

aten = torch.ops.aten

PIECE_ELEMENTS = 1 << 18
"""Of an unfolded input: a piece that fits into the cache of a core."""

Found = Iterator[tuple[ProductShape, int]]
"""Shapes, each with how often a call computes it."""


class ProductFinder:
    """Adds up the products of what runs; a report of ``EveryOperator``."""

    def __init__(self) -> None:
        self.calls: Counter[ProductShape] = Counter()

    def add(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        """One operator has run."""
        if find := PRODUCTS.get(func._overloadpacket):
            for shape, calls in find({**name_arguments(func, args, kwargs), "out": out}):
                self.calls[shape] += calls


def _convolution(call: Arguments) -> Found:
    yield from _unfolded(
        call["input"].shape,
        call["weight"].shape,
        call["out"].shape,
        call["groups"],
        call["transposed"],
    )


def _plain_convolution(call: Arguments) -> Found:
    shapes = call["self"].shape, call["weight"].shape, call["out"].shape
    yield from _unfolded(*shapes, call["groups"], is_transposed=False)


def _unfolded(
    data: Sequence[int], weight: Sequence[int], out: Sequence[int], groups: int, is_transposed: bool
) -> Found:
    """Weights times the columns of the unfolded input, over the whole batch; see ``conv_macs``.

    Unfolding repeats the input for each tap, and nobody need have all of that in memory: where it
    is large it is multiplied in pieces.
    """
    if groups > 1 and groups == data[1]:  # a channel of the input for each group
        return
    positions = data if is_transposed else out
    n_columns = positions[0] * prod(positions[2:])
    if is_transposed:  # [in_chan, out_chan / groups, *kernel]
        rows, inner = prod(weight[1:]), weight[0] // groups
    else:  # [out_chan, in_chan / groups, *kernel]
        rows, inner = weight[0] // groups, prod(weight[1:])
    is_repeated = not is_transposed and prod(weight[2:]) > 1
    n_most = max(1, PIECE_ELEMENTS // (groups * inner)) if is_repeated else n_columns
    n_pieces, n_rest = divmod(n_columns, n_most)
    if n_pieces:
        yield ProductShape(rows, inner, n_most, groups), n_pieces
    if n_rest:
        yield ProductShape(rows, inner, n_rest, groups), 1


def _product(first: str, second: str) -> Callable[[Arguments], Found]:
    """Of two operands ``[*groups, m, k]`` and ``[*groups, k, n]``, by their names."""

    def find(call: Arguments) -> Found:
        left, right = call[first].shape, call[second].shape
        yield ProductShape(left[-2], left[-1], right[-1], prod(left[:-2])), 1

    return find


def _vector_product(call: Arguments) -> Found:
    rows, inner = call["self"].shape
    yield ProductShape(rows, inner, 1), 1


def _attention(call: Arguments) -> Found:
    """Scores, then their product with the values; shapes ``[..., length, width]``."""
    query, key, value = (call[name].shape for name in ("query", "key", "value"))
    groups = prod(query[:-2])
    yield ProductShape(query[-2], query[-1], key[-2], groups), 1
    yield ProductShape(query[-2], key[-2], value[-1], groups), 1


def _whole_recurrent(call: Arguments) -> Found:
    """Every layer and direction: the input matrix meets all steps at once, others step by step."""
    n_directions, batch = call["states"][0].shape[:2]
    matrices = [weight for weight in call["weights"] if weight.ndim == 2]
    n_each = len(matrices) // n_directions
    n_rows = prod(call["data"].shape[:-1])
    for first in range(0, len(matrices), n_each):
        yield from _recurrence(matrices[first : first + n_each], n_rows, batch)


def _mkldnn_recurrent(call: Arguments) -> Found:
    n_steps, batch = call["input"].shape[:2]
    yield from _recurrence((call["weight0"], call["weight1"]), n_steps * batch, batch)


def _recurrence(matrices: Sequence[Tensor], n_rows: int, batch: int) -> Found:
    of_input, *of_state = matrices
    n_outputs, n_inputs = of_input.shape
    yield ProductShape(n_rows, n_inputs, n_outputs), 1
    for matrix in of_state:
        n_outputs, n_inputs = matrix.shape
        yield ProductShape(batch, n_inputs, n_outputs), n_rows // batch


PRODUCTS: dict[Any, Callable[[Arguments], Found]] = {
    aten.convolution: _convolution,
    aten._convolution: _convolution,
    aten.mkldnn_convolution: _plain_convolution,
    aten.mm: _product("self", "mat2"),
    aten.addmm: _product("mat1", "mat2"),
    aten.bmm: _product("self", "mat2"),
    aten.baddbmm: _product("batch1", "batch2"),
    aten.mv: _vector_product,
    **dict.fromkeys(ATTENTIONS, _attention),
    aten.mkldnn_rnn_layer: _mkldnn_recurrent,
    **{getattr(torch.ops.separation_bench, cell): _whole_recurrent for cell in CELLS},
}
"""Operators of a forward. Those of a backward are none of them."""
