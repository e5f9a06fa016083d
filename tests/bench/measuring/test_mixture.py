"""The input of every measurement: the length and batch asked for, and always the same speech."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.measuring.mixture import load_example, load_speakers

PERIOD = 32_000
lengths = st.integers(1, 70_000)


def test_the_recording_is_four_seconds_of_two_speakers() -> None:
    speakers = load_speakers()
    assert speakers.shape == (2, PERIOD)
    assert speakers.dtype == torch.float64
    assert speakers.abs().max() < 1
    correlation = torch.corrcoef(speakers)[0, 1]
    assert abs(correlation) < 0.1  # two of them, not one twice
    powers = speakers.square().mean(1)
    assert powers[0] / powers[1] == pytest.approx(1, rel=0.05)


@settings(max_examples=30)
@given(n_samples=lengths, batch=st.integers(1, 5), n_src=st.integers(1, 4))
def test_shapes_are_as_asked(n_samples: int, batch: int, n_src: int) -> None:
    mixture, sources = load_example(n_samples, batch, n_src)
    assert mixture.shape == (batch, 1, n_samples)
    assert sources.shape == (batch, n_src, n_samples)
    assert mixture.dtype == sources.dtype == torch.float64


@settings(max_examples=30)
@given(n_samples=lengths, batch=st.integers(1, 3))
def test_mixtures_have_mean_0_and_deviation_1(n_samples: int, batch: int) -> None:
    mixture = load_example(n_samples, batch).mixture
    torch.testing.assert_close(mixture.mean(-1), torch.zeros(batch, 1).double(), atol=1e-9, rtol=0)
    if n_samples >= 10:
        deviation = mixture.std(-1, correction=0)
        torch.testing.assert_close(deviation, torch.ones(batch, 1).double(), atol=1e-9, rtol=0)


@settings(max_examples=30)
@given(n_samples=lengths, batch=st.integers(1, 3))
def test_the_two_sources_sum_to_the_mixture_but_for_its_mean(n_samples: int, batch: int) -> None:
    mixture, sources = load_example(n_samples, batch)
    total = sources.sum(1, keepdim=True)
    torch.testing.assert_close(mixture, total - total.mean(-1, keepdim=True), atol=1e-9, rtol=0)


def normalised(signal: torch.Tensor) -> torch.Tensor:
    return (signal - signal.mean()) / signal.std(correction=0)


@pytest.mark.parametrize("n_samples", [10, 500, 8000, PERIOD, PERIOD + 1, 2 * PERIOD + 77])
@pytest.mark.parametrize("item", [0, 1, 3])
def test_it_is_the_recording_cut_or_tiled(n_samples: int, item: int) -> None:
    """Item k begins k times 7919 samples into the recording, which begins again at its end."""
    recorded = load_speakers().sum(0).roll(-7919 * item)
    expected = normalised(recorded.repeat(3)[:n_samples])
    found = load_example(n_samples, batch=4).mixture[item, 0]
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)


def test_a_short_example_is_the_beginning_of_a_long_one() -> None:
    short, long = load_example(500).mixture[0, 0], load_example(5000).mixture[0, 0, :500]
    torch.testing.assert_close(normalised(short), normalised(long), atol=1e-9, rtol=0)


@pytest.mark.parametrize("batch", [1, 4])
def test_one_sample_is_finite(batch: int) -> None:
    mixture, sources = load_example(1, batch, n_src=3)
    assert torch.equal(mixture, torch.zeros(batch, 1, 1).double())
    assert torch.isfinite(sources).all()


def test_it_is_the_same_every_time_whatever_the_seed() -> None:
    torch.manual_seed(1)
    first = load_example(1000, 2, 3)
    torch.manual_seed(2)
    second = load_example(1000, 2, 3)
    assert torch.equal(first.mixture, second.mixture)
    assert torch.equal(first.sources, second.sources)


@pytest.mark.parametrize("n_samples", [2, 80, 400])
def test_a_short_mixture_is_not_silence(n_samples: int) -> None:
    deviation = load_example(n_samples).mixture.std(correction=0).item()
    assert deviation == pytest.approx(1, abs=1e-9)


def test_no_stretch_of_it_is_silent() -> None:
    """No tenth of a second is fainter than -60 dB: silence would run into denormal numbers."""
    mixture = load_example(PERIOD).mixture[0, 0]
    powers = mixture.reshape(-1, 800).square().mean(1)
    assert powers.min() > 1e-6
    assert (mixture[None].unfold(1, 80, 80).std(-1) > 0).float().mean() > 0.9


@pytest.mark.parametrize("batch", [4, 16])
def test_items_of_a_batch_differ(batch: int) -> None:
    mixture = load_example(4000, batch).mixture[:, 0]
    for one in range(batch):
        for other in range(one):
            assert not torch.allclose(mixture[one], mixture[other])


def test_targets_of_the_loss_differ() -> None:
    sources = load_example(4000, n_src=6).sources[0]
    correlations = torch.corrcoef(sources) - torch.eye(6).double()
    assert correlations.abs().max() < 0.5
