"""Whether a form computes what the network does: the limits, and the sentence."""

import pytest

from bench.results.form import LIMITS, Parity, judge, limit_of
from bench.runtimes import DTYPES


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_precision_of_a_runtime_has_a_limit(dtype: str) -> None:
    limit = limit_of(dtype)
    at_it = Parity(limit.max_relative_error, limit.si_sdr_db, si_sdr_loss_db=0.0)
    assert judge(at_it, dtype) == ""


@pytest.mark.parametrize(("error_factor", "lower_db"), [(1.001, 0.0), (1.0, 0.001)])
@pytest.mark.parametrize("dtype", LIMITS)
def test_either_measure_alone_fails_a_form(
    dtype: str, error_factor: float, lower_db: float
) -> None:
    limit = LIMITS[dtype]
    beyond = Parity(limit.max_relative_error * error_factor, limit.si_sdr_db - lower_db, 0.0)
    assert "differ from those of eager float32" in judge(beyond, dtype)


def test_the_sentence_has_both_figures_and_both_limits() -> None:
    assert judge(Parity(0.25, 12.0, 0.0), "bfloat16") == (
        "Its estimates differ from those of eager float32 by 2.5e-01 of the largest value (allowed "
        "in bfloat16: 1e-01), at an SI-SDR of 12 dB (at least 25 dB)."
    )


def test_nan_is_not_near() -> None:
    assert judge(Parity(float("nan"), 100.0, 0.0), "float32")
    assert judge(Parity(0.0, float("nan"), 0.0), "float32")
