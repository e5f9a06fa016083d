import json
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch import nn

from models.checkpoints.architecture import describe_network, network_of, rebuild_network
from models.checkpoints.error import CheckpointError
from models.streaming import StreamingSuDoRMRF
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig

NARROW = SuDoRMRFConfig(
    n_blocks=2, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=5, upsampling_depth=3
)
FIELDS = asdict(NARROW)
CAUSAL = replace(NARROW, norm="frame", is_causal=True)


@pytest.mark.parametrize(
    "model",
    [
        SuDoRMRF(NARROW),
        SuDoRMRF(replace(NARROW, n_src=3, variant="text", norm="ln")),
        SuDoRMRF(replace(NARROW, variant="improved", mask_activation="relu", decoders="one")),
        StreamingSuDoRMRF(CAUSAL),
    ],
    ids=lambda model: str(model.config),
)
def test_a_network_comes_back_from_its_description(model: SuDoRMRF) -> None:
    described = json.loads(json.dumps(describe_network(model)))
    rebuilt = rebuild_network(described["architecture"], described["config"], model.state_dict())
    assert type(rebuilt) is type(model)
    assert rebuilt.config == model.config
    mixture = torch.randn(2, 1, 100, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(rebuilt(mixture), model(mixture))


def test_other_networks_are_not_described() -> None:
    class Changed(SuDoRMRF):
        """Has the same parameters and may do anything with them."""

    assert describe_network(nn.Conv1d(1, 1, 1)) == describe_network(Changed(NARROW)) == {}


def test_what_was_rebuilt_can_be_trained() -> None:
    rebuilt = rebuild_network("SuDoRMRF", FIELDS, SuDoRMRF(NARROW).state_dict())
    rebuilt(torch.ones(1, 1, 50)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in rebuilt.parameters())


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (FIELDS | {"n_blocks": 3}, r"separator\.blocks\.2.* is missing.*n_blocks=3"),
        (FIELDS | {"n_blocks": 1}, r"separator\.blocks\.1.* is not a tensor"),
        (FIELDS | {"hid_chan": 7}, r"expand\.0\.weight .*\[5, 4, 1\].*\[7, 4, 1\]"),
        (FIELDS | {"n_blocks": 10**9}, "too few"),
        (FIELDS | {"upsampling_depth": 10**9}, "too few"),
        (FIELDS | {"n_filters": 10**12}, r"encoder\.0\.weight .* is expected"),
        (FIELDS | {"n_filters": 10**30}, "No network"),
        (FIELDS | {"n_blocks": 1.5}, "No network"),
        (FIELDS | {"n_blocks": "2"}, "damaged"),
        (FIELDS | {"width": 2}, "width"),
        (FIELDS | {"variant": "best"}, "best"),
        ([1, 2], "damaged"),
        (None, "damaged"),
        ({}, "n_blocks"),
    ],
    ids=range(14),
)
def test_weights_must_be_those_of_the_configuration(config: object, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        rebuild_network("SuDoRMRF", config, SuDoRMRF(NARROW).state_dict())


@pytest.mark.parametrize("architecture", ["ConvTasNet", None, ["SuDoRMRF"]], ids=str)
def test_other_architectures_are_refused(architecture: object) -> None:
    with pytest.raises(CheckpointError, match=r"architecture .*'SuDoRMRF' or 'Streaming"):
        rebuild_network(architecture, FIELDS, SuDoRMRF(NARROW).state_dict())


def test_a_stream_needs_a_causal_configuration() -> None:
    with pytest.raises(CheckpointError, match="No network"):
        rebuild_network("StreamingSuDoRMRF", FIELDS, SuDoRMRF(NARROW).state_dict())


def test_weights_of_other_kinds_become_float32() -> None:
    halves: dict[str, Any] = {n: w.half() for n, w in SuDoRMRF(NARROW).state_dict().items()}
    model = network_of(NARROW, halves)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
