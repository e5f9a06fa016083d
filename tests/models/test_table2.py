"""The rows of Table 2 and the improved network that they are built from."""

from collections.abc import Callable
from dataclasses import astuple, replace
from functools import partial
from typing import Any

import pytest
import torch

from bench.networks.factory import resolve_factory
from bench.registry import TABLE2 as ENTRIES
from bench.results.published import TABLE2
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig, padded_length
from models.table2 import improved, sudormrf_c128_b16_k17_q4
from tests.textbook.agreement import (
    Reference,
    count_parameters,
    disagreement,
    gradient_disagreement,
)
from tests.textbook.improved_sudormrf import improved_sudormrf
from tests.textbook.sudormrf import sudormrf

NARROW = SuDoRMRFConfig(
    n_blocks=2,
    kernel_size=5,
    n_filters=6,
    bn_chan=4,
    hid_chan=5,
    upsampling_depth=3,
    variant="improved",
    mask_activation="relu",
    decoders="one",
)


def reference(config: SuDoRMRFConfig) -> Reference:
    return partial(improved_sudormrf, n_src=config.n_src)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_row_is_built_as_printed(entry: Any) -> None:
    with torch.device("meta"):
        model: Any = resolve_factory(entry.factory)()
    config = model.config
    is_ln = config.variant == "code"
    built = (
        config.kernel_size,
        config.bn_chan,
        config.n_blocks,
        config.upsampling_depth - 1,
        "LN" if is_ln else "GLN",
        {"softmax": "Softmax", "relu": "ReLU"}[config.mask_activation],
        {"one": 1, "one_per_source": config.n_src}[config.decoders],
    )
    assert built == astuple(TABLE2[entry.name])[:-1]
    assert (config.n_src, config.n_filters, config.hid_chan, config.norm) == (2, 512, 512, "gln")


@pytest.mark.parametrize(
    ("build", "n_parameters"),
    [
        (partial(improved, 128, 4, 21, 4), 869_513),
        (partial(improved, 256, 3, 41, 4), 1_356_807),
        (partial(improved, 256, 2, 17, 4, n_src=3), 1_185_029),
    ],
)
def test_sizes_of_the_improved_code(build: Callable[[], SuDoRMRF], n_parameters: int) -> None:
    with torch.device("meta"):
        assert count_parameters(build()) == n_parameters


@pytest.mark.parametrize("n_samples", [1, 37, 240], ids="{}_samples".format)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"n_src": 1},
        {"n_src": 3},
        {"kernel_size": 3},
        {"kernel_size": 41},
        {"upsampling_depth": 1},
        {"upsampling_depth": 5},
        {"n_filters": 7},
    ],
    ids=str,
)
def test_the_improved_network_equals_the_textbook(change: dict[str, Any], n_samples: int) -> None:
    config = replace(NARROW, **change)
    assert disagreement(SuDoRMRF(config), reference(config), n_samples) < 1e-10


def test_its_published_size_equals_the_textbook() -> None:
    model = improved(bn_chan=128, n_blocks=2, kernel_size=21, n_resamplings=4)
    assert disagreement(model, reference(model.config), n_samples=401) < 1e-10


def test_its_gradients_equal_the_textbooks() -> None:
    assert gradient_disagreement(SuDoRMRF(NARROW), reference(NARROW), n_samples=37) < 1e-9


@pytest.mark.parametrize("n_src", [1, 2, 3])
def test_the_second_row_equals_the_textbook(n_src: int) -> None:
    published = sudormrf_c128_b16_k17_q4().config
    sizes: dict[str, Any] = {"n_blocks": 1, "n_filters": 6, "bn_chan": 4, "hid_chan": 5}
    config = replace(published, n_src=n_src, **sizes)
    textbook = partial(sudormrf, n_src=n_src, variant="code", row_2=True)
    assert disagreement(SuDoRMRF(config), textbook, n_samples=130) < 1e-10


@pytest.mark.parametrize(("n_samples", "padded"), [(1, 320), (320, 320), (321, 640), (8000, 8000)])
def test_padding_of_the_improved_code(n_samples: int, padded: int) -> None:
    published = improved(128, 1, 21, 4).config
    assert padded_length(n_samples, published) == padded


@pytest.mark.parametrize("field", ["variant", "norm", "mask_activation", "decoders"])
def test_unknown_choices_are_refused_by_name(field: str) -> None:
    wrong: dict[str, Any] = {field: "neither"}
    with pytest.raises(ValueError, match=f"{field} must be one of .*'neither'"):
        replace(NARROW, **wrong)
