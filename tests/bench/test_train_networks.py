"""Each network of the paper's Table 1, killed in the middle of a training, goes on to the bit."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.networks.checkpoint import load_state
from bench.registry import select_entries
from bench.results.training import METRICS_NAME, TrainingLine, read_training
from bench.training.folder import STATE_NAME

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
OPTIONS = (
    "--quick --samples 2000 --batch 1 --epoch-size 100 --validation 1 --validations 2 "
    "--max-steps 4 --save-s 0 --device cpu --threads 1"
).split()


def command(model: str, output: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "bench.train",
        "--model",
        model,
        "--output",
        str(output),
        *OPTIONS,
    ]


def train(model: str, output: Path) -> None:
    subprocess.run(command(model, output), env=ENVIRONMENT, cwd=ROOT, check=True)


def train_until_killed(model: str, output: Path) -> None:
    """Killed at its first validation, that of the second of four steps."""
    with subprocess.Popen(
        command(model, output), env=ENVIRONMENT, cwd=ROOT, text=True, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert any("SI-SDRi" in line for line in process.stderr)
        process.send_signal(signal.SIGKILL)


def without_costs(path: Path) -> list[TrainingLine]:
    lines = read_training(path)
    return [replace(line, wall_s=0.0, cpu_s=0.0, energy_j=None) for line in lines]


@pytest.mark.thorough
@pytest.mark.parametrize("model", [entry.name for entry in select_entries(["table1"])])
def test_a_killed_network_ends_with_the_same_weights(model: str, tmp_path: Path) -> None:
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    train(model, straight)
    train_until_killed(model, killed)
    state = load_state(killed / STATE_NAME)
    assert state is not None
    assert 1 <= state["position"]["step"] < 4
    del state
    train(model, killed)
    one, other = load_state(straight / STATE_NAME), load_state(killed / STATE_NAME)
    assert one is not None
    assert other is not None
    assert one["position"]["step"] == 4
    for name, value in one["model"].items():
        assert torch.equal(value, other["model"][name]), name
    assert without_costs(straight / METRICS_NAME) == without_costs(killed / METRICS_NAME)
