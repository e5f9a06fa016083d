"""Modules that nobody here wrote: their multiply-adds against closed formulas, to the unit.

Training steps are counted without data, where recurrent layers are taken whole; what torch's
programs for processors do beside the formulas is in ``tests/bench/counting/test_recurrent.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.interface.count import count
from tests.bench.counting.layer_counts import DEVICES
from tests.oracle.matmul import (
    NOTHING,
    Attention,
    Macs,
    Recurrent,
    convolution,
    convolved_length,
    linear,
    transposed_convolution,
)


@dataclass(frozen=True)
class Case:
    """A module, the shapes of its inputs, and what its layers cost.

    ``first`` are the layers that meet the input itself, whose gradient nobody asks for.
    """

    build: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]
    first: Macs
    rest: Macs = NOTHING

    @property
    def step(self) -> int:
        return self.first.step(weights=True, inputs=False) + self.rest.step(
            weights=True, inputs=True
        )

    @property
    def forward(self) -> int:
        return self.first.forward + self.rest.forward


def recurrent(sizes: Recurrent, frames: int) -> Macs:
    """A recurrent stack as layers of a sum: forward, and the two gradients of its backward."""
    forward = sizes.forward(frames)
    of_weights = sizes.backward(frames, weights=True, inputs=False)
    both = sizes.backward(frames, weights=True, inputs=True)
    return Macs(forward, of_weights, both - of_weights)


def attention(pairs: int, width: int) -> Macs:
    """Without weights of its own: both products have two factors with a gradient."""
    forward = Attention(pairs, width, width).forward
    return Macs(forward, forward, forward)


def self_attention(batch: int, length: int, width: int) -> tuple[Macs, Macs]:
    """Projections of the input, and what follows them: the heads together are as wide as it."""
    rows = (batch, length)
    return linear(rows, width, 3 * width), attention(batch * length * length, width) + linear(
        rows, width, width
    )


def sequence() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(3, 6, 5, padding=2),
        nn.BatchNorm1d(6),
        nn.PReLU(),
        nn.Conv1d(6, 6, 3, padding=1, groups=6),
        nn.GroupNorm(2, 6),
        nn.Conv1d(6, 4, 1),
    )


of_batch = (2, 9)
in_projection, after_projection = self_attention(2, 9, 8)
CASES = {
    "Linear": Case(lambda: nn.Linear(5, 7), ((3, 4, 5),), linear((3, 4), 5, 7)),
    "Conv1d in groups": Case(
        lambda: nn.Conv1d(6, 8, 5, stride=2, padding=3, dilation=2, groups=2),
        ((2, 6, 40),),
        convolution(2, 6, 8, (5,), (convolved_length(40, 5, 2, 3, 2),), groups=2),
    ),
    "Conv2d": Case(
        lambda: nn.Conv2d(2, 3, (3, 5)),
        ((2, 2, 9, 11),),
        convolution(2, 2, 3, (3, 5), (9 - 2, 11 - 4)),
    ),
    "ConvTranspose1d": Case(
        lambda: nn.ConvTranspose1d(6, 4, 8, stride=4, groups=2, output_padding=1),
        ((2, 6, 11),),
        transposed_convolution(2, 6, 4, (8,), (11,), groups=2),
    ),
    "LSTM": Case(
        lambda: nn.LSTM(5, 7, num_layers=2, bidirectional=True),
        ((9, 3, 5),),
        recurrent(Recurrent("LSTM", 5, 7, num_layers=2, directions=2), 9 * 3),
    ),
    "GRU": Case(
        lambda: nn.GRU(4, 6, batch_first=True),
        ((3, 5, 4),),
        recurrent(Recurrent("GRU", 4, 6), 3 * 5),
    ),
    "TransformerEncoderLayer": Case(
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        ((2, 9, 8),),
        in_projection,
        after_projection + linear(of_batch, 8, 16) + linear(of_batch, 16, 8),
    ),
    "BatchNorm1d and GroupNorm between convolutions": Case(
        sequence,
        ((2, 3, 20),),
        convolution(2, 3, 6, (5,), (20,)),
        convolution(2, 6, 6, (3,), (20,), groups=6) + convolution(2, 6, 4, (1,), (20,)),
    ),
    "Flatten and Linear": Case(
        lambda: nn.Sequential(nn.AvgPool1d(2), nn.Flatten(), nn.Linear(12, 5)),
        ((3, 2, 12),),
        linear((3,), 12, 5),
    ),
    "Linear after Linear": Case(
        lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3, bias=False)),
        ((6, 4),),
        linear((6,), 4, 5),
        linear((6,), 5, 3),
    ),
}


def first_output(out: Any) -> Tensor:
    """The mean square of the output, or of the first of several."""
    tensor = out[0] if isinstance(out, tuple) else out
    return tensor.square().mean()  # type: ignore[no-any-return]


def check(case: Case) -> None:
    for device in DEVICES:
        module = case.build().eval().to(device)
        data = [torch.ones(shape, device=device) for shape in case.shapes]
        found = count(module, *data)
        assert (found.macs, found.unknown_operators) == (case.forward, {})
        assert found.by_module[0].macs == case.forward
    module = case.build().to("meta")
    data = [torch.ones(shape, device="meta") for shape in case.shapes]
    step = count(module, *data, loss=first_output)
    assert (step.macs, step.unknown_operators) == (case.step, {})


@pytest.mark.parametrize("name", CASES)
def test_modules_of_torch(name: str) -> None:
    check(CASES[name])


@pytest.mark.parametrize("device", DEVICES)
def test_attention_with_weights_that_are_put_out(device: str) -> None:
    """Query, key and value are one tensor, whose gradient nobody asks for."""
    layer = nn.MultiheadAttention(8, 2, batch_first=True).to(device)
    data = torch.ones(2, 9, 8, device=device)
    found = count(layer, data, data, data)
    assert found.macs == (in_projection + after_projection).forward
    step = count(layer, data, data, data, loss=first_output)
    expected = in_projection.step(weights=True, inputs=False)
    assert step.macs == expected + after_projection.step(weights=True, inputs=True)


@pytest.mark.parametrize("device", DEVICES)
def test_an_embedding_multiplies_nothing_and_has_no_gradient_for_its_indices(device: str) -> None:
    module = nn.Sequential(nn.Embedding(11, 4), nn.Linear(4, 3)).to(device)
    tokens = torch.zeros(2, 5, dtype=torch.long, device=device)
    expected = linear((2, 5), 4, 3)
    assert count(module, tokens).macs == expected.forward
    step = count(module, tokens, loss=first_output)
    assert step.macs == expected.step(weights=True, inputs=True)


def test_a_layer_without_a_formula_is_named_and_in_no_sum() -> None:
    found = count(nn.Bilinear(3, 4, 5), torch.ones(6, 3), torch.ones(6, 4))
    assert found.unknown_operators == {"_trilinear": 1}
    assert found.macs == 0
    assert "_trilinear" in str(found)


ROWS = (2, 4, 10)  # of a block in chunks: batch, chunk size, number of chunks


def of_asteroid() -> dict[str, Case]:
    """Blocks of Conv-TasNet and of DPRNN, and a whole separator, by the sizes they are given."""
    convolutional = pytest.importorskip("asteroid.masknn.convolutional", exc_type=ImportError)
    recurrent_blocks = pytest.importorskip("asteroid.masknn.recurrent", exc_type=ImportError)
    frames = 2 * 4 * 10
    lstm = Recurrent("LSTM", 6, 5, directions=2)
    project = linear(ROWS, 10, 6)
    point, depth = convolution(2, 4, 7, (1,), (30,)), convolution(2, 7, 7, (3,), (30,), groups=7)
    return {
        "Conv1DBlock": Case(
            lambda: convolutional.Conv1DBlock(4, 7, 0, 3, padding=2, dilation=2),
            ((2, 4, 30),),
            point,
            depth + convolution(2, 7, 4, (1,), (30,)),
        ),
        "DPRNNBlock": Case(
            lambda: recurrent_blocks.DPRNNBlock(6, 5),
            ((2, 6, 4, 10),),
            recurrent(lstm, frames),
            project + recurrent(lstm, frames) + project,
        ),
        "TDConvNet": Case(  # it begins with a norm, whose weights need the next layer's gradient
            lambda: convolutional.TDConvNet(
                9, 2, n_blocks=1, n_repeats=1, bn_chan=4, hid_chan=7, skip_chan=0
            ),
            ((2, 9, 30),),
            NOTHING,
            convolution(2, 9, 4, (1,), (30,))
            + point
            + depth
            + convolution(2, 7, 4, (1,), (30,))
            + convolution(2, 4, 18, (1,), (30,)),
        ),
    }


@pytest.mark.parametrize("name", ["Conv1DBlock", "DPRNNBlock", "TDConvNet"])
def test_blocks_of_asteroid(name: str) -> None:
    check(of_asteroid()[name])


@pytest.mark.parametrize("device", DEVICES)
def test_a_filterbank_of_asteroid_has_nothing_to_train(device: str) -> None:
    """Its filters are a buffer: a backward is for the mixture alone."""
    filterbanks = pytest.importorskip("asteroid_filterbanks")
    encoder = filterbanks.Encoder(filterbanks.STFTFB(64, 32, 16)).to(device)
    mixture = torch.ones(2, 1, 800, device=device)
    n_frames = convolved_length(800, 32, 16, 0, 1)
    expected = convolution(2, 1, 2 * (64 // 2 + 1), (32,), (n_frames,))
    assert count(encoder, mixture).macs == expected.forward
    step = count(encoder, mixture.requires_grad_(), loss=first_output)
    assert step.macs == expected.step(weights=False, inputs=True)
