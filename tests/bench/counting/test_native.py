"""A native network's operations are the plain one's."""

from typing import Any

import pytest
import torch
from torch import nn

from bench.counting.counter import OperationCounter
from bench.measuring.contract import as_defined
from models.config import SuDoRMRFConfig
from models.sudormrf import SuDoRMRF
from tests.models.native.conftest import built as built

IMPROVED: dict[str, Any] = {
    "variant": "improved",
    "mask_activation": "relu",
    "decoders": "one",
}
CAUSAL_V3: dict[str, Any] = {
    "variant": "causal_v3",
    "norm": "none",
    "mask_activation": "prelu",
    "decoders": "one",
    "is_causal": True,
}
CONFIGS: list[dict[str, Any]] = [
    {},
    {"variant": "text", "norm": "ln"},
    IMPROVED,
    IMPROVED | {"norm": "frame", "is_causal": True},
    CAUSAL_V3,
]


def count(network: nn.Module, trains: bool) -> OperationCounter:
    with OperationCounter() as counter, torch.set_grad_enabled(trains):
        estimates = network(torch.ones(2, 1, 801))
        if trains:
            estimates.sum().backward()
    assert not [name for name, tally in counter.tallies.items() if tally.kind == "unknown"]
    return counter


def network_of(change: dict[str, Any]) -> SuDoRMRF:
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=2, n_filters=32, bn_chan=8, hid_chan=16, **change))


@pytest.mark.parametrize("change", CONFIGS, ids=str)
def test_equal_the_plain_networks(change: dict[str, Any]) -> None:
    network = network_of(change)
    as_defined(network)
    plain, native = count(network, trains=False), count(network.native(), trains=False)
    assert (native.macs, native.flops) == (plain.macs, plain.flops)
    assert count(network.native(), trains=True).macs == count(network, trains=True).macs


@pytest.mark.parametrize("change", CONFIGS[1:4], ids=str)
def test_a_fused_network_has_the_products_that_the_plain_one_computes(
    change: dict[str, Any],
) -> None:
    """But for the code's mask head, which the plain one folds at each call."""
    network = network_of(change)
    plain, fused = count(network, trains=False), count(network.fuse(), trains=False)
    assert fused.macs == plain.macs


def test_masks_of_a_fused_network_are_counted_as_the_plain_ones() -> None:
    network = network_of(IMPROVED)
    plain, fused = count(network, trains=False), count(network.fuse(), trains=False)
    assert fused.flops == plain.flops
