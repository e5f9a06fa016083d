"""The learning rate and the limits against the paper's words and their own laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.training.settings import Limits, Settings, learning_rate
from tests.bench.tiny_corpora import SETTINGS

PAPER = Settings(model="any", factory="a.b:c", corpus="any")
COSINE = Settings(model="any", factory="a.b:c", corpus="any", schedule="cosine")


def test_the_defaults_are_the_papers() -> None:
    assert (PAPER.batch, PAPER.epoch_size, PAPER.n_samples) == (4, 20_000, 4 * 8000)
    assert (PAPER.n_validation, PAPER.learning_rate, Limits().epochs) == (3000, 0.001, 120)
    assert PAPER.steps_per_epoch == 5000


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 1e-3), (49, 1e-3), (50, 2e-4), (99, 2e-4), (100, 4e-5), (119, 4e-5)]
)
def test_a_fifth_every_50_epochs(epoch: int, rate: float) -> None:
    assert learning_rate(PAPER, epoch, share=0.7) == pytest.approx(rate, rel=1e-12)


@given(st.floats(0, 1))
def test_a_cosine_stays_between_its_ends(share: float) -> None:
    assert 1e-5 * (1 - 1e-9) <= learning_rate(COSINE, 0, share) <= 1e-3


def test_a_cosine_warms_up_and_comes_down() -> None:
    shares = [0.0, 0.01, 0.02, 0.03, 0.2, 0.515, 0.8, 1.0]
    rates = [learning_rate(COSINE, 0, share) for share in shares]
    assert rates[3] == pytest.approx(1e-3)
    assert rates[:4] == sorted(rates[:4])
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[5] == pytest.approx(1e-3 * (0.01 + 0.99 / 2))  # half-way down
    assert rates[-1] == pytest.approx(1e-5)


def test_the_share_is_that_of_the_nearest_limit() -> None:
    limits = Limits(epochs=10, steps=100, macs=4000, wall_s=50.0)
    assert limits.share(step=30, steps_per_epoch=5, macs=0, wall_s=0.0) == 0.6
    assert limits.share(step=30, steps_per_epoch=50, macs=0, wall_s=0.0) == 0.3
    assert limits.share(step=30, steps_per_epoch=50, macs=2000, wall_s=0.0) == 0.5
    assert limits.share(step=30, steps_per_epoch=50, macs=2000, wall_s=35.0) == 0.7
    assert limits.share(step=101, steps_per_epoch=50, macs=0, wall_s=0.0) == 1.0


@pytest.mark.parametrize(
    "options",
    [
        {"batch": 0},
        {"n_samples": -1},
        {"learning_rate": 0.0},
        {"max_norm": float("nan")},
        {"learning_rate": float("inf")},
        {"seed": -1},
    ],
)
def test_values_out_of_range_are_named(options: dict[str, float]) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=f"{name} must be"):
        Settings(model="any", factory="a.b:c", corpus="any", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "limit", [{"epochs": 0}, {"steps": -1}, {"macs": 0}, {"wall_s": 0.0}, {"wall_s": float("nan")}]
)
def test_limits_out_of_range_are_named(limit: dict[str, float]) -> None:
    (name,) = limit
    with pytest.raises(UsageError, match=f"{name} must be above 0"):
        Limits(**limit)  # type: ignore[arg-type]


def test_an_epoch_holds_a_batch() -> None:
    with pytest.raises(UsageError, match=r"3 mixtures has no batch of 4.*--epoch-size"):
        Settings(model="any", factory="a.b:c", corpus="any", epoch_size=3)
    assert SETTINGS.steps_per_epoch == 3
