"""The ideal ratio mask: perfect where sources share nothing, and above the mixture elsewhere."""

import torch

from bench.evaluation.metric import score_estimates
from bench.evaluation.oracle import separate_ideally


def test_tones_that_share_no_frequency_are_parted() -> None:
    """By 40 dB: a Hann window's side lobes fall fast."""
    time = torch.arange(32000, dtype=torch.float64)
    sources = torch.stack([torch.sin(0.3 * time), torch.sin(1.7 * time)]).unsqueeze(0)
    mixture = sources.sum(1, keepdim=True)
    scores = score_estimates(separate_ideally(mixture, sources), mixture, sources)
    assert scores.improvement_db.item() > 40


def test_equal_sources_cannot_be_parted() -> None:
    """Each mask is a half, and the estimate the mixture."""
    one = torch.randn(1, 1, 8000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sources = one.expand(1, 2, 8000)
    mixture = sources.sum(1, keepdim=True)
    estimates = separate_ideally(mixture, sources)
    torch.testing.assert_close(estimates, sources, rtol=0, atol=1e-9)


def test_estimates_of_noise_add_up_to_the_mixture_and_improve_on_it() -> None:
    generator = torch.Generator().manual_seed(1)
    sources = torch.randn(2, 3, 9001, generator=generator, dtype=torch.float64)
    mixture = sources.sum(1, keepdim=True)
    estimates = separate_ideally(mixture, sources)
    assert estimates.shape == sources.shape
    torch.testing.assert_close(estimates.sum(1), mixture.squeeze(1), rtol=0, atol=1e-6)
    assert (score_estimates(estimates, mixture, sources).improvement_db > 3).all()


def test_silence_is_finite() -> None:
    sources = torch.zeros(1, 2, 4000)
    assert torch.isfinite(separate_ideally(sources[:, :1], sources)).all()
