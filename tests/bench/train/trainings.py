"""How these tests call the command, and what they read of its folder."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from bench.networks.checkpoint import load_state
from bench.training.folder import STATE_NAME
from tests.bench import tiny_corpora as tiny

ROOT = Path(__file__).parents[3]
DETERMINISTIC = "tests.bench.tiny_corpora:Deterministic"
THREE = "tests.bench.train.trainings:three"


def options(corpus: Path, output: Path, *more: str, model: str = tiny.FACTORY) -> list[str]:
    fixed = "--samples 400 --epoch-size 16 --validation 4 --epochs 3 --threads 1 --device cpu"
    places = ["--corpus", str(corpus), "--cache", str(corpus / "cache"), "--output", str(output)]
    return ["--model", model, *fixed.split(), *places, *more]


def start(*arguments: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def last_weights(output: Path) -> dict[str, torch.Tensor]:
    state = load_state(output / STATE_NAME)
    assert state is not None
    weights: dict[str, torch.Tensor] = state["model"]
    return weights


class Three(tiny.Deterministic):
    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        return super().forward(mixture)[:, [0, 1, 1]]


def three() -> torch.nn.Module:
    return Three()
