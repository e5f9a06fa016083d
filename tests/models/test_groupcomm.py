"""Group communication: its sizes, its textbook and the two forms of its exchange."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.networks.factory import resolve_factory
from bench.registry import IMPROVED
from models.checkpoints.reference import GROUPCOMM_LAYERS, reference_name
from models.groupcomm import (
    groupcomm_config,
    sudormrf_groupcomm_c256_b8,
    sudormrf_groupcomm_c256_b16,
    sudormrf_groupcomm_c512_b8,
    sudormrf_groupcomm_c512_b16,
)
from models.sudormrf import SuDoRMRF
from tests.textbook.agreement import (
    count_parameters,
    disagreement,
    gradient_disagreement,
    noise,
    randomised,
    relative_error,
)
from tests.textbook.later_names import groupcomm_sudormrf

NARROW = replace(
    groupcomm_config(bn_chan=16, n_blocks=2),
    kernel_size=5,
    n_filters=6,
    bn_chan=6,
    hid_chan=9,
    upsampling_depth=3,
    n_groups=3,
)


def textbook(parameters: Mapping[str, Tensor], mixture: Tensor, n_groups: int | None) -> Tensor:
    """By the authors' names, which the textbook has."""
    assert n_groups is not None
    named = {reference_name(name, GROUPCOMM_LAYERS): one for name, one in parameters.items()}
    return groupcomm_sudormrf(named, mixture, n_groups)


@pytest.mark.parametrize(
    ("factory", "n_parameters"),
    [
        (sudormrf_groupcomm_c256_b8, 507_177),
        (sudormrf_groupcomm_c256_b16, 565_073),
        (sudormrf_groupcomm_c512_b8, 1_020_713),
        (sudormrf_groupcomm_c512_b16, 1_198_673),
    ],
)
def test_sizes(factory: Callable[[], SuDoRMRF], n_parameters: int) -> None:
    with torch.device("meta"):
        assert count_parameters(factory()) == n_parameters


@pytest.mark.parametrize(
    ("entry", "n_parameters"),
    list(zip(IMPROVED, (5_016_353, 6_363_425, 23_239_241), strict=True)),
    ids=lambda value: getattr(value, "name", value),
)
def test_sizes_of_the_improved_networks_with_published_costs(entry: Any, n_parameters: int) -> None:
    with torch.device("meta"):
        assert count_parameters(resolve_factory(entry.factory)()) == n_parameters


@pytest.mark.parametrize("n_samples", [1, 37, 240], ids="{}_samples".format)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"n_src": 3},
        {"n_groups": 1},
        {"n_groups": 6, "hid_chan": 6},
        {"kernel_size": 21},
        {"upsampling_depth": 1},
    ],
    ids=str,
)
def test_equals_the_textbook(change: dict[str, Any], n_samples: int) -> None:
    config = replace(NARROW, **change)
    reference = partial(textbook, n_groups=config.n_groups)
    assert disagreement(SuDoRMRF(config), reference, n_samples) < 1e-10


def test_its_published_sizes_equal_the_textbook() -> None:
    config = groupcomm_config(bn_chan=256, n_blocks=1)
    assert disagreement(SuDoRMRF(config), partial(textbook, n_groups=16), n_samples=401) < 1e-10


def test_gradients_equal_the_textbooks() -> None:
    reference = partial(textbook, n_groups=3)
    assert gradient_disagreement(SuDoRMRF(NARROW), reference, n_samples=37) < 1e-9


def test_the_exchange_is_the_same_in_both_forms() -> None:
    network = randomised(SuDoRMRF(NARROW))
    mixture = noise(3, 1, 101)
    with torch.no_grad():
        estimates = network(mixture)
        for part in network.modules():
            if hasattr(part, "computes_as_defined"):
                part.computes_as_defined = True  # type: ignore[assignment]
        assert 0 < relative_error(estimates, network(mixture)) < 1e-12


def test_groups_hear_of_each_other_in_the_exchange_alone() -> None:
    """A change in one group's channels reaches the others, and not without what they are told."""
    network = randomised(SuDoRMRF(NARROW))
    block: Any = network.get_submodule("separator.blocks.0")
    features = noise(1, 6, 16)
    changed = features.clone()
    changed[:, :2] += 1.0
    with torch.no_grad():
        others = (block(changed) - block(features))[:, 2:]
        assert others.abs().min() > 0
        block.exchange.norm.weight.zero_()
        assert torch.equal(block(changed)[:, 2:], block(features)[:, 2:])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n_groups": 0}, "n_groups must divide bn_chan and hid_chan, 6 and 9: it is 0"),
        ({"n_groups": -1}, "it is -1"),
        ({"n_groups": 2}, "it is 2"),
        ({"n_groups": 4}, "it is 4"),
        ({"norm": "ln"}, "n_groups is for the variant 'improved' with the norm 'gln'"),
        ({"variant": "code"}, "n_groups is for the variant 'improved'"),
        ({"is_causal": True, "norm": "frame"}, "n_groups is for the variant 'improved'"),
    ],
)
def test_groups_that_are_not_built_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(NARROW, **change)
