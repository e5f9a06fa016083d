"""The products of a forward: they are all of its multiply-adds, at the shapes of textbooks."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bench.counting.counter import EveryOperator, OperationCounter
from bench.counting.products import PIECE_ELEMENTS, ProductFinder
from bench.results.ceilings import ProductShape
from tests.bench.counting.layer_counts import DEVICES

BATCH, TIME = 3, 40


def find(
    run: Callable[[Tensor], object], shape: tuple[int, ...], device: str
) -> tuple[Counter[ProductShape], int]:
    """The products of a run on data of a shape, and all multiply-adds that were counted."""
    finder = ProductFinder()
    data = torch.ones(shape, device=device)
    with torch.inference_mode(), OperationCounter() as counter, EveryOperator(finder.add):
        run(data)
    return finder.calls, counter.macs


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], dict[ProductShape, int]]] = {
    "linear": (lambda: nn.Linear(8, 5), (TIME, 8), {ProductShape(TIME, 8, 5): 1}),
    "point-wise": (lambda: nn.Conv1d(8, 5, 1), (BATCH, 8, TIME), {ProductShape(5, 8, 120): 1}),
    "strided": (
        lambda: nn.Conv1d(8, 5, 4, stride=2),
        (BATCH, 8, TIME),
        {ProductShape(5, 8 * 4, BATCH * 19): 1},
    ),
    "transposed": (
        lambda: nn.ConvTranspose1d(8, 5, 4, stride=2),
        (BATCH, 8, TIME),
        {ProductShape(5 * 4, 8, BATCH * TIME): 1},
    ),
    "grouped": (
        lambda: nn.Conv1d(8, 6, 3, groups=2),
        (BATCH, 8, TIME),
        {ProductShape(3, 4 * 3, BATCH * 38, groups=2): 1},
    ),
    "depth-wise": (lambda: nn.Conv1d(8, 8, 3, groups=8), (BATCH, 8, TIME), {}),
    "lstm": (
        lambda: nn.LSTM(8, 6, num_layers=2, bidirectional=True),
        (TIME, BATCH, 8),
        {
            ProductShape(TIME * BATCH, 8, 24): 2,
            ProductShape(TIME * BATCH, 12, 24): 2,
            ProductShape(BATCH, 6, 24): 4 * TIME,
        },
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_the_products_of_its_textbook(name: str, device: str) -> None:
    build, shape, expected = LAYERS[name]
    calls, macs = find(build().to(device), shape, device)
    assert calls == expected
    if name != "depth-wise":
        assert sum(product.macs * n for product, n in calls.items()) == macs


@pytest.mark.parametrize("device", DEVICES)
def test_projections_and_attention_are_all_of_their_multiply_adds(device: str) -> None:
    projected = nn.LSTM(8, 6, proj_size=4).to(device)
    layer = nn.MultiheadAttention(8, 2, batch_first=True).to(device).eval()
    for run, shape in (
        (projected, (TIME, BATCH, 8)),
        (lambda data: layer(data, data, data, need_weights=False), (BATCH, TIME, 8)),
    ):
        calls, macs = find(run, shape, device)
        assert sum(product.macs * n for product, n in calls.items()) == macs > 0


def test_a_large_unfolded_input_is_multiplied_in_pieces() -> None:
    n_taps, n_columns = 257, 5000
    run = nn.Conv1d(1, 2, n_taps, device="meta")
    calls, macs = find(run, (1, 1, n_columns + n_taps - 1), "meta")
    assert sum(product.macs * n for product, n in calls.items()) == macs
    assert max(product.k * product.n for product in calls) <= PIECE_ELEMENTS
    assert len(calls) == 2
