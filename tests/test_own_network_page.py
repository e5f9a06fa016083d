"""The files and commands of docs/own-network.md work as they are printed, in an empty folder."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench.gate.budgets import read_budgets
from bench.networks.factory import resolve_factory
from tests.bench.counting.layer_counts import count, total

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "own-network.md").read_text(encoding="utf-8")
FILES = re.findall(r"```(?:python|toml)\n# (\w+\.\w+)\n(.*?)```", PAGE, re.S)
COMMANDS = re.findall(r"```console\nseparation-bench (.*?)\n```", PAGE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files that the page shows and nothing else."""
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_other_network_maps_as_it_says() -> None:
    import torch

    network = resolve_factory("my_other_network.py:build")()
    assert network(torch.ones(2, 1, 80)).shape == (2, 2, 80)
    macs = total(count(lambda: network(torch.ones(2, 1, 80))))
    assert macs == 2 * 10 * 8 * 16


def test_its_budget_is_one(folder: Path) -> None:
    assert "my_network.py:build" in str(read_budgets(folder / "budgets.toml"))


@pytest.mark.thorough
def test_its_commands_end_well(folder: Path) -> None:
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, ROOT / "separation_bench.py", *shlex.split(command)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
    table = (folder / "reports" / "table1.md").read_text(encoding="utf-8")
    assert "my_network.py:build" in table
    assert (folder / "reports" / "costs.png").exists()
