"""The learning rate and the limits against the paper's words and their own laws."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.training.settings import (
    Limits,
    Standing,
    TrainingSettings,
    advise,
    check_same_settings,
    learning_rate,
)
from tests.bench.tiny_corpora import SETTINGS

PAPER = TrainingSettings(model="any", factory="a.b:c", corpus="any")
COSINE = TrainingSettings(model="any", factory="a.b:c", corpus="any", schedule="cosine")


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
    assert limits.share(Standing(30, 5, macs=0, wall_s=0.0)) == 0.6
    assert limits.share(Standing(30, 50, macs=0, wall_s=0.0)) == 0.3
    assert limits.share(Standing(30, 50, macs=2000, wall_s=0.0)) == 0.5
    assert limits.share(Standing(30, 50, macs=2000, wall_s=35.0)) == 0.7
    assert limits.share(Standing(101, 50, macs=2000, wall_s=0.0)) == 1.0


def test_the_time_of_the_last_validation_belongs_to_the_budget() -> None:
    limits = Limits(wall_s=50.0)
    assert limits.share(Standing(1, 50, macs=0, wall_s=20.0, validation_s=10.0)) == 0.5
    assert limits.share(Standing(1, 50, macs=0, wall_s=40.0, validation_s=10.0)) == 1.0
    assert limits.share(Standing(1, 50, macs=0, wall_s=1.0, validation_s=60.0)) == 1.0


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"batch": 0}, "--batch"),
        ({"n_samples": -1}, "--samples"),
        ({"epoch_size": 0}, "--epoch-size"),
        ({"n_validation": 0}, "--validation"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"max_norm": float("nan")}, "--max-norm"),
        ({"max_norm": float("inf")}, "--max-norm"),
        ({"learning_rate": float("inf")}, "--learning-rate"),
        ({"seed": -1}, "--seed"),
        ({"n_src": 1}, "--n-src"),
        ({"validations": 0}, "--validations"),
    ],
)
def test_values_out_of_range_are_named_as_options(options: dict[str, float], option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} must be"):
        TrainingSettings(model="any", factory="a.b:c", corpus="any", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "option"),
    [
        ({"epochs": 0}, "--epochs"),
        ({"steps": -1}, "--max-steps"),
        ({"macs": 0}, "--max-macs"),
        ({"wall_s": 0.0}, "--budget-s"),
        ({"wall_s": float("nan")}, "--budget-s"),
        ({"cpu_s": 0.0}, "--max-cpu-s"),
    ],
)
def test_limits_out_of_range_are_named_as_options(limit: dict[str, float], option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} must be above 0"):
        Limits(**limit)  # type: ignore[arg-type]


def test_advice_names_what_is_set_and_nothing_that_is_so_already() -> None:
    first = advise(PAPER, step=0)
    assert "No step was made" in first
    assert "--learning-rate" not in first
    later = advise(replace(PAPER, learning_rate=0.02), step=7)
    assert "--learning-rate 0.002 (it was 0.02)" in later
    assert "another --output DIR" in later  # a folder keeps its settings
    assert "--precision" not in later
    assert "--max-norm" not in later
    low = advise(replace(PAPER, precision="bfloat16", max_norm=100.0), step=7)
    assert "--precision float32 (it was bfloat16)" in low
    assert "--max-norm 5 (it was 100)" in low
    assert advise(replace(PAPER, precision="bfloat16"), step=0).count("--") == 2  # and --output


def test_other_settings_are_named_as_options() -> None:
    saved = asdict(replace(PAPER, batch=8, model="other", factory="d.e:f", recordings="abc"))
    with pytest.raises(UsageError) as caught:
        check_same_settings(PAPER, saved)
    assert str(caught.value).startswith(
        "The folder holds a training with --model other, not any; --batch 8, not 4; other "
        "recordings than --corpus DIR has now. Repeat"
    )


def test_settings_of_older_code_mean_what_it_did() -> None:
    saved = asdict(PAPER)
    del saved["n_src"], saved["recordings"], saved["validations"]
    check_same_settings(replace(PAPER, recordings="abc"), saved)
    with pytest.raises(UsageError, match="--validations None, not 6"):
        check_same_settings(replace(PAPER, validations=6), saved)
    with pytest.raises(UsageError, match="--n-src 2, not 3"):
        check_same_settings(replace(PAPER, n_src=3), saved)


def test_an_epoch_holds_a_batch() -> None:
    with pytest.raises(UsageError, match=r"3 mixtures has no batch of 4.*--epoch-size"):
        TrainingSettings(model="any", factory="a.b:c", corpus="any", epoch_size=3)
    assert SETTINGS.steps_per_epoch == 3
