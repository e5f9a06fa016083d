"""SI-SDR improvement against two libraries that others keep, and its laws."""

from itertools import permutations

import fast_bss_eval
import mir_eval
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.evaluation.metric import in_order_of_sources, score_estimates
from bench.objective import find_assignment, negative_pit_si_sdr


def example(batch: int, n_src: int, n_samples: int = 400, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sources, and estimates of them in another order with noise of some -3 dB."""
    generator = torch.Generator().manual_seed(seed)
    sources, noise = torch.randn(
        2, batch, n_src, n_samples, generator=generator, dtype=torch.float64
    )
    return sources.flip(1) + 0.7 * noise, sources


def mix(sources: Tensor) -> Tensor:
    return sources.sum(1, keepdim=True)


@pytest.mark.parametrize("n_src", [2, 3, 5])
def test_against_fast_bss_eval(n_src: int) -> None:
    """To 1e-6 dB, before and after, and the loss with it; neither removes means here."""
    estimates, sources = example(4, n_src, seed=1)
    theirs = fast_bss_eval.si_sdr(sources, estimates)
    before = fast_bss_eval.si_sdr(sources, mix(sources).expand_as(sources))
    scores = score_estimates(estimates, mix(sources), sources)
    torch.testing.assert_close(scores.output_db, theirs, rtol=0, atol=1e-6)
    torch.testing.assert_close(scores.input_db, before, rtol=0, atol=1e-6)
    loss = negative_pit_si_sdr(estimates, sources)
    torch.testing.assert_close(loss, -theirs.mean(), rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:mir_eval.separation:FutureWarning")
def test_against_mir_eval() -> None:
    """Its SDR lets a source be filtered by 512 taps, of which a scale is one choice."""
    estimates, sources = example(1, 2, 4000)
    theirs = mir_eval.separation.bss_eval_sources(sources[0].numpy(), estimates[0].numpy())
    scores = score_estimates(estimates, mix(sources), sources)
    ours = scores.output_db[0].numpy()
    assert (theirs[0] > ours).all()
    assert theirs[0] == pytest.approx(ours, abs=1.5)
    assert theirs[3].tolist() == scores.estimate[0].tolist() == [1, 0]


@pytest.mark.parametrize("n_src", [2, 3, 5])
def test_the_mixture_itself_gains_nothing(n_src: int) -> None:
    _, sources = example(3, n_src)
    mixture = mix(sources)
    scores = score_estimates(mixture.expand_as(sources), mixture, sources)
    assert scores.improvement_db.abs().max() < 1e-9


@settings(max_examples=20)
@given(
    order=st.permutations(range(3)), scales=st.lists(st.floats(0.01, 100), min_size=3, max_size=3)
)
def test_order_and_scale_do_not_matter(order: list[int], scales: list[float]) -> None:
    estimates, sources = example(2, 3)
    mixture = mix(sources)
    changed = estimates[:, order] * torch.tensor(scales, dtype=torch.float64)[:, None]
    torch.testing.assert_close(
        score_estimates(changed, mixture, sources).improvement_db,
        score_estimates(estimates, mixture, sources).improvement_db,
        rtol=0,
        atol=1e-4,  # EPS weighs 0.01 squared more
    )


@settings(max_examples=20)
@given(order=st.permutations(range(4)), seed=st.integers(0, 10**6))
def test_each_source_is_told_its_estimate(order: list[int], seed: int) -> None:
    """Estimate ``order[k]`` is made of source ``k``, in each mixture of a batch another way."""
    _, sources = example(2, 4, seed=seed)
    orders = torch.tensor([order, order[1:] + order[:1]])
    estimates = torch.empty_like(sources)
    for given_, target, places in zip(estimates, sources, orders, strict=True):
        given_[places] = -3 * target
    scores = score_estimates(estimates, mix(sources), sources)
    assert torch.equal(scores.estimate, orders)
    assert torch.equal(in_order_of_sources(estimates, scores.estimate), -3 * sources)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), n_src=st.integers(1, 5))
def test_the_assignment_is_the_best_of_all(seed: int, n_src: int) -> None:
    pairwise = torch.randn(2, n_src, n_src, generator=torch.Generator().manual_seed(seed))
    found = pairwise.gather(2, find_assignment(pairwise).unsqueeze(2)).sum((1, 2))
    for pairs, total in zip(pairwise, found, strict=True):
        best = max(
            sum(float(pairs[row, column]) for row, column in enumerate(order))
            for order in permutations(range(n_src))
        )
        assert total.item() == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("silent", ["sources", "estimates", "both"])
def test_silence_is_finite(silent: str) -> None:
    estimates, sources = example(1, 2)
    if silent != "estimates":
        sources[:, 0] = 0
    if silent != "sources":
        estimates[:, 1] = 0
    scores = score_estimates(estimates, mix(sources), sources)
    assert all(torch.isfinite(score).all() for score in scores)


def test_single_precision_changes_nothing_that_shows() -> None:
    estimates, sources = example(3, 2, 32000)
    exact = score_estimates(estimates, mix(sources), sources).improvement_db
    single = score_estimates(estimates.float(), mix(sources).float(), sources.float())
    torch.testing.assert_close(single.improvement_db, exact, rtol=0, atol=1e-5)
