"""Readings before a run: a watch without waiting, and folders, variables and packages made up."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bench.machine import readings
from bench.machine.contention import Counters
from bench.machine.trial import Trial
from bench.results.environment import Environment, GpuDevice, MachineState
from tests.bench.example_records import GPU, environment

COUNTERS = Counters(
    thread_waits_s=None,
    involuntary_switches=0,
    own_cpu_s=1.0,
    busy_s=10.0,
    steal_s=2.0,
    pressure_s=None,
    n_running=1,
    n_cpus=2,
)


def test_the_load_is_what_others_do_while_this_process_waits() -> None:
    now_s = 100.0

    def wait(seconds: float) -> None:
        nonlocal now_s
        now_s += 2 * seconds  # it may take longer than asked; the clock decides

    def read() -> Counters:
        passed_s = now_s - 100.0
        return Counters(**vars(COUNTERS) | {"busy_s": 10.0 + 0.75 * passed_s, "steal_s": 2.5})

    load = readings.watch_load(read, wait, lambda: now_s)
    assert load.wall_s == 2 * readings.WATCH_S
    assert load.n_busy_cpus == pytest.approx(0.75)
    assert load.steal_s == 0


def test_an_extra_is_missing_when_one_of_its_packages_is() -> None:
    assert readings.missing_extras(lambda name: name != "ptflops") == ["crosscheck"]
    assert readings.missing_extras(lambda name: False) == list(readings.EXTRAS)
    assert readings.missing_extras(lambda name: True) == []


def test_extras_are_those_of_the_project() -> None:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    declared = tomllib.loads(text)["project"]["optional-dependencies"]
    asked_for = {"onnx", "onnx-cuda", "openvino", "demucs", "roformers", "speechbrain", "ray"}
    assert readings.EXTRAS.keys() == declared.keys() - {"dev"} - asked_for
    for extra, packages in readings.EXTRAS.items():
        names = {requirement.split(">=")[0].replace("-", "_") for requirement in declared[extra]}
        # A module may be named after a part of its package: vl_convert of vl-convert-python.
        assert all(any(name.startswith(package) for name in names) for package in packages)


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    assert readings.why_unwritable(tmp_path / "not" / "yet" / "there") is None
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    problem = readings.why_unwritable(tmp_path / "file" / "reports")
    assert problem == f"{tmp_path / 'file' / 'reports'}: Not a directory"


def test_the_peak_can_be_reset_where_the_kernel_takes_a_five(tmp_path: Path) -> None:
    path = tmp_path / "clear_refs"
    assert readings.can_reset_peak(path)
    assert path.read_text() == "5"
    assert not readings.can_reset_peak(tmp_path / "nowhere" / "clear_refs")


def test_the_gpu_that_torch_sees_is_the_one_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process has no torch; a measuring process has told it which card it is."""
    asked: list[str | None] = []

    def describe_state(gpu_uuid: str | None) -> MachineState:
        asked.append(gpu_uuid)
        return MachineState()

    monkeypatch.setattr(readings, "WATCH_S", 0.0)
    monkeypatch.setattr(readings, "describe_state", describe_state)
    for gpu in (replace(GPU, uuid="ab-c"), GPU, None):

        def fetch(threads: int, gpu: GpuDevice | None = gpu) -> Environment:
            return environment(machine={"gpu": gpu})

        readings.take_readings(tmp_path, fetch, lambda _: Trial("Network", 1))
    assert asked == ["ab-c", None, None]
