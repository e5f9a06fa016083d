"""The project as users have it: a wheel, installed plainly, and a folder of the user's own.

The new environment sees the packages of the one that runs the tests, but not this project.
"""

import csv
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.thorough
ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "models", "baselines")
MODULES = ("separation_bench.py", "separation_bench_pytest.py")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TINY = ("--effort", "quick", "--samples", "400", "--threads", "1", "--device", "cpu")
NETWORK = """
from torch import nn

def build():
    from .parts import Separator  # late, as many factories import
    return Separator()
"""
PARTS = """
from torch import nn

class Separator(nn.Conv1d):
    def __init__(self):
        super().__init__(1, 2, {n_taps}, padding={n_taps} // 2)
"""
N_TAPS = {"models": 3, "bench": 5}  # tells whose network was measured

Start = Callable[..., subprocess.CompletedProcess[str]]


def call(*command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that sees nothing of this checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building leaves files beside the sources."""
    sources, output = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, sources / package, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE", *MODULES):
        shutil.copy(ROOT / file, sources)
    pip = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
    built = call(*pip, "--wheel-dir", output, sources, cwd=sources)
    assert built.returncode == 0, built.stderr
    (path,) = output.iterdir()
    return path


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a fresh environment."""
    environment = tmp_path_factory.mktemp("environment")
    made = call(sys.executable, "-m", "venv", "--without-pip", environment, cwd=environment)
    assert made.returncode == 0, made.stderr
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index")
    installed = call(*pip, wheel, cwd=environment)
    assert installed.returncode == 0, installed.stderr
    (site_packages,) = environment.glob("lib/python*/site-packages")
    seen = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site_packages / "seen.pth").write_text("\n".join(seen))
    return python.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with networks, and with packages that are called as this project's are."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for package, n_taps in N_TAPS.items():
        (tmp_path / package / "mine.py").write_text(NETWORK)
        (tmp_path / package / "parts.py").write_text(PARTS.format(n_taps=n_taps))
    return tmp_path


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    tracked = call("git", "ls-files", *PACKAGES, *MODULES, cwd=ROOT).stdout.split()
    assert "bench/py.typed" in tracked
    assert set(tracked) <= set(ZipFile(wheel).namelist())


def test_it_runs_from_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    version = call(programs / "separation-bench", "--version", cwd=tmp_path)
    assert version.stdout == f"separation-bench {PROJECT['version']}\n"
    run = (programs / "python", "-m", "bench.run", "--models", "sudormrf-0.25x", *TINY)
    measured = call(*run, cwd=tmp_path, TMPDIR=str(tmp_path))
    assert measured.returncode == 0, measured.stderr
    assert (tmp_path / "reports" / "table1.md").exists()


def test_in_any_folder_the_registrys_networks_and_the_users_own_are_measured_in_one_run(
    programs: Path, folder: Path
) -> None:
    own = [f"{package}.mine:build" for package in N_TAPS]
    run = (programs / "separation-bench", "run", "--models", "sudormrf-0.25x", *own, *TINY)
    measured = call(*run, cwd=folder, TMPDIR=str(folder), PYTHONPATH=".")
    assert measured.returncode == 0, measured.stderr
    with (folder / "reports" / "table1.csv").open(newline="") as file:
        n_params = {row["model"]: float(row["n_params"]) for row in csv.DictReader(file)}
    expected = {f"{package}.mine:build": 2 * n_taps + 2 for package, n_taps in N_TAPS.items()}
    assert {name: n_params[name] for name in expected} == expected
    assert n_params["sudormrf-0.25x"] > 100_000


def test_a_test_of_the_users_has_the_fixture_and_a_bench_of_its_own(
    programs: Path, folder: Path
) -> None:
    (folder / "test_mine.py").write_text(
        "import bench.mine\n\ndef test_it_fits(separation_budget):\n"
        "    separation_budget('bench.mine:build', samples=400, n_params=12)\n"
        "    import bench.parts\n"
    )
    for start in (
        (programs / "python", "-m", "pytest"),
        (programs / "python", "-P", "-m", "pytest"),
    ):
        tested = call(*start, "-p", "no:cacheprovider", cwd=folder, TMPDIR=str(folder))
        assert tested.returncode == 0, tested.stdout
        assert "1 passed" in tested.stdout


def test_in_any_folder_the_users_own_network_is_trained_and_evaluated(
    programs: Path, folder: Path
) -> None:
    program, own = programs / "separation-bench", "bench.mine:build"
    options = ("--max-steps", "2", "--epoch-size", "4", "--validation", "4", "--device", "cpu")
    trained = call(program, "train", "--quick", "--model", own, *options, cwd=folder)
    assert trained.returncode == 0, trained.stderr
    weights = folder / "training" / "model.safetensors"
    evaluate = (program, "evaluate", "--checkpoint", weights, "--model", own, "--task", "sounds")
    evaluated = call(*evaluate, "--mixtures", "4", cwd=folder)
    assert evaluated.returncode == 0, evaluated.stderr
