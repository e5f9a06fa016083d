"""From what was typed to the settings of a run."""

import pytest

from bench.options import build_parser, read_settings
from bench.plan import DTYPES


@pytest.mark.parametrize(
    ("typed", "tf32"), [([], False), (["--tf32", "off"], False), (["--tf32", "on"], True)]
)
def test_tf32_is_a_setting_of_what_runs_on_a_gpu(typed: list[str], tf32: bool) -> None:
    (settings,) = read_settings(build_parser("run").parse_args(typed))
    assert settings.on("cuda").workload("update").tf32 == tf32
    assert not settings.on("cuda").workload("inference").tf32
    assert not settings.on("cpu").workload("update").tf32


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_can_be_asked_for(dtype: str) -> None:
    (settings,) = read_settings(build_parser("run").parse_args(["--dtype", dtype]))
    assert settings.workload("update").dtype == dtype
