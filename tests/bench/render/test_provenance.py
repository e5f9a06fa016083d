"""Where values come from, in words: also of a machine that does not tell everything."""

from dataclasses import replace

import pytest

from bench.registry import TABLE1
from bench.render.provenance import describe_provenance
from bench.render.tables.history import describe
from bench.render.tables.rows import to_rows
from bench.results.environment import Environment
from bench.results.metrics import METRICS
from bench.results.series import collect_series
from bench.results.summary import summarize
from tests.bench.example_records import (
    ENVIRONMENT,
    SETTINGS,
    complete_run,
    environment,
    make_job,
    make_record,
)


def described(place: Environment = ENVIRONMENT) -> dict[str, str]:
    summary = summarize([make_record(make_job(), environment=place)])
    return dict(describe_provenance(summary))


def test_a_machine_that_tells_everything_has_no_problems() -> None:
    lines = described()
    assert "Problems" not in lines
    assert "8.00 GB of memory" in lines["Processor"]
    assert "precision highest, cuDNN none (TF32 on," in lines["Flags"]


def test_what_could_not_be_read_is_said_and_no_value_is_made_up() -> None:
    quiet = environment(
        machine={"memory_bytes": None},
        torch={"cudnn_allow_tf32": None, "matmul_precision": None},
    )
    problems = {"memory_bytes": "OSError: no /proc", "cudnn_allow_tf32": "RuntimeError: mixed"}
    lines = described(replace(quiet, problems=problems))
    assert "memory not known" in lines["Processor"]
    assert "precision not told, cuDNN none (TF32 not told," in lines["Flags"]
    assert lines["Problems"] == (
        "memory_bytes (OSError: no /proc); cudnn_allow_tf32 (RuntimeError: mixed)"
    )


@pytest.mark.parametrize(
    ("device", "tf32", "words", "cell"),
    [
        ("cpu", False, "batch 1, float32, 2 threads", None),
        ("cpu", True, "batch 1, float32, 2 threads", None),
        ("cuda", False, "batch 1, float32, TF32 off, 2 threads", False),
        ("cuda", True, "batch 1, float32, TF32 on, 2 threads", True),
    ],
)
def test_the_workload_says_what_float32_means_where_a_gpu_took_part(
    device: str, tf32: bool, words: str, cell: bool | None
) -> None:
    settings = replace(SETTINGS, tf32=tf32).on(device)
    records = complete_run(TABLE1[:2], settings)
    summary = summarize(records)
    lines = dict(describe_provenance(summary))
    assert words in lines["Workload"]
    assert ("(TF32 on by default, " in lines["Flags"]) == (device == "cuda")
    assert {row["tf32"] for row in to_rows(summary)} == {cell}
    metric = next(metric for metric in METRICS if metric.name == "latency_s_update")
    (series, *_) = collect_series(records, metric)
    precision = words.removeprefix("batch 1, ").removesuffix(", 2 threads")
    assert f"batch 1, {precision}, threads 2" in describe(series)
