"""`make cuda`: measures first, whatever tests need, and ends as both have ended."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulated_cuda.install import SITE, variables

ROOT = Path(__file__).parents[1]
DEVELOPMENT = "hypothesis fast_bss_eval mir_eval xdist"
"""Packages of the extra ``dev`` that tests import, and measuring does without."""
PYTHON = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
  *"-m bench.run"*) exit {measured} ;;
  *"import pytest"*) exit {lacks_pytest} ;;
  *"-m pytest"*) exit {tested} ;;
esac
"""
"""In the place of Python: writes down what it is asked to do, and ends as it is told."""


def make(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Apart from a make that may have started these tests."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", "cuda", *arguments],
        cwd=ROOT,
        env=outside | environment,
        capture_output=True,
        text=True,
    )


def files_with_the_mark() -> set[str]:
    """Those that name it, and those that take the GPU that is simulated or real."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if any(_marks(node) for node in ast.walk(ast.parse(path.read_text())))
    }


def _marks(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "tests.simulated_cuda.fixtures"
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "cuda"
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "mark"
    )


def named_files() -> list[str]:
    text = (ROOT / "Makefile").read_text()
    found = re.search(r"^CUDA_TESTS := \\\n((?:\t.*\\\n)*\t.*)\n", text, re.MULTILINE)
    assert found
    return found.group(1).replace("\\", " ").split()


def test_the_files_that_it_names_are_those_that_carry_the_mark() -> None:
    assert named_files() == sorted(files_with_the_mark())


def test_its_tests_need_no_package_that_measuring_does_without() -> None:
    command = [sys.executable, "-m", "pytest", "-m", "cuda", "--collect-only", "--quiet"]
    without = {"HIDDEN_PACKAGES": DEVELOPMENT, "PYTHONPATH": str(SITE)}
    options = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist"]
    collected = subprocess.run(
        [*command, *options, *named_files()],
        cwd=ROOT,
        env=os.environ | without,
        capture_output=True,
        text=True,
    )
    assert collected.returncode == 0, collected.stdout
    for file in named_files():
        assert f"{file}::" in collected.stdout


@pytest.mark.parametrize(
    ("measured", "tested", "code"),
    [(0, 0, 0), (1, 0, 0), (2, 0, 2), (130, 0, 2), (0, 1, 2), (1, 4, 2)],
)
def test_it_measures_then_tests_and_ends_as_both_have_ended(
    measured: int, tested: int, code: int, tmp_path: Path
) -> None:
    """make itself ends with 2 where its recipe failed. A cell that failed is named in the table."""
    log, python = tmp_path / "log", tmp_path / "python"
    python.write_text(PYTHON.format(log=log, measured=measured, tested=tested, lacks_pytest=0))
    python.chmod(0o755)
    done = make(f"PYTHON={python}")
    assert done.returncode == code
    _, run, _, test = log.read_text().splitlines()
    assert run == "-m bench.run --device cuda --models all"
    assert test == f"-m pytest -m cuda {' '.join(named_files())}"
    assert f"exit code {measured}, the tests on the GPU with {tested}." in done.stderr


@pytest.mark.parametrize(("measured", "code"), [(0, 0), (2, 2)])
def test_without_pytest_it_measures_and_says_that_nothing_was_tested(
    measured: int, code: int, tmp_path: Path
) -> None:
    log, python = tmp_path / "log", tmp_path / "python"
    python.write_text(PYTHON.format(log=log, measured=measured, tested=0, lacks_pytest=1))
    python.chmod(0o755)
    done = make(f"PYTHON={python}")
    assert done.returncode == code
    assert "-m pytest" not in log.read_text()
    assert "nothing was tested" in done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("hidden", ["", DEVELOPMENT, f"{DEVELOPMENT} pytest _pytest"])
def test_on_a_simulated_gpu_with_and_without_packages_of_the_tests(
    hidden: str, tmp_path: Path
) -> None:
    """The real commands; of the tests one file, which runs as on a real card."""
    out = tmp_path / "out"
    job = "--device cuda --models tests.fault_models:healthy --effort quick --samples 400"
    done = make(
        f"PYTHON={sys.executable}",
        f"CUDA_JOB={job} --output {out}",
        "CUDA_TESTS=tests/bench/measuring/test_stopwatch.py",
        **variables("data-centre card", tmp_path / "gpu"),
        HIDDEN_PACKAGES=hidden,
        TMPDIR=str(tmp_path),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NVIDIA H100" in (out / "table1.md").read_text()
    assert ("nothing was tested" in done.stderr) == ("pytest" in hidden.split())
    assert ("1 passed" in done.stdout) == ("pytest" not in hidden.split())
