from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.two_step_tdcn import TwoStepTDCN, TwoStepTDCNConfig, two_step_tdcn
from tests.textbook import two_step_tdcn as textbook
from tests.textbook.agreement import (
    Reference,
    count_parameters,
    disagreement,
    gradient_disagreement,
)

PUBLISHED = TwoStepTDCNConfig(
    n_filters=256,
    kernel_size=21,
    bn_chan=256,
    hid_chan=512,
    conv_kernel_size=3,
    n_blocks=8,
    n_repeats=4,
    n_src=2,
)
NARROW = TwoStepTDCNConfig(
    n_filters=6,
    kernel_size=5,
    bn_chan=6,
    hid_chan=5,
    conv_kernel_size=3,
    n_blocks=3,
    n_repeats=2,
    n_src=2,
)


def parameter_count() -> int:
    """Layer by layer: weights, biases, gains and slopes."""
    n_src, kernel, filters, hid_chan, conv_kernel, n_blocks = 2, 21, 256, 512, 3, 32
    encoder = filters * kernel + filters
    bottleneck = 2 * filters + filters * filters + filters
    expand = filters * hid_chan + hid_chan + 1 + 2 * hid_chan
    depthwise = conv_kernel * hid_chan + hid_chan + 1 + 2 * hid_chan
    contract = hid_chan * filters + filters
    masks = 2 * filters + n_src * (filters + 1) + n_src
    decoders = n_src * (filters * kernel + 1)
    return encoder + bottleneck + n_blocks * (expand + depthwise + contract) + masks + decoders


def reference(config: TwoStepTDCNConfig) -> Reference:
    return partial(textbook.two_step_tdcn, n_blocks=config.n_blocks)


def test_published_size() -> None:
    with torch.device("meta"):
        model = two_step_tdcn()
    assert count_parameters(model) == parameter_count() == 8_628_038


@pytest.mark.parametrize("n_samples", [1, 37, 240], ids="{}_samples".format)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"n_src": 1},
        {"n_src": 3},
        {"kernel_size": 3},
        {"kernel_size": 9},
        {"kernel_size": 21},
        {"conv_kernel_size": 1},
        {"conv_kernel_size": 5},
        {"n_blocks": 1},
        {"n_blocks": 5},
        {"n_repeats": 1},
        {"n_filters": 2, "bn_chan": 2},
    ],
    ids=str,
)
def test_equals_the_textbook(change: dict[str, Any], n_samples: int) -> None:
    config = replace(NARROW, **change)
    assert disagreement(TwoStepTDCN(config), reference(config), n_samples) < 1e-10


def test_published_size_equals_the_textbook() -> None:
    assert disagreement(two_step_tdcn(), reference(PUBLISHED), n_samples=401) < 1e-10


@pytest.mark.parametrize("n_src", [2, 3])
def test_gradients_equal_the_textbooks(n_src: int) -> None:
    config = replace(NARROW, n_src=n_src)
    assert gradient_disagreement(TwoStepTDCN(config), reference(config), n_samples=37) < 1e-9


@settings(deadline=None, max_examples=25)
@given(n_samples=st.integers(1, 50_000), stride=st.integers(1, 12))
def test_a_frame_for_each_hop_begun(n_samples: int, stride: int) -> None:
    frames: list[int] = []
    with torch.device("meta"):
        model = TwoStepTDCN(replace(NARROW, kernel_size=2 * stride + 1))
        model.encoder.register_forward_hook(
            lambda _, inputs, encoded: frames.append(encoded.shape[-1])
        )
        estimates = model(torch.empty(1, 1, n_samples))
    assert frames == [len(range(0, n_samples, stride))]
    assert estimates.shape == (1, 2, n_samples)


@pytest.mark.parametrize(
    "field",
    [
        "n_filters",
        "kernel_size",
        "bn_chan",
        "hid_chan",
        "conv_kernel_size",
        "n_blocks",
        "n_repeats",
        "n_src",
    ],
)
@pytest.mark.parametrize("size", [0, -1])
def test_sizes_below_one_are_refused_by_name(field: str, size: int) -> None:
    wrong: dict[str, Any] = {field: size}
    with pytest.raises(ValueError, match=f"{field} .*{size}"):
        replace(PUBLISHED, **wrong)


@pytest.mark.parametrize(
    ("field", "size"),
    [("kernel_size", 1), ("kernel_size", 20), ("conv_kernel_size", 2), ("bn_chan", 128)],
)
def test_sizes_that_do_not_fit_are_refused_by_name(field: str, size: int) -> None:
    wrong: dict[str, Any] = {field: size}
    with pytest.raises(ValueError, match=f"{field} .*{size}"):
        replace(PUBLISHED, **wrong)
