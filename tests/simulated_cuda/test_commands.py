"""The commands as users start them, on simulated machines: real processes, records, tables."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.results.forecast import MemoryForecast
from bench.results.measurements import LatencyTimes, MemoryPeaks
from bench.results.record import Record, Status, results_of
from bench.results.store import read_records
from tests.simulated_cuda.install import variables
from tests.simulated_cuda.scenarios import H100

ROOT = Path(__file__).parents[2]
HEALTHY = "tests.fault_models:healthy"
TINY = "--effort quick --time 15 --samples 400 --threads 1 --device cuda".split()


def start(
    scenario: str, tmp_path: Path, command: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """A command; what it makes is in the test's folder, and its lock too."""
    simulated = variables(scenario, tmp_path / "gpu")
    return subprocess.run(
        [sys.executable, "-m", f"bench.{command}", *arguments, "--output", str(tmp_path / "out")],
        cwd=ROOT,
        env=os.environ | simulated | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )


def records_of(tmp_path: Path, folder: str = "records") -> tuple[Record, ...]:
    (path,) = (tmp_path / "out" / folder).iterdir()
    return read_records(path).records


def run(scenario: str, tmp_path: Path, *models: str) -> "subprocess.CompletedProcess[str]":
    return start(scenario, tmp_path, "run", "--models", *models, *TINY)


def test_a_run_measures_on_the_card_and_writes_its_table(tmp_path: Path) -> None:
    """Two networks, whose processes live side by side and disturb each other in no record."""
    models = ["tests.fault_models:healthy", "tests.fault_models:prints_a_lot"]
    done = run("data-centre card", tmp_path, *models)
    assert done.returncode == 0, done.stderr
    measured = [record for record in records_of(tmp_path) if record.job.workload.device == "cuda"]
    assert {record.status for record in measured} == {Status.OK}
    assert {type(record.result) for record in measured} >= {LatencyTimes, MemoryPeaks}
    for record in measured:
        assert record.environment is not None
        assert record.environment.machine.gpu is not None
        assert record.environment.machine.gpu.name == H100.name
        if isinstance(record.result, LatencyTimes):
            assert record.result.gpu_during is not None
            assert record.result.gpu_during.n_other_processes == 0
    table = (tmp_path / "out" / "table1.md").read_text()
    assert H100.name in table
    with (tmp_path / "out" / "table1.csv").open(newline="") as file:
        (row,) = (row for row in csv.DictReader(file) if row["model"].endswith("healthy"))
    assert row["latency_s_update_status"] == "ok"
    assert int(row["peak_allocated_bytes_update"]) > 0
    assert not (ROOT / "reports" / "nvidia-h100-80gb-hbm3").exists()


def test_forms_are_timed_on_the_card_beside_eager_float32(tmp_path: Path) -> None:
    forms = ["--runtime", "eager,cudagraph", "--precision", "float32,bfloat16"]
    done = start("data-centre card", tmp_path, "run", "--models", HEALTHY, *TINY, *forms)
    assert done.returncode == 0, done.stderr
    measured = [r for r in records_of(tmp_path, "records/runtimes") if r.job.probe == "latency"]
    assert {r.job.workload.phase for r in measured} == {"gpu_inference"}
    table = (tmp_path / "out" / "runtimes.md").read_text()
    assert f"- GPU: {H100.name}, TF32 off" in table
    with (tmp_path / "out" / "runtimes.csv").open(newline="") as file:
        rows = {(row["runtime"], row["dtype"]): row for row in csv.DictReader(file)}
    assert list(rows) == [
        *(("eager", "float32"), ("eager", "bfloat16")),
        *(("cudagraph", "float32"), ("cudagraph", "bfloat16")),
    ]
    assert {(row["status"], row["device"]) for row in rows.values()} == {("ok", "cuda")}
    assert float(rows["cudagraph", "float32"]["max_relative_error"]) < 1e-6
    assert int(rows["cudagraph", "float32"]["device_bytes"]) > 0


@pytest.mark.thorough
def test_memory_that_is_full_is_a_status_in_the_table(tmp_path: Path) -> None:
    done = run("full at once", tmp_path, "tests.fault_models:healthy")
    assert done.returncode == 1
    assert "oom: OutOfMemoryError: CUDA out of memory." in done.stderr
    statuses = {record.job.workload.device: record.status for record in records_of(tmp_path)}
    assert statuses == {"cpu": Status.OK, "cuda": Status.OOM}


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        pytest.param("no kernels", "no kernel image is available", marks=pytest.mark.thorough),
        ("old driver", "--device cuda: torch"),
    ],
)
def test_a_card_that_can_not_be_used_is_told_in_words(
    scenario: str, words: str, tmp_path: Path
) -> None:
    done = run(scenario, tmp_path, "tests.fault_models:healthy")
    assert done.returncode in (1, 2)
    assert words in done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize(
    "scenario", ["data-centre card", "laptop with a desktop", "MIG", "no NVML"]
)
def test_networks_of_the_registry_are_measured(scenario: str, tmp_path: Path) -> None:
    done = run(scenario, tmp_path, "sudormrf-0.25x", "tests.fault_models:healthy")
    assert done.returncode == 0, done.stderr
    assert {record.status for record in records_of(tmp_path)} == {Status.OK}
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"table1.md", "table1.csv", "table1.json"} <= names


@pytest.mark.thorough
def test_a_sweep_over_batches_tells_the_memory_of_the_card(tmp_path: Path) -> None:
    options = "--device cuda --samples 400 --batch 1,4 --time 10m".split()
    done = start("data-centre card", tmp_path, "sweep", "--models", HEALTHY, *options)
    assert done.returncode == 0, done.stderr
    records = records_of(tmp_path, "records/sweep")
    assert {record.status for record in records} == {Status.OK}
    forecasts = [found for _, found in results_of(MemoryForecast, records)]
    assert [forecast.n_smaller for forecast in forecasts] == [0, 1]
    for forecast in forecasts:
        assert 0 < forecast.available_bytes <= H100.total_bytes
    assert (tmp_path / "out" / "sweep" / "sweep.md").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("scenario", ["data-centre card", "container", "old driver"])
def test_the_doctor_looks_at_the_card(scenario: str, tmp_path: Path) -> None:
    done = start(scenario, tmp_path, "doctor", "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    findings = {each["topic"]: each for each in json.loads(done.stdout)["findings"]}
    assert H100.name in findings["GPU"]["found"]
    expected = {"data-centre card": "ok", "container": "unfit"}
    if scenario in expected:
        assert findings["GPU load"]["severity"] == expected[scenario]
    else:
        assert findings["GPU"]["severity"] in ("warn", "unfit")
