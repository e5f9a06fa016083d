"""The loss against a plain numpy reading of its definition, and the laws it obeys."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bench.objective import find_assignment, negative_pit_si_sdr, pairwise_si_sdr_db

Array = np.ndarray[Any, np.dtype[np.float64]]
SHAPES = [(1, 1, 50), (1, 2, 64), (3, 2, 101), (2, 3, 80), (2, 4, 33), (2, 5, 40)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def example(shape: tuple[int, int, int], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Estimates that resemble the sources in another order, with 3 dB and more of noise."""
    sources = noise(*shape, seed=seed)
    return sources.flip(1) + 0.7 * noise(*shape, seed=seed + 1), sources


def si_sdr_db(estimate: Array, source: Array) -> float:
    """Le Roux et al. 2019: project on the source, compare with what is left."""
    target = source * (estimate @ source) / (source @ source)
    residual = estimate - target
    return float(10 * np.log10((target @ target) / (residual @ residual)))


def best_mean_si_sdr_db(estimates: Array, sources: Array) -> float:
    return max(
        float(np.mean([si_sdr_db(estimates[i], sources[k]) for i, k in enumerate(order)]))
        for order in permutations(range(len(sources)))
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 10])
def test_against_numpy(shape: tuple[int, int, int], seed: int) -> None:
    estimates, sources = example(shape, seed)
    batch = zip(estimates.numpy(), sources.numpy(), strict=True)
    expected = -np.mean([best_mean_si_sdr_db(e, s) for e, s in batch])
    assert negative_pit_si_sdr(estimates, sources).item() == pytest.approx(expected, abs=1e-8)


def test_pairs_have_estimates_along_rows() -> None:
    estimates, sources = example((2, 3, 40))
    pairs = pairwise_si_sdr_db(estimates, sources)
    for b, i, k in np.ndindex(2, 3, 3):
        expected = si_sdr_db(estimates[b, i].numpy(), sources[b, k].numpy())
        # The definition has no EPS: it weighs more where hardly any power is on the source.
        assert pairs[b, i, k].item() == pytest.approx(expected, abs=1e-6)


@given(order=st.permutations(range(4)), of_sources=st.booleans())
def test_the_order_of_estimates_and_sources_does_not_matter(
    order: list[int], of_sources: bool
) -> None:
    estimates, sources = example((2, 4, 60))
    loss = negative_pit_si_sdr(estimates, sources)
    if of_sources:
        permuted = negative_pit_si_sdr(estimates, sources[:, order])
    else:
        permuted = negative_pit_si_sdr(estimates[:, order], sources)
    torch.testing.assert_close(permuted, loss, rtol=1e-12, atol=1e-12)


@given(scale=st.floats(0.1, 100), sign=st.sampled_from([-1, 1]))
def test_the_scale_of_the_estimates_does_not_matter(scale: float, sign: int) -> None:
    estimates, sources = example((2, 2, 60))
    torch.testing.assert_close(
        negative_pit_si_sdr(sign * scale * estimates, sources),
        negative_pit_si_sdr(estimates, sources),
        rtol=0,
        atol=1e-6,
    )


def test_every_item_of_the_batch_finds_its_own_order() -> None:
    sources = noise(2, 2, 100)
    estimates = torch.stack([sources[0], sources[1].flip(0)]) + 0.1 * noise(2, 2, 100, seed=5)
    assert negative_pit_si_sdr(estimates, sources) < -15


@pytest.mark.parametrize(("dtype", "at_least"), [(torch.float64, 90.0), (torch.float32, 50.0)])
def test_perfect_estimates_are_worth_much(dtype: torch.dtype, at_least: float) -> None:
    sources = noise(2, 3, 8000).to(dtype)
    assert negative_pit_si_sdr(3 * sources.flip(1), sources) < -at_least


def test_more_noise_is_a_larger_loss() -> None:
    sources, other = noise(2, 2, 200), noise(2, 2, 200, seed=9)
    losses = [negative_pit_si_sdr(sources + level * other, sources) for level in (0.1, 0.3, 1, 3)]
    assert losses == sorted(losses)
    assert losses[0] + 15 < losses[-1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("case", ["source", "estimate", "both", "perfect"])
def test_silence_and_perfection_stay_finite_with_their_gradients(
    dtype: torch.dtype, case: str
) -> None:
    estimates, sources = (tensor.to(dtype) for tensor in example((1, 2, 100)))
    if case in ("source", "both"):
        sources = torch.cat([torch.zeros_like(sources[:, :1]), sources[:, 1:]], dim=1)
    if case in ("estimate", "both"):
        estimates = torch.cat([torch.zeros_like(estimates[:, :1]), estimates[:, 1:]], dim=1)
    if case == "perfect":
        estimates = sources.clone()
    estimates.requires_grad_()
    loss = negative_pit_si_sdr(estimates, sources)
    loss.backward()
    assert torch.isfinite(loss)
    assert estimates.grad is not None
    assert torch.isfinite(estimates.grad).all()


@pytest.mark.parametrize("n_src", [2, 4])
def test_the_gradient_is_that_of_the_definition(n_src: int) -> None:
    estimates, sources = example((2, n_src, 12))
    estimates.requires_grad_()
    assert torch.autograd.gradcheck(lambda e: negative_pit_si_sdr(e, sources), estimates)


def test_a_step_against_the_gradient_improves() -> None:
    estimates, sources = example((1, 2, 100))
    estimates.requires_grad_()
    loss = negative_pit_si_sdr(estimates, sources)
    (gradient,) = torch.autograd.grad(loss, estimates)
    assert negative_pit_si_sdr(estimates - 0.01 * gradient, sources) < loss


@pytest.mark.parametrize("shape", [(1, 3, 2), (1, 2, 3)])
def test_other_numbers_of_estimates_than_sources_have_no_assignment(
    shape: tuple[int, int, int],
) -> None:
    with pytest.raises(ValueError, match=r"\d estimates for \d sources"):
        find_assignment(torch.zeros(shape))
