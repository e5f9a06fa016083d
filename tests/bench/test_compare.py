"""The command with made-up times: its sides, endings, and files."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from bench import compare
from bench.gate import sides
from bench.gate.effect import LOOKS
from bench.measuring.conductor import Player
from bench.results.record import Job, Record
from bench.results.store import read_records
from tests.bench.example_records import ENVIRONMENT, GPU, environment, make_record
from tests.bench.gate.live import in_turns

NETWORKS = ("model:tests.fault_models:healthy", "model:tests.fault_models:null")
Call = Callable[..., int]


class Times:
    """A time for each factory, with a little noise; ``end`` is raised at a process."""

    def __init__(self) -> None:
        self.ratio = 1.0
        self.spread = 0.003
        self.jobs: list[Job] = []
        self.end: tuple[int, BaseException] | None = None
        self.rng = np.random.default_rng(0)

    def __call__(self, players: Sequence[Player]) -> Iterator[Record]:
        for player in players:
            self.jobs.append(player.job)
            if self.end and len(self.jobs) == self.end[0]:
                raise self.end[1]
            time_s = 0.05 * (self.ratio if player.job.factory.endswith("null") else 1)
            time_s *= float(np.exp(self.rng.normal(0, self.spread)))
            yield make_record(player.job, in_turns((time_s, time_s)), player.environment)


WITH_GPU = environment(machine={"gpu": GPU}, torch={"cuda_build": "12.8"})


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Times:
    times = Times()
    monkeypatch.setattr(compare, "measure_round", times)
    monkeypatch.setattr(sides, "prepare_measuring", lambda entries, threads: ENVIRONMENT)
    monkeypatch.setattr("bench.machine.lock.lock_path", lambda: tmp_path / "lock")
    for variable in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(variable, raising=False)
    return times


@pytest.fixture
def call(times: Times, tmp_path: Path) -> Call:
    return lambda *arguments: compare.main([*arguments, "--output", str(tmp_path / "out")])


@pytest.mark.parametrize(("ratio", "code", "verdict"), [(1.0, 0, "PASS"), (1.1, 1, "FAIL")])
def test_two_networks_are_compared_on_one_thread(
    call: Call,
    times: Times,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    ratio: float,
    code: int,
    verdict: str,
) -> None:
    times.ratio = ratio
    assert call(*NETWORKS, "--format", "json") == code
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"] == verdict
    assert printed["checks"][0]["value"] == pytest.approx(ratio - 1, abs=0.01)
    assert {job.workload.threads for job in times.jobs} == {1}
    n_processes = 2 * LOOKS[0]  # of either side
    assert [job.round for job in times.jobs[::2]] == list(range(n_processes))
    assert [job.round for job in times.jobs[1::2]] == list(range(n_processes))
    assert [job.factory.rpartition(":")[2] for job in times.jobs[:4]] == [
        "healthy", "null", "null", "healthy"
    ]  # fmt: skip
    (path,) = (tmp_path / "out" / "records").iterdir()
    assert len(read_records(path).records) == len(times.jobs)


@pytest.mark.parametrize("tf32", ["off", "on"])
def test_tf32_is_a_setting_of_training_steps_on_a_gpu(
    call: Call, times: Times, monkeypatch: pytest.MonkeyPatch, tf32: str
) -> None:
    monkeypatch.setattr(sides, "prepare_measuring", lambda entries, threads: WITH_GPU)
    call(*NETWORKS, "--device", "cuda", "--phase", "update", "--tf32", tf32)
    assert {job.workload.tf32 for job in times.jobs} == {tf32 == "on"}


def test_an_open_verdict_has_a_code_of_its_own(call: Call, times: Times) -> None:
    times.spread = 0.3
    assert call(*NETWORKS) == 3
    assert len(times.jobs) == 4 * LOOKS[-1]


def test_without_time_nothing_is_said(call: Call, times: Times) -> None:
    assert call(*NETWORKS, "--time", "0") == 3
    assert times.jobs == []


def test_the_smallest_effect_is_the_users(call: Call, times: Times) -> None:
    times.ratio = 1.1
    assert call(*NETWORKS, "--smallest-effect", "20") == 0


def test_ctrl_c_leaves_what_was_measured(call: Call, times: Times, tmp_path: Path) -> None:
    times.end = (6, KeyboardInterrupt())
    assert call(*NETWORKS) == 130
    (path,) = (tmp_path / "out" / "records").iterdir()
    assert len(read_records(path).records) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*NETWORKS, "--smallest-effect", "0"], "--smallest-effect must lie between 0 and 100 %"),
        ([*NETWORKS, "--smallest-effect", "nan"], "--smallest-effect must lie between"),
        ([*NETWORKS, "--threads", "0"], "--threads must be at least 1"),
        (["backend:eager", "backend:compiled"], "There is one backend"),
    ],
)
def test_bad_input_is_told_before_anything_is_measured(
    call: Call,
    times: Times,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert call(*arguments) == 2
    assert message in capsys.readouterr().err
    assert times.jobs == []


@pytest.mark.parametrize(
    ("options", "phase", "device"),
    [
        ([], "inference", "cpu"),
        (["--phase", "update"], "update", "cpu"),
        (["--device", "cuda"], "gpu_inference", "cuda"),
        (["--device", "cuda", "--phase", "update"], "update", "cuda"),
    ],
)
def test_what_runs_on_the_device_is_judged_and_named(
    call: Call,
    times: Times,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    phase: str,
    device: str,
) -> None:
    """On a GPU never the inference that runs on the CPU, which it was before without a word."""
    monkeypatch.setattr(sides, "prepare_measuring", lambda entries, threads: WITH_GPU)
    assert call(*NETWORKS, *options) == 0
    assert {(job.workload.phase, job.workload.device) for job in times.jobs} == {(phase, device)}
    assert f", {phase} on {device}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--device", "cuda", "--phase", "inference"],
            "--phase inference runs on cpu, and --device",
        ),
        (["--device", "cuda"], "--device cuda: torch 2.13.0 is built without CUDA"),
    ],
)
def test_what_does_not_run_on_the_device_is_told(
    call: Call,
    times: Times,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert call(*NETWORKS, *options) == 2
    assert message in capsys.readouterr().err
    assert times.jobs == []
