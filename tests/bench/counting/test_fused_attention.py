"""Whole layers that torch runs as one operator, against the closed formulas.

torch takes these operators in inference, where nothing watches its functions; so they are called
here as torch's own layers call them, and once through a layer as they are met.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.counting.counter import EveryOperator, count_call
from bench.results.measurements import Tally
from tests.bench.counting.layer_counts import count, total, unknown
from tests.oracle.elementwise import attention_in_one, softmax
from tests.oracle.matmul import Attention
from tests.oracle.operators import EncoderLayer

law = settings(max_examples=20, deadline=None, derandomize=True)
small = st.integers(1, 3)


@st.composite
def encoder_layers(draw: st.DrawFn) -> EncoderLayer:
    heads = 2 * draw(small)  # torch takes odd ones apart
    return EncoderLayer(
        lengths=(draw(st.integers(1, 6)),) * draw(small),
        width=heads * draw(small),
        heads=heads,
        hidden=draw(st.integers(1, 9)),
    )


def build(sizes: EncoderLayer, *, gelu: bool = False, norm_first: bool = False) -> Any:
    return nn.TransformerEncoderLayer(
        sizes.width,
        sizes.heads,
        sizes.hidden,
        dropout=0.0,
        activation="gelu" if gelu else "relu",
        batch_first=True,
        norm_first=norm_first,
    ).eval()


def sequences(sizes: EncoderLayer) -> Tensor:
    return torch.ones(len(sizes.lengths), sizes.lengths[0], sizes.width)


def as_one_operator(layer: nn.Module, *inputs: Tensor, **options: object) -> dict[str, Tally]:
    """What a layer runs where nothing but operators is watched, which leaves torch its own way."""
    found: dict[str, Tally] = {}

    def report(func: Any, args: Any, kwargs: Any, out: Any) -> None:
        name = func._overloadpacket.__name__
        tally = count_call(func, args, kwargs, out)
        found[name] = found[name] + tally if name in found else tally

    with EveryOperator(report), torch.inference_mode():
        layer(*inputs, **options)
    return found


@law
@given(encoder_layers(), st.booleans(), st.booleans())
def test_encoder_layer(sizes: EncoderLayer, gelu: bool, norm_first: bool) -> None:
    layer = build(sizes, gelu=gelu, norm_first=norm_first)
    found = as_one_operator(layer, sequences(sizes))
    assert found.keys() >= {"_transformer_encoder_layer_fwd"}
    assert not unknown(found)
    assert total(found) == sizes.macs
    assert total(found, "flops") == 2 * sizes.macs + sizes.beside(gelu=gelu)


@law
@given(encoder_layers())
def test_it_multiplies_as_much_as_its_parts_one_by_one(sizes: EncoderLayer) -> None:
    layer, data = build(sizes), sequences(sizes)
    with torch.inference_mode():
        parts = count(lambda: layer.to("meta")(data.to("meta")))
    assert "_transformer_encoder_layer_fwd" not in parts
    assert total(parts) == sizes.macs


@law
@given(encoder_layers(), st.booleans())
def test_multi_head_attention(sizes: EncoderLayer, averaged: bool) -> None:
    layer = nn.MultiheadAttention(sizes.width, sizes.heads, batch_first=True).eval()
    data = sequences(sizes)
    found = as_one_operator(layer, data, data, data, need_weights=averaged)
    assert found.keys() >= {"_native_multi_head_attention"}
    assert not unknown(found)
    assert total(found) == sizes.attention_macs
    beside = sizes.attention_beside() + (sizes.averaging if averaged else 0)
    assert total(found, "flops") == 2 * sizes.attention_macs + beside


def test_a_mask_is_one_more_operation_on_each_score() -> None:
    sizes = EncoderLayer((5, 5), 8, 2, 6)
    mask = torch.zeros(5, 5, dtype=torch.bool)
    found = as_one_operator(build(sizes), sequences(sizes), src_mask=mask)
    assert found["_transformer_encoder_layer_fwd"].flops == 2 * sizes.macs + sizes.beside(
        gelu=False, masked=True
    )


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_sequences_of_several_lengths_cost_their_own_lengths() -> None:
    sizes = EncoderLayer((5, 3, 1), 8, 2, 6)
    layer = build(sizes)
    nested = torch.nested.nested_tensor([torch.ones(n, 8) for n in sizes.lengths])
    found = as_one_operator(layer, nested)
    assert total(found) == sizes.macs


@law
@given(st.tuples(small, small, st.integers(1, 5), st.integers(1, 5), st.integers(2, 5)))
def test_a_mask_of_fused_attention_is_added_to_the_scores(shape: tuple[int, ...]) -> None:
    batch, heads, n_queries, n_keys, width = shape
    expected = Attention(batch * heads * n_queries * n_keys, width, width)
    query = torch.ones(batch, heads, n_queries, width)
    key = torch.ones(batch, heads, n_keys, width)
    mask = torch.zeros(n_queries, n_keys)
    found = count(lambda: F.scaled_dot_product_attention(query, key, key, attn_mask=mask))
    (fused,) = (tally for name, tally in found.items() if "attention" in name)
    assert fused.macs == expected.forward
    beside = attention_in_one(expected.pairs) + expected.pairs
    assert fused.flops == 2 * expected.forward + beside


def step(attend: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> dict[str, Tally]:
    def run() -> None:
        out = attend(torch.ones(shape, requires_grad=True))
        out.backward(torch.ones_like(out))

    return count(run)


@law
@given(st.tuples(small, small, st.integers(1, 5), st.integers(2, 5)))
def test_fused_attention_back(shape: tuple[int, ...]) -> None:
    expected = Attention(prod(shape[:3]) * shape[2], shape[3], shape[3])
    found = step(lambda x: F.scaled_dot_product_attention(x, x, x), shape)
    (back,) = (tally for name, tally in found.items() if "backward" in name and tally.macs)
    assert back.macs == expected.backward(query=True, key=True, value=True)
    beside = expected.pairs + softmax(expected.pairs).input_grad
    assert back.flops == 2 * back.macs + beside
