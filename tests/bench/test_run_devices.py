"""Where a run measures, with measuring replaced: which device is taken, and what is said of it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.results.environment import GpuDevice
from tests.bench.example_records import GPU, environment
from tests.bench.made_up_run import (
    Bench,
    Call,
)
from tests.bench.made_up_run import bench_fixture as bench_fixture
from tests.bench.made_up_run import call_fixture as call_fixture
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture


def test_cuda_without_a_gpu_says_what_the_build_is(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.environment = environment(torch={"cuda_build": "12.8"})
    assert call("--device", "cuda") == 2
    assert "is built for CUDA 12.8 but sees no GPU" in capsys.readouterr().err


def test_cuda_on_a_card_that_fails_says_torchs_words(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    described = environment(machine={"gpu": GPU}, torch={"cuda_build": "12.8"})
    bench.environment = replace(described, problems={"cuda": "RuntimeError: no kernel image"})
    assert call("--device", "cuda") == 2
    said = capsys.readouterr().err
    assert "torch 2.13.0 can't use Example GPU: RuntimeError: no kernel image." in said
    assert bench.jobs == []


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(
    ("requested", "problems", "said"),
    [
        ("auto", {}, ["--device auto takes the GPU: Example GPU."]),
        (
            "auto",
            {"cuda": "It fails."},
            ["--device auto takes the CPU: torch 2.13.0 can't use Example GPU: It fails."],
        ),
        ("cpu", {}, []),
        ("cuda", {}, []),
    ],
)
def test_auto_says_which_device_it_takes(
    call: Call,
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    requested: str,
    problems: dict[str, str],
    said: list[str],
) -> None:
    described = environment(machine={"gpu": GPU}, torch={"cuda_build": "12.8"})
    bench.environment = replace(described, problems=problems)
    assert call("--models", "dprnn", "--device", requested) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("--device")] == said


@pytest.mark.usefixtures("no_figure")
def test_a_card_by_number_is_the_only_one_that_measuring_processes_see(
    call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,3")
    bench.environment = environment(machine={"gpu": GPU})
    seen: list[str] = []
    bench.act = lambda job: seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert call("--models", "dprnn", "--device", "cuda:1") == 0
    assert set(seen) == {"3"}
    assert {job.workload.device for job in bench.jobs} == {"cpu", "cuda"}


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(
    ("requested", "gpu", "device", "prefix"),
    [
        ("auto", None, "cpu", "cpu-"),
        ("auto", GPU, "cuda", "example-gpu-"),
        ("cuda", GPU, "cuda", "example-gpu-"),
        ("cpu", GPU, "cpu", "cpu-"),
    ],
)
def test_where_the_update_step_runs(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    requested: str,
    gpu: GpuDevice | None,
    device: str,
    prefix: str,
) -> None:
    bench.environment = environment(machine={"gpu": gpu})
    call("--models", "dprnn", "--device", requested)
    devices = {job.workload.phase: job.workload.device for job in bench.jobs}
    on_gpu = {"gpu_inference": "cuda"} if device == "cuda" else {}
    assert devices == {"inference": "cpu", "update": device} | on_gpu
    (path,) = (tmp_path / "out" / "records").iterdir()
    assert path.name.startswith(prefix)
