"""A native network's operations are the plain one's."""

from typing import Any

import pytest
import torch

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


def count(network: SuDoRMRF, trains: bool) -> OperationCounter:
    with OperationCounter() as counter, torch.set_grad_enabled(trains):
        estimates = network(torch.ones(2, 1, 801))
        if trains:
            estimates.sum().backward()
    assert not [name for name, tally in counter.tallies.items() if tally.kind == "unknown"]
    return counter


@pytest.mark.parametrize("change", CONFIGS, ids=str)
def test_equal_the_plain_networks(change: dict[str, Any]) -> None:
    network = SuDoRMRF(SuDoRMRFConfig(n_blocks=2, n_filters=32, bn_chan=8, hid_chan=16, **change))
    as_defined(network)
    plain, native = count(network, trains=False), count(network.native(), trains=False)
    assert (native.macs, native.flops) == (plain.macs, plain.flops)
    assert count(network.native(), trains=True).macs == count(network, trains=True).macs
