"""Measuring in a folder that has packages of this project's names: real workers, any probe."""

import ast
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.measuring.forkserver import ForkServer
from bench.measuring.isolate import fetch_environment, run_jobs
from bench.plan import EFFORTS, Settings, plan_job
from bench.registry import NULL, Entry
from bench.results.probes import PROBES
from bench.results.record import Status

ROOT = Path(__file__).parents[3]
NETWORK = "import torch\ndef build(): return torch.nn.Conv1d(1, 2, 3, padding=1)\n"
SETTINGS = Settings("cpu", 400, 1, "float32", threads=1, seed=0, effort=EFFORTS["quick"])
IN_THE_WORKER = ("measuring", "networks", "counting", "machine", "results", "runtimes")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with its own ``models``, ``baselines`` and ``bench``, which PYTHONPATH names too."""
    for package in ("models", "baselines", "bench"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "nets.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.mark.thorough
@pytest.mark.usefixtures("folder")
def test_no_probe_needs_this_bench_once_the_users_has_taken_its_place() -> None:
    own = Entry("own", "own", "bench.nets:build")
    needs_more = {"streaming", "launches", "energy"}  # chunks, a GPU, and a counter
    probes = sorted(PROBES.keys() - needs_more, key=lambda probe: probe == "memory")
    jobs = [plan_job(own, "inference", probe, SETTINGS) for probe in probes]
    jobs.insert(0, plan_job(NULL, "inference", "parameters", SETTINGS))
    for record in run_jobs(jobs, fetch_environment(1)):
        assert (record.status, record.reason) == (Status.OK, ""), record.job.probe


@pytest.mark.parametrize("package", IN_THE_WORKER)
def test_nothing_in_the_worker_is_imported_late(package: str) -> None:
    """Also on ways that the test above does not take."""
    late = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "bench" / package).rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bench")
    ]
    assert late == []


def test_a_folder_takes_the_place_of_the_current_one(folder: Path, tmp_path: Path) -> None:
    """As bench.compare asks for it with a revision of the user's repository."""
    other = tmp_path / "revision"
    (other / "models").mkdir(parents=True)
    (other / "models" / "nets.py").write_text(NETWORK.replace("3, padding=1", "5, padding=2"))
    (folder / "bench" / "__init__.py").write_text("raise RuntimeError('nobody asked for it')")
    own = plan_job(Entry("own", "own", "models.nets:build"), "inference", "parameters", SETTINGS)
    for root, n_taps in ((None, 3), (other, 5)):
        with ForkServer(1, root=root) as server:
            outcome = server.run(asdict(own), 60.0).outcome
        assert outcome is not None
        assert outcome["result"]["n_params"] == 2 * n_taps + 2
