"""Names of wrapped networks, and weights that must be all of a network's own and no others."""

import pytest
import torch
from torch import Tensor, nn

from models.checkpoints.error import CheckpointError
from models.checkpoints.weights import give_weights, unwrap_names


def make_network() -> nn.Sequential:
    """Has numbers of two kinds: BatchNorm counts its batches."""
    return nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2))


def weights_of(prefix: str = "") -> dict[str, Tensor]:
    network = make_network()
    return {f"{prefix}{name}": tensor + 1 for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(
    "prefix", ["", "module.", "model.", "_orig_mod.", "model.module.", "model._orig_mod."]
)
def test_prefixes_of_what_wraps_a_network_are_taken_off(prefix: str) -> None:
    network = make_network()
    found = unwrap_names(weights_of(prefix), network.state_dict())
    assert found.keys() == network.state_dict().keys()


def test_what_stands_beside_the_network_is_left_out() -> None:
    network = make_network()
    weights = weights_of("model.") | {"loss.weight": torch.ones(1)}
    assert unwrap_names(weights, network.state_dict()).keys() == network.state_dict().keys()


def test_names_that_fit_are_kept() -> None:
    """A network may call a part of itself ``model``."""
    own = weights_of("model.")
    assert unwrap_names(own, own.keys()).keys() == own.keys()


@pytest.mark.parametrize("names", [(), ("weight",), ("model.weight",)], ids=str)
def test_foreign_names_end_the_search(names: tuple[str, ...]) -> None:
    weights = {name: torch.ones(1) for name in names}
    assert len(unwrap_names(weights, {"encoder.weight"})) == len(names)


@pytest.mark.parametrize("place", ["cpu", "meta"])
def test_a_network_has_the_weights_in_its_own_types(place: str) -> None:
    weights = {name: tensor.double() for name, tensor in weights_of().items()}
    with torch.device(place):
        network = make_network()
    give_weights(network, weights)
    kinds = {name: tensor.dtype for name, tensor in make_network().state_dict().items()}
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == kinds[name]
        assert torch.equal(tensor.double(), weights[name])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"0.bias": None}, r"0\.bias \[2\] is missing"),
        ({"0.bias": torch.ones(3)}, r"0\.bias .*\[3\].*\[2\] is expected"),
        ({"2.bias": torch.ones(3)}, r"2\.bias is not a tensor of the network"),
    ],
    ids=["missing", "shape", "unknown"],
)
def test_the_first_that_does_not_fit_is_named(
    change: dict[str, Tensor | None], reason: str
) -> None:
    changed = weights_of() | change
    network = make_network()
    before = network.state_dict()["0.weight"].clone()
    with pytest.raises(CheckpointError, match=reason):
        give_weights(network, {n: tensor for n, tensor in changed.items() if tensor is not None})
    assert torch.equal(network.state_dict()["0.weight"], before)
