"""What a workload says of the numbers that its network computes with."""

from typing import Any

import pytest

from tests.bench.example_records import make_job


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"device": "cpu"}, "float32"),
        ({"device": "cpu", "tf32": True}, "float32"),
        ({"device": "cuda"}, "float32, TF32 off"),
        ({"device": "cuda", "tf32": True}, "float32, TF32 on"),
        ({"device": "cuda", "dtype": "amp-bfloat16"}, "amp-bfloat16, TF32 off"),
        ({"device": "cuda", "dtype": "bfloat16", "tf32": True}, "bfloat16"),
    ],
)
def test_float32_on_a_gpu_comes_with_what_it_means_there(
    fields: dict[str, Any], words: str
) -> None:
    assert make_job(**fields).workload.precision == words


@pytest.mark.parametrize(
    ("dtype", "parameters", "autocast"),
    [
        ("float32", "float32", None),
        ("float16", "float16", None),
        ("amp-float16", "float32", "float16"),
        ("amp-bfloat16", "float32", "bfloat16"),
    ],
)
def test_under_autocast_parameters_are_float32(
    dtype: str, parameters: str, autocast: str | None
) -> None:
    workload = make_job(dtype=dtype).workload
    assert (workload.parameter_dtype, workload.autocast_dtype) == (parameters, autocast)
