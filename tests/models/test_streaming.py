"""Causal networks: nothing of the future is used, and a stream gives what the whole gives."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.streaming import (
    StreamingSuDoRMRF,
    causal_config,
    sudormrf_causal_0_5x,
    sudormrf_causal_0_25x,
    sudormrf_causal_1_0x,
)
from models.sudormrf import SuDoRMRFConfig
from tests.textbook.agreement import (
    count_parameters,
    disagreement,
    gradient_disagreement,
    noise,
    randomised,
    relative_error,
)
from tests.textbook.improved_sudormrf import causal_sudormrf

NARROW = replace(
    causal_config(n_blocks=2),
    kernel_size=5,
    n_filters=6,
    bn_chan=4,
    hid_chan=5,
    upsampling_depth=3,
)

strides = st.integers(1, 6)
depths = st.integers(1, 4)
few = settings(deadline=None, max_examples=25)


def build(config: SuDoRMRFConfig) -> StreamingSuDoRMRF:
    network = randomised(StreamingSuDoRMRF(config))
    assert isinstance(network, StreamingSuDoRMRF)
    return network


@torch.no_grad()
def stream(network: StreamingSuDoRMRF, chunks: Sequence[Tensor]) -> list[Tensor]:
    """The estimates of each chunk, and those of the end."""
    state = network.start(len(chunks[0]))
    answers = []
    for chunk in chunks:
        estimates, state = network.stream(chunk, state)
        answers.append(estimates)
    return [*answers, network.flush(state)]


def cut(mixture: Tensor, places: Sequence[int]) -> list[Tensor]:
    bounds = [0, *sorted(min(place, mixture.shape[-1]) for place in places), mixture.shape[-1]]
    return [mixture[..., start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize("n_samples", [1, 8, 37, 240])
@pytest.mark.parametrize(
    "change",
    [{}, {"n_src": 3}, {"kernel_size": 3}, {"kernel_size": 21}, {"upsampling_depth": 1}],
    ids=str,
)
def test_equals_the_textbook(change: dict[str, Any], n_samples: int) -> None:
    config = replace(NARROW, **change)
    textbook = partial(causal_sudormrf, n_src=config.n_src)
    assert disagreement(StreamingSuDoRMRF(config), textbook, n_samples) < 1e-10


def test_gradients_equal_the_textbooks() -> None:
    textbook = partial(causal_sudormrf, n_src=2)
    assert gradient_disagreement(StreamingSuDoRMRF(NARROW), textbook, n_samples=37) < 1e-9


@pytest.mark.parametrize("decoders", ["one", "one_per_source"])
def test_the_transposed_convolution_equals_the_overlap_add(decoders: str) -> None:
    change: dict[str, Any] = {"decoders": decoders}
    network = build(replace(NARROW, **change))
    mixture = noise(2, 1, 101)
    with torch.no_grad():
        estimates = network(mixture)
        network.decoder.computes_as_defined = True
        assert relative_error(estimates, network(mixture)) < 1e-12


@few
@given(
    n_samples=st.integers(1, 300),
    changed_from=st.integers(0, 299),
    stride=strides,
    depth=depths,
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


def test_the_lookahead_is_no_longer_than_needed() -> None:
    network = build(NARROW)
    mixture = noise(1, 1, 400)
    last_seen = 40 * NARROW.stride
    changed = mixture.clone()
    changed[..., last_seen:] += 1.0
    with torch.no_grad():
        difference = (network(changed) - network(mixture)).abs().sum(dim=(0, 1))
    first_changed = int(difference.nonzero()[0])
    assert first_changed == last_seen - NARROW.lookahead_samples


@few
@given(
    n_samples=st.integers(1, 300),
    places=st.lists(st.integers(0, 300), max_size=8),
    stride=strides,
    depth=depths,
    batch=st.integers(1, 2),
)
@example(n_samples=300, places=[0, 0, 1, 1], stride=2, depth=3, batch=1)
def test_chunks_of_any_size_give_what_the_whole_gives(
    n_samples: int, places: list[int], stride: int, depth: int, batch: int
) -> None:
    network = build(replace(NARROW, kernel_size=2 * stride + 1, upsampling_depth=depth))
    mixture = noise(batch, 1, n_samples)
    streamed = torch.cat(stream(network, cut(mixture, places)), dim=-1)
    with torch.no_grad():
        assert relative_error(streamed, network(mixture)) < 1e-12


@pytest.mark.parametrize("variant", ["code", "text"])
def test_every_variant_can_stream(variant: str) -> None:
    change: dict[str, Any] = {"variant": variant, "decoders": "one_per_source"}
    network = build(replace(NARROW, **change, mask_activation="softmax"))
    mixture = noise(2, 1, 203)
    streamed = torch.cat(stream(network, cut(mixture, [7, 100])), dim=-1)
    with torch.no_grad():
        assert relative_error(streamed, network(mixture)) < 1e-12


def test_published_size_streams_in_single_precision() -> None:
    torch.manual_seed(0)
    network = sudormrf_causal_0_25x()
    mixture = noise(1, 1, 4001).float()
    streamed = torch.cat(stream(network, mixture.split(333, dim=-1)), dim=-1)
    with torch.no_grad():
        assert relative_error(streamed, network(mixture)) < 1e-5


def test_the_end_of_an_empty_stream_is_empty() -> None:
    network = build(NARROW)
    assert network.flush(network.start()).shape == (1, 2, 0)
    answers = stream(network, [torch.zeros(1, 1, 0, dtype=torch.float64)])
    assert [answer.shape for answer in answers] == [(1, 2, 0)] * 2


@few
@given(chunk=st.integers(1, 60), stride=strides, depth=depths)
def test_the_latency_is_the_longest_wait(chunk: int, stride: int, depth: int) -> None:
    config = replace(NARROW, n_blocks=1, kernel_size=2 * stride + 1, upsampling_depth=depth)
    network = build(config)
    # As many chunks as it takes until chunks and hops meet in every way they can.
    n_chunks = (
        math.lcm(chunk, config.deepest_hop) // chunk + 3 * network.latency_samples(chunk) // chunk
    )
    answers = stream(network, [noise(1, 1, chunk)] * n_chunks)[:-1]
    waits, n_answered = [], 0
    for index, answer in enumerate(answers, start=1):
        if answer.shape[-1]:
            waits.append(index * chunk - n_answered)  # of the first sample that it answers
        n_answered += answer.shape[-1]
    assert max(waits) == network.latency_samples(chunk)


@pytest.mark.parametrize(
    ("chunk", "latency"), [(1, 180), (160, 180), (320, 340), (80, 180), (100, 260), (161, 340)]
)
def test_latency_of_the_published_sizes(chunk: int, latency: int) -> None:
    assert sudormrf_causal_0_25x().latency_samples(chunk) == latency


def test_the_state_is_as_small_as_it_says_and_does_not_grow() -> None:
    network = StreamingSuDoRMRF(causal_config(n_blocks=2))
    first = network.start()
    # 10 depth-wise convolutions of 512 channels, 20 samples of mixture and of two overlaps.
    assert first.state_bytes == 4 * (10 * 512 * 4 + 20 + 2 * 20)
    with torch.no_grad():
        _, state = network.stream(torch.zeros(1, 1, 800), first)
        _, later = network.stream(torch.zeros(1, 1, 1601), state)
    assert state.state_bytes == first.state_bytes
    assert later.state_bytes == first.state_bytes + 4
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in later.levels)


def test_a_stream_keeps_no_graph_and_no_more_memory_where_gradients_are_on() -> None:
    network = build(NARROW)
    state, sizes = network.start(), set()
    for chunk in noise(1, 1, 20 * NARROW.deepest_hop).requires_grad_().split(30, dim=-1):
        estimates, state = network.stream(chunk, state)
        kept = [state.waiting, state.past, *state.levels, state.overlap]
        assert not any(tensor.requires_grad for tensor in [estimates, *kept])
        sizes.add(sum(tensor.untyped_storage().nbytes() for tensor in kept[1:]))
        assert state.waiting.untyped_storage().nbytes() < 8 * NARROW.deepest_hop
    assert len(sizes) == 1
    assert not network.flush(state).requires_grad


@pytest.mark.parametrize("shape", [(60,), (1, 60), (1, 2, 60), (2, 1, 60), (1, 1, 1, 60)], ids=str)
def test_a_chunk_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    network = build(NARROW)
    said = rf"\[batch = 1, 1, time\], not \[{', '.join(map(str, shape))}\]"
    with pytest.raises(ValueError, match=said):
        network.stream(noise(*shape), network.start())


@pytest.mark.parametrize("dtype", [torch.float32, torch.int16])
def test_a_chunk_of_another_type_is_refused(dtype: torch.dtype) -> None:
    network = build(NARROW)
    with pytest.raises(ValueError, match=f"of torch.float64, as the network's, not of {dtype}"):
        network.stream(torch.zeros(1, 1, 60, dtype=dtype), network.start())


@pytest.mark.parametrize("instead", [[], [torch.zeros(2, 1, 50, dtype=torch.float64)]], ids=len)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_stream_goes_on_after_a_chunk_that_is_not_finite(bad: float, instead: Any) -> None:
    """As if it had not been given, or had been silence."""
    network = build(NARROW)
    before, after = noise(2, 1, 70), noise(2, 1, 90, seed=2)
    spoiled = noise(2, 1, 50, seed=3)
    spoiled[1, 0, 7] = bad
    answered, state = network.stream(before, network.start(2))
    with pytest.raises(ValueError, match="1 of the chunk's 100 samples are not finite"):
        network.stream(spoiled, state)
    answers = [answered]
    for chunk in [*instead, after]:
        answered, state = network.stream(chunk, state)
        answers.append(answered)
    streamed = torch.cat([*answers, network.flush(state)], dim=-1)
    with torch.no_grad():
        whole = network(torch.cat([before, *instead, after], dim=-1))
    assert relative_error(streamed, whole) < 1e-12


@pytest.mark.parametrize(
    ("factory", "n_parameters"),
    [
        (sudormrf_causal_1_0x, 2_720_417),
        (sudormrf_causal_0_5x, 1_486_481),
        (sudormrf_causal_0_25x, 869_513),
    ],
)
def test_sizes(factory: Callable[[], StreamingSuDoRMRF], n_parameters: int) -> None:
    with torch.device("meta"):
        assert count_parameters(factory()) == n_parameters


def test_a_network_that_is_not_causal_is_refused() -> None:
    with pytest.raises(ValueError, match="causal"):
        StreamingSuDoRMRF(replace(NARROW, is_causal=False))


@pytest.mark.parametrize("norm", ["gln", "ln"])
def test_a_causal_network_with_a_norm_over_time_is_refused(norm: str) -> None:
    wrong: dict[str, Any] = {"norm": norm}
    with pytest.raises(ValueError, match=f"'frame', not '{norm}'"):
        replace(NARROW, **wrong)
