"""The authors' third causal network: its textbook, its causality, and the same on a stream."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from models.causal_v3 import causal_v3_config, sudormrf_causal_v3_c128, sudormrf_causal_v3_c512
from models.checkpoints.reference import CAUSAL_V3_LAYERS, reference_name
from models.past import Gain, PastConv1d
from models.streaming import StreamingSuDoRMRF
from tests.models.test_streaming import build, cut, depths, few, stream, strides
from tests.textbook.agreement import (
    count_parameters,
    disagreement,
    gradient_disagreement,
    noise,
    relative_error,
)
from tests.textbook.later_names import causal_v3_sudormrf

NARROW = replace(
    causal_v3_config(bn_chan=4, upsampling_depth=3),
    n_blocks=2,
    kernel_size=5,
    n_filters=6,
    hid_chan=5,
)


def textbook(parameters: Mapping[str, Tensor], mixture: Tensor) -> Tensor:
    """By the authors' names, which the textbook has."""
    named = {reference_name(name, CAUSAL_V3_LAYERS): one for name, one in parameters.items()}
    return causal_v3_sudormrf(named, mixture)


@pytest.mark.parametrize(
    ("factory", "n_parameters", "latency"),
    [(sudormrf_causal_v3_c128, 3_090_146, 90), (sudormrf_causal_v3_c512, 10_158_194, 170)],
)
def test_sizes(factory: Callable[[], StreamingSuDoRMRF], n_parameters: int, latency: int) -> None:
    with torch.device("meta"):
        network = factory()
    assert count_parameters(network) == n_parameters
    assert network.latency_samples(network.hop_samples) == latency


@pytest.mark.parametrize("n_samples", [1, 8, 37, 240])
@pytest.mark.parametrize(
    "change",
    [{}, {"n_src": 3}, {"kernel_size": 3}, {"kernel_size": 21}, {"upsampling_depth": 1}],
    ids=str,
)
def test_equals_the_textbook(change: dict[str, Any], n_samples: int) -> None:
    assert disagreement(StreamingSuDoRMRF(replace(NARROW, **change)), textbook, n_samples) < 1e-10


def test_gradients_equal_the_textbooks() -> None:
    assert gradient_disagreement(StreamingSuDoRMRF(NARROW), textbook, n_samples=37) < 1e-9


def test_taps_of_the_future_change_nothing_in_either_form() -> None:
    network = build(NARROW)
    mixture = noise(2, 1, 101)
    windows = [part for part in network.modules() if isinstance(part, PastConv1d)]
    assert len(windows) == 1 + 2 * 3
    with torch.no_grad():
        estimates = network(mixture)
        for part in windows:
            part.computes_as_defined = True
            part.weight[..., -(part.kernel_size[0] // 2) :] = float("nan")
        assert relative_error(network(mixture), estimates) < 1e-12


def test_at_the_start_blocks_change_nothing() -> None:
    torch.manual_seed(0)
    network = StreamingSuDoRMRF(NARROW)
    block = network.get_submodule("separator.blocks.1")
    features = noise(1, 4, 16).float()
    assert torch.equal(block(features), features)


@few
@given(
    n_samples=st.integers(1, 300), changed_from=st.integers(0, 299), stride=strides, depth=depths
)
def test_no_output_sees_further_than_the_lookahead(
    n_samples: int, changed_from: int, stride: int, depth: int
) -> None:
    config = replace(NARROW, kernel_size=2 * stride + 1, upsampling_depth=depth)
    network = build(config)
    mixture = noise(1, 1, n_samples)
    changed = mixture.clone()
    changed[..., changed_from:] += 1.0
    with torch.no_grad():
        before, after = network(mixture), network(changed)
    n_same = max(0, changed_from - config.lookahead_samples)
    torch.testing.assert_close(after[..., :n_same], before[..., :n_same], rtol=1e-12, atol=1e-12)


def test_the_lookahead_is_one_hop_and_no_longer_than_needed() -> None:
    network = build(NARROW)
    mixture = noise(1, 1, 400)
    last_seen = 40 * NARROW.stride
    changed = mixture.clone()
    changed[..., last_seen:] += 1.0
    with torch.no_grad():
        difference = (network(changed) - network(mixture)).abs().sum(dim=(0, 1))
    assert NARROW.lookahead_samples == NARROW.stride == 2
    assert int(difference.nonzero()[0]) == last_seen - NARROW.lookahead_samples


@few
@given(
    n_samples=st.integers(1, 300),
    places=st.lists(st.integers(0, 300), max_size=8),
    stride=strides,
    depth=depths,
    batch=st.integers(1, 2),
)
@example(n_samples=16, places=[], stride=2, depth=3, batch=1)  # one that needs no zeros
@example(n_samples=24, places=[8], stride=2, depth=3, batch=1)
@example(n_samples=1, places=[0], stride=6, depth=1, batch=1)
def test_chunks_of_any_size_give_what_the_whole_gives(
    n_samples: int, places: list[int], stride: int, depth: int, batch: int
) -> None:
    network = build(replace(NARROW, kernel_size=2 * stride + 1, upsampling_depth=depth))
    mixture = noise(batch, 1, n_samples)
    streamed = torch.cat(stream(network, cut(mixture, places)), dim=-1)
    with torch.no_grad():
        assert relative_error(streamed, network(mixture)) < 1e-12


def test_published_size_streams_in_single_precision() -> None:
    torch.manual_seed(0)
    network = StreamingSuDoRMRF(replace(causal_v3_config(), n_blocks=2))
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, Gain):
                part.gain.fill_(0.5)
    mixture = noise(1, 1, 4001).float()
    streamed = torch.cat(stream(network, mixture.split(333, dim=-1)), dim=-1)
    with torch.no_grad():
        assert relative_error(streamed, network(mixture)) < 1e-5


def test_the_end_of_an_empty_stream_is_empty() -> None:
    network = build(NARROW)
    assert network.flush(network.start()).shape == (1, 2, 0)


def test_the_state_is_as_small_as_it_says() -> None:
    network = StreamingSuDoRMRF(replace(causal_v3_config(), n_blocks=2))
    # 8 depth-wise convolutions of 512 channels, 20 samples of mixture and of two overlaps.
    assert network.start().state_bytes == 4 * (8 * 512 * 10 + 20 + 2 * 20)


@pytest.mark.parametrize("change", [{"is_causal": False}, {"norm": "frame"}], ids=str)
def test_what_it_is_not_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'causal_v3' is causal, with the norm 'none'"):
        replace(NARROW, **change)
