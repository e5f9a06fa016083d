from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from baselines.demucs import (
    Demucs,
    DemucsConfig,
    demucs,
    output_length,
    padding_per_side,
    rescale_convolutions,
    trim_centre,
)
from tests.textbook import demucs as textbook
from tests.textbook.agreement import (
    Reference,
    count_parameters,
    disagreement,
    gradient_disagreement,
)

PUBLISHED = DemucsConfig(
    n_src=2,
    channels=80,
    depth=6,
    kernel_size=8,
    stride=4,
    context=3,
    lstm_layers=2,
    n_zeros=7210,
    rescale=0.1,
)
NARROW = replace(PUBLISHED, channels=3, depth=2, n_zeros=30)


def surviving_samples(n_samples: int, config: DemucsConfig) -> int:
    """Samples that come out of ``n_samples`` (padded), none where a kernel finds no room.

    Counted by placing kernels, not by the formula under test.
    """
    for _ in range(config.depth):
        n_samples = len(range(0, n_samples - config.kernel_size + 1, config.stride))
    for _ in range(config.depth):
        places = range(n_samples - config.context + 1)
        n_samples = places[-1] * config.stride + config.kernel_size if places else 0
    return n_samples


def least_padding(n_samples: int, config: DemucsConfig) -> int:
    """The published zeros, or as many more as the network needs to cover the mixture."""
    enough = (
        n_zeros
        for n_zeros in count(config.n_zeros)
        if surviving_samples(n_samples + 2 * n_zeros, config) >= n_samples
    )
    return next(enough)


def lengths_before_trimming(n_samples: int, config: DemucsConfig) -> tuple[int, int]:
    """What the real network makes of a mixture: the padded length, and the decoder's."""
    seen: list[int] = []
    with torch.device("meta"):
        model = Demucs(config)
        model.encoder[0].register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].shape[-1])
        )
        model.decoder[-1].register_forward_hook(
            lambda _, inputs, output: seen.append(output.shape[-1])
        )
        model(torch.empty(1, 1, n_samples))
    padded, decoded = seen
    return padded, decoded


def reference(config: DemucsConfig, n_samples: int) -> Reference:
    n_zeros = least_padding(n_samples, config)
    return partial(textbook.demucs, stride=config.stride, n_zeros=n_zeros)


def test_published_size() -> None:
    with torch.device("meta"):
        assert count_parameters(demucs()) == 415_090_082


def test_the_factory_builds_the_published_size() -> None:
    with torch.device("meta"):
        assert demucs().config == PUBLISHED


@pytest.mark.parametrize("n_samples", [1, 57, 240], ids="{}_samples".format)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"n_src": 1},
        {"n_src": 3},
        {"channels": 1},
        {"depth": 1},
        {"depth": 3, "n_zeros": 150},
        {"kernel_size": 4, "stride": 2},
        {"kernel_size": 7, "stride": 3},
        {"context": 1},
        {"context": 5},
        {"lstm_layers": 1},
        {"n_zeros": 0},
    ],
    ids=str,
)
def test_equals_the_textbook(change: dict[str, Any], n_samples: int) -> None:
    config = replace(NARROW, **change)
    assert disagreement(Demucs(config), reference(config, n_samples), n_samples) < 1e-10


def test_published_depth_equals_the_textbook() -> None:
    config = replace(PUBLISHED, channels=2)
    assert disagreement(Demucs(config), reference(config, 8000), n_samples=8000) < 1e-10


def test_gradients_equal_the_textbooks() -> None:
    assert gradient_disagreement(Demucs(NARROW), reference(NARROW, 57), n_samples=57) < 1e-9


def test_one_second_gets_the_published_padding() -> None:
    assert padding_per_side(8000, PUBLISHED) == 7210


def test_no_estimate_is_shorter_than_its_mixture() -> None:
    too_short = [
        n_samples
        for n_samples in range(1, 50_001)
        if surviving_samples(n_samples + 2 * padding_per_side(n_samples, PUBLISHED), PUBLISHED)
        < n_samples
    ]
    assert too_short == []


@settings(deadline=None)
@given(
    n_samples=st.integers(1, 20_000),
    depth=st.integers(1, 6),
    stride=st.integers(1, 4),
    context=st.sampled_from([1, 3, 5]),
    n_zeros=st.integers(0, 8000),
)
def test_padding_is_the_published_or_the_least(
    n_samples: int, depth: int, stride: int, context: int, n_zeros: int
) -> None:
    config = replace(
        NARROW, depth=depth, stride=stride, kernel_size=2 * stride, context=context, n_zeros=n_zeros
    )
    assert padding_per_side(n_samples, config) == least_padding(n_samples, config)


@settings(deadline=None, max_examples=25)
@given(n_samples=st.integers(1, 50_000))
def test_lengths_are_those_of_the_network(n_samples: int) -> None:
    config = replace(PUBLISHED, channels=1)
    padded, decoded = lengths_before_trimming(n_samples, config)
    assert padded == n_samples + 2 * padding_per_side(n_samples, config)
    assert decoded == output_length(padded, config)


@given(n_samples=st.integers(0, 50), surplus=st.integers(0, 50))
def test_the_centre_is_kept(n_samples: int, surplus: int) -> None:
    signal = torch.arange(n_samples + surplus).expand(2, -1)
    kept = trim_centre(signal, n_samples)
    torch.testing.assert_close(kept, textbook.middle(signal, n_samples), rtol=0, atol=0)


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.ConvTranspose1d])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reference", [0.1, 0.4])
def test_rescaling_meets_the_reference_half_way(
    kind: type[nn.Conv1d | nn.ConvTranspose1d], bias: bool, reference: float
) -> None:
    convolution = kind(3, 4, 5, bias=bias)
    before = {name: tensor.detach().clone() for name, tensor in convolution.named_parameters()}
    rescale_convolutions(nn.Sequential(convolution), reference)
    gain = float((reference / before["weight"].std()).sqrt())
    for name, tensor in convolution.named_parameters():
        torch.testing.assert_close(tensor.detach(), before[name] * gain)


def test_the_network_starts_with_convolutions_rescaled_and_nothing_else() -> None:
    starts = {}
    for rescale in (0.1, 0.4):
        torch.manual_seed(0)
        starts[rescale] = dict(Demucs(replace(NARROW, rescale=rescale)).named_parameters())
    for name, parameter in starts[0.1].items():
        factor = 1.0 if name.startswith("bottleneck") else 2.0
        torch.testing.assert_close(starts[0.4][name], parameter * factor)


@pytest.mark.parametrize(
    ("field", "size"),
    [
        ("n_src", 0),
        ("channels", 0),
        ("depth", 0),
        ("kernel_size", 0),
        ("stride", 0),
        ("context", 0),
        ("lstm_layers", 0),
        ("n_zeros", -1),
        ("rescale", 0.0),
    ],
)
def test_sizes_out_of_range_are_refused_by_name(field: str, size: float) -> None:
    wrong: dict[str, Any] = {field: size}
    with pytest.raises(ValueError, match=f"{field} .*{size}"):
        replace(PUBLISHED, **wrong)
